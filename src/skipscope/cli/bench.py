"""`skipscope bench`: this machine, ours against the usual loop, in one run."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from skipscope.api.wording import counted
from skipscope.cli.options import DataDir, Json, console, print_json, print_table, table_of
from skipscope.language import spoken

if TYPE_CHECKING:
    from skipscope.bench.contest import Turns
    from skipscope.engine.autotune import BackendChoice
    from skipscope.spec import DataName

NETWORKS = ("cnn", "resnet", "densenet", "se_resnet")

Quick = Annotated[bool, typer.Option("--quick", help="Three short rounds instead of five: under 3 minutes.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--network", help="This network only; may be repeated.", show_default=False),
]


def bench(quick: Quick = False, network: Only = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Compare training speed with that of the usual loop."""
    import torch

    from skipscope.anatomy.describe import describe
    from skipscope.bench.contest import contest, convolution_peak
    from skipscope.data.dataset import load
    from skipscope.engine.autotune import Autotuner
    from skipscope.errors import DataError
    from skipscope.machine import cores
    from skipscope.spec import Recipe
    from skipscope.training.backend import device_count

    source: DataName = "cifar10"
    try:
        data = load(source, data_dir=data_dir)
    except DataError:
        source = "shapes"
        data = load(source)
    names = tuple(network or NETWORKS)
    macs = {name: describe(name).macs for name in names}
    rounds, seconds = (3, 2.0) if quick else (5, 10.0)
    runs = 1 if device_count() else cores()
    rows: dict[str, dict[str, Any]] = {}
    with console.status("Measuring how to compute on this machine") as shown:
        choice = Autotuner(data).choose([(name, Recipe()) for name in names], threads=1)
        shown.update(spoken("Measuring the peak of convolutions"))
        peaks = {"bf16": convolution_peak(torch.bfloat16), "fp32": convolution_peak(torch.float32)}
        if choice.backend.precision == "fp16":
            peaks["fp16"] = convolution_peak(torch.float16)
        for name in names:
            shown.update(spoken(f"{name}: {rounds} rounds, the usual loop and ours in turns"))
            turns = contest(
                name,
                choice.backend,
                data=source,
                data_dir=data_dir,
                rounds=rounds,
                seconds=seconds,
                runs=runs,
            )
            rows[name] = _row(turns, macs[name], peaks[choice.backend.precision])
    if json:
        _print_json(rows, peaks, choice)
    else:
        _print_table(rows, peaks, choice, rounds, runs)


def _row(result: "Turns", macs: int, peak: float) -> dict[str, float | None]:
    """Summarises a network under the documented keys; a step is three forward passes of arithmetic."""
    from statistics import median

    from skipscope.bench.quiet import spread

    ours = median(result.ours)
    return {
        "usual": median(result.usual),
        "ours": ours,
        "ratio": result.ratio,
        "spread": result.spread,
        "usual_spread": spread(result.usual),
        "others": result.others,
        "share_of_peak": 3 * macs * ours / 1e9 / peak,
    }


def _quiet(rows: dict[str, dict[str, Any]]) -> tuple[bool | None, float | None, float]:
    """Says whether the machine was quiet, what others took of it, and how far apart the usual rounds lay."""
    from skipscope.bench.quiet import was_quiet

    taken = [row["others"] for row in rows.values() if row["others"] is not None]
    apart = [row["usual_spread"] for row in rows.values()]
    most = max(taken, default=None)
    return was_quiet(most, apart), most, max(apart)


def _mean(rows: dict[str, dict[str, Any]]) -> float:
    from statistics import geometric_mean

    return geometric_mean([row["ratio"] for row in rows.values()])


def _print_json(rows: dict[str, Any], peaks: dict[str, float], choice: "BackendChoice") -> None:
    quiet, taken, _ = _quiet(rows)
    table = {"schema": 1, "ratio": _mean(rows), "networks": rows, "gmacs_per_second": peaks}
    table |= {"quiet": quiet, "others": taken}
    backend = choice.backend.model_dump()
    print_json(table | {"way": backend, "backend": backend})


def _print_table(
    rows: dict[str, dict[str, Any]], peaks: dict[str, float], choice: "BackendChoice", rounds: int, runs: int
) -> None:
    table = table_of("network", numbers=("usual img/s", "ours img/s", "speedup", "spread", "of the peak"))
    for name, row in rows.items():
        shares = [f"{row['ratio']:.2f}", f"{row['spread']:.2f}", f"{row['share_of_peak']:.0%}"]
        table.add_row(name, f"{row['usual']:,.0f}", f"{row['ours']:,.0f}", *shares)
    print_table(table)
    console.print(f"[bold]speedup {_mean(rows):.2f}[/], the geometric mean; medians of {rounds} rounds")
    console.print(
        f"usual: one run, DataLoader with 2 workers, fp32; "
        f"ours: {counted(runs, 'run')} side by side, {choice.backend}"
    )
    console.print(
        f"peak of 3x3 convolutions on all cores: {peaks['bf16']:,.0f} (bf16) and {peaks['fp32']:,.0f} (fp32) "
        "thousand million multiply-adds a second; Winograd's products do with fewer, which is not subtracted",
        soft_wrap=True,
    )
    quiet, taken, apart = _quiet(rows)
    told = f"the usual loop's rounds lay within {apart:.0%} of each other"
    console.print(told if taken is None else f"other programs took up to {taken:.0%} of the cores; {told}")
    if quiet is None:
        console.print("What other programs took is not known on this system: see to it that none worked.")
        return
    said = "these figures are not to be quoted; end other programs, then measure again"
    console.print("The machine was quiet." if quiet else f"[bold]The machine was not quiet:[/] {said}")
