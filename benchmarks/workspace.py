"""Time and memory of `report` and `status` in a workspace of 500 runs, with millions of rows.

`python benchmarks/workspace.py [RUNS STEPS]`. Each run has the readings of the same network in
docs/findings/records.tar.xz, at every second measured step and changed by a few per cent, without the rows of
single images and channels.
"""

import multiprocessing as mp
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

NETWORKS = ("cnn", "resnet", "densenet", "se_resnet")
EPOCHS = 5
FINDINGS = Path(__file__).parent.parent / "docs" / "findings" / "records.tar.xz"
MARKDOWN = ["report", "--format", "html,md"]
ONE_BY_ONE = ("answers", "learning_order", "gates")
"""Probes with a reading for each image or channel."""


def fill(path: str, runs: int, steps: int) -> None:
    """Write one study of four networks with `runs / 4` seeds each, with noisy falling losses."""
    import numpy as np
    import polars as pl

    from skipscope.anatomy.describe import describe
    from skipscope.records.schema import DataCard, Member, Result, RunRecord, StudyRecord
    from skipscope.records.store import Workspace
    from skipscope.spec import Arm, Backend, DataRef, Recipe, RunSpec, StudySpec
    from skipscope.training.environment import environment

    workspace = Workspace(path)
    way = Backend(precision="fp32", memory_format="channels_last", kernels="stock", threads=1)
    recipe, ref = Recipe(epochs=EPOCHS).resolved(way), DataRef(name="shapes", sha256="0" * 64)
    study = StudySpec(name="many", data="shapes", seeds=runs // 4, arm=tuple(Arm(model=n) for n in NETWORKS))
    cards, here, members = {name: describe(name) for name in NETWORKS}, environment(), []
    measured = {}
    for name in NETWORKS:
        (run,) = (Workspace(FINDINGS).path / "runs").glob(f"{name}-s0-*")
        readings = Workspace(FINDINGS).run_folder(run.name).readings()
        watched = readings["step"].unique().sort().gather_every(2)  # of 19: the first and the last are kept
        measured[name] = readings.filter(
            ~pl.col("probe").is_in(ONE_BY_ONE), pl.col("step").is_in(watched.implode())
        )
    for seed in range(study.seeds):
        noise = np.random.default_rng(seed)
        for name in NETWORKS:
            spec = RunSpec(model=name, seed=seed, recipe=recipe, data=ref)
            folder = workspace.run_folder(spec.id)
            folder.path.mkdir(parents=True)
            folder.metrics.append(rows(steps, seed))
            off = pl.Series(noise.normal(1, 0.03, len(measured[name])))
            folder.write_readings(
                measured[name].with_columns(run=pl.lit(spec.id), value=pl.col("value") * off)
            )
            result = Result(
                val_loss=1.0,
                val_accuracy=0.6 + seed / 1e4,
                test_loss=1.0,
                test_accuracy=0.6 + seed / 1e4,
                seconds=60.0,
                train_seconds=50.0,
                images_per_second=1e3,
            )
            folder.write(
                RunRecord(
                    id=spec.id,
                    spec=spec,
                    state="done",
                    started="2026-01-01T00:00:00+00:00",
                    environment=here,
                    network=cards[name],
                    result=result,
                )
            )
            members.append(Member(arm=name, seed=seed, run=spec.id))
    card = DataCard(
        name="shapes",
        sha256="0" * 64,
        classes=tuple("abcdefghij"),
        train=10_000,
        validation=1_000,
        test=1_000,
        source="made up",
    )
    workspace.write_study(
        StudyRecord(
            study=study,
            data=card,
            members=tuple(members),
            planned="2026-01-01T00:00:00+00:00",
            command="skipscope run many",
        )
    )
    written = study.seeds * sum(map(len, measured.values()))
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    print(f"{runs} runs, {runs * steps:,} steps, {written:,} readings, {size / 1e6:.0f} MB", flush=True)


def rows(steps: int, seed: int) -> list[dict[str, object]]:
    """The rows of `metrics.jsonl` of one run."""
    import numpy as np

    losses = 2.3 * np.exp(np.random.default_rng(seed).normal(0, 0.1, steps)) * np.linspace(1, 0.3, steps)
    table: list[dict[str, object]] = []
    each = steps // EPOCHS
    for step, loss in enumerate(losses.tolist(), start=1):
        epoch = (step - 1) // each + 1
        table.append({"kind": "step", "step": step, "epoch": epoch, "loss": loss, "learning_rate": 0.01})
        if step % each == 0:
            table.append(
                {
                    "kind": "epoch",
                    "step": step,
                    "epoch": epoch,
                    "train_loss": loss,
                    "train_accuracy": 0.5,
                    "val_loss": loss,
                    "val_accuracy": 0.5,
                    "seconds": float(step),
                }
            )
    return table


def timed(*arguments: str) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak memory in GB of a `skipscope` command in its own process.

    Processor seconds are those of its own processes, too; on a machine with other work they say more.
    """
    # what is installed has its byte code, and so have these commands after their first run
    compiled = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = perf_counter()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", "from skipscope.cli import main; main()", *arguments],
        compiled,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, code, usage = os.wait4(pid, 0)
    if code:
        sys.exit(f"skipscope {' '.join(arguments)} failed")
    busy = usage.ru_utime + usage.ru_stime
    return perf_counter() - start, busy, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    """Create the workspace, then time each command three times."""
    runs, steps = (int(a) for a in sys.argv[1:3]) if len(sys.argv) > 2 else (500, 2_000)
    with tempfile.TemporaryDirectory() as folder:
        # in its own process: a child starts with its parent's memory, and torch needs much
        filling = mp.get_context("spawn").Process(target=fill, args=(folder, runs, steps))
        filling.start()
        filling.join()
        for command in (["status"], ["status", "--json"], ["report"], MARKDOWN):
            took = [timed(*command, "-w", folder) for _ in range(3)]
            seconds, busy = (sorted(column)[1] for column in list(zip(*took, strict=True))[:2])
            memory = max(each[2] for each in took)
            print(f"skipscope {' '.join(command):24} {seconds:6.2f} s  {busy:6.2f} s busy  {memory:5.2f} GB")
        page = Path(folder) / "reports" / "many" / "report.html"
        print(f"the page: {page.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
