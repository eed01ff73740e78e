"""`code.ipynb` of a hand-in: the networks of `code.py` one by one, with the outputs of the recorded runs.

Its cells read the records that lie beside it, so that they give these outputs wherever they are executed;
with `TRAIN = True` they train instead.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from skipscope.analysis.tables import ArmSummary, StudyTables
from skipscope.figures.epochs import panels
from skipscope.figures.rendering import drawing
from skipscope.submission.program import TrainedArm, literal, other_backends

RECORDED = {"train_loss": "training loss", "val_loss": "validation loss", "val_accuracy": "accuracy"}
"""Columns of an epoch's record, and what a chart calls them."""
SETUP = '''import json
import runpy
from pathlib import Path

from IPython.display import Image, display

TRAIN = {train}  # True: 从头训练 / train anew
ARCHIVE = "cifar-10-binary.tar.gz"  # or cifar-10-python.tar.gz, or the unpacked folder
RUNS = {runs}

code = runpy.run_path("code.py")
code["torch"].set_num_threads(code["THREADS"])
data = code["load"](Path(ARCHIVE)) if TRAIN else None
histories = {{}}


def history(arm):
    """One list of epochs a seed: trained here, or as the records have them."""
    if TRAIN:
        return [code["train"](arm, data, seed)[1] for seed in range(code["SEEDS"][arm])]
    return [recorded(arm, seed, Path("records/runs") / run) for seed, run in RUNS[arm].items()]


def recorded(arm, seed, folder):
    """The epochs of a finished run, printed as training prints them."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    keys = "epoch", "train_loss", "val_loss", "val_accuracy"
    epochs = [code["Epoch"](*(row[key] for key in keys)) for row in rows if row["kind"] == "epoch"]
    for epoch in epochs:
        print(f"{{arm}}, seed {{seed}}, {{epoch}}")
    accuracy = json.loads((folder / "run.json").read_text())["result"]["test_accuracy"]
    print(f"{{arm}}, seed {{seed}}: test accuracy {{accuracy:.2%}}")
    return epochs'''
CURVES = """code["draw"](histories, Path("curves.png"))
if Path("curves.png").exists():
    display(Image("curves.png"))"""
INTRO = """# code.ipynb

逐个给出 `code.py` 中各网络的结构、训练过程与曲线；在本文件夹中运行。
The networks of `code.py` one by one: structure, training, curves. Run it in this folder."""
FROM_RECORDS = """

下列输出取自 `records/` 中已完成的训练，图由 skipscope 按同样的数据绘制；把 `TRAIN` 改为 `True`，即从头训练。
The outputs are those of the finished runs in `records/`, the figure is skipscope's, of the same numbers; with
`TRAIN = True` the cells train anew."""
OTHER_BACKENDS = """ 这些训练的计算方式是 {backends}，与从头训练的结果相差舍入误差的累积。
They were computed in another way ({backends}): training anew differs by what rounding grows to."""


def notebook(tables: StudyTables, arms: Sequence[TrainedArm]) -> str:
    """Returns the notebook as JSON; arms without a finished run have cells without outputs."""
    done = {arm.label: _finished(tables, arm) for arm in arms}
    recorded = any(done.values())
    told = INTRO + (FROM_RECORDS if recorded else "")
    if recorded and (backends := other_backends(arms)):
        told += OTHER_BACKENDS.format(backends="; ".join(backends))
    cells = [_markdown(told), _code(SETUP.format(train=not recorded, runs=_runs(tables, done)), ran=recorded)]
    for arm in arms:
        key = literal(arm.label)
        cells.append(_markdown(f"## {arm.label}"))
        structure = _structure(tables, arm) if done[arm.label] else ""
        cells.append(_code(f'print(code["NETWORKS"][{literal(arm.network)}]())', _printed(structure)))
        log = "".join(_log(tables, arm.label, seed, run) for seed, run in done[arm.label].items())
        cells.append(_code(f"histories[{key}] = history({key})", _printed(log)))
    cells.append(_markdown("## 曲线 / Curves"))
    cells.append(_code(CURVES, _drawn(tables, done) if recorded else []))
    return _written(cells)


def _finished(tables: StudyTables, arm: TrainedArm) -> dict[int, str]:
    """Returns the arm's finished runs by seed."""
    mine = (entry for entry in tables.entries if entry.arm == arm.label and entry.state == "done")
    return {entry.seed: entry.run for entry in mine}


def _runs(tables: StudyTables, done: Mapping[str, Mapping[int, str]]) -> str:
    """Writes the folders of the runs as Python does, a line an arm."""
    folders = {
        arm: {seed: tables.workspace.run_folder(run).path.name for seed, run in runs.items()}
        for arm, runs in done.items()
    }
    lines = [f"    {literal(arm)}: {runs},\n".replace("'", '"') for arm, runs in folders.items()]
    return "{\n" + "".join(lines) + "}"


def _structure(tables: StudyTables, arm: TrainedArm) -> str:
    """Returns what `print(net)` says."""
    summary: ArmSummary = next(each for each in tables.summaries if each.arm == arm.label)
    return "" if summary.network is None else f"{summary.network.structure}\n"


def _log(tables: StudyTables, arm: str, seed: int, run: str) -> str:
    """Writes what the program prints while it trains, from the records."""
    lines = [
        f"{arm}, seed {seed}, epoch {row['epoch']}: training loss {row['train_loss']:.4f}, "
        f"validation loss {row['val_loss']:.4f}, accuracy {row['val_accuracy']:.2%}\n"
        for row in _epochs(tables, run).iter_rows(named=True)
    ]
    [record] = (entry.record for entry in tables.entries if entry.run == run and entry.arm == arm)
    tested = record.result.test_accuracy if record and record.result else float("nan")
    return "".join([*lines, f"{arm}, seed {seed}: test accuracy {tested:.2%}\n"])


def _epochs(tables: StudyTables, run: str) -> pl.DataFrame:
    return tables.metrics.filter(pl.col("run") == run, pl.col("kind") == "epoch")


def _drawn(tables: StudyTables, done: Mapping[str, Mapping[int, str]]) -> list[dict[str, Any]]:
    """Draws the curves of all finished runs as the output of a cell."""
    rows = [
        _epochs(tables, run).select("epoch", *RECORDED, arm=pl.lit(arm), seed=pl.lit(seed))
        for arm, runs in done.items()
        for seed, run in runs.items()
    ]
    png = drawing.png(panels(pl.concat(rows), list(done), RECORDED))
    shown = {"image/png": b64encode(png).decode(), "text/plain": ["<IPython.core.display.Image object>"]}
    return [{"output_type": "display_data", "data": shown, "metadata": {}}]


def _printed(text: str) -> list[dict[str, Any]]:
    lines = text.splitlines(keepends=True)
    return [{"output_type": "stream", "name": "stdout", "text": lines}] if lines else []


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str, outputs: Sequence[dict[str, Any]] = (), *, ran: bool = False) -> dict[str, Any]:
    """Returns a cell of code; it counts as executed if it `ran` or has outputs."""
    lines = text.splitlines(keepends=True)
    cell = {"cell_type": "code", "metadata": {}, "outputs": list(outputs), "source": lines}
    return cell | {"execution_count": bool(outputs) or ran or None}


def _written(cells: Sequence[dict[str, Any]]) -> str:
    """Writes the notebook; cells that were executed are numbered."""
    numbers: Iterator[int] = iter(range(1, len(cells) + 1))
    numbered = [
        {"id": f"cell-{index}", **cell}
        | ({"execution_count": next(numbers)} if cell.get("execution_count") else {})
        for index, cell in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    table = {"cells": numbered, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(table, ensure_ascii=False, indent=1) + "\n"
