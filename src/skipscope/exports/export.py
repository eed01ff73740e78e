"""Exports one finished run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skipscope.engine.trained import finished, network
from skipscope.errors import UnknownName, UsageError, WorkspaceError
from skipscope.exports.network import KINDS, packed
from skipscope.exports.numbers import csv_files, event_files
from skipscope.records.files import write_whole
from skipscope.records.schema import DataCard, RunRecord
from skipscope.records.store import Workspace

SUFFIXES = {"onnx": ".onnx", "torchscript": ".pt"}
"""How the name of a network's file ends."""
NUMBERS = {"tensorboard": event_files, "csv": csv_files}
"""What makes the files of a run's numbers."""
FORMATS = (*KINDS, *NUMBERS)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """Says what was exported of a run, and where it was written."""

    record: RunRecord
    path: Path
    """The network's file, or the folder of the files of numbers."""
    apart: float | None = None
    """How far the file's logits are from the network's, as a share of the largest."""
    data: DataCard | None = None
    """What the network was trained on, if a study here says so."""


def export(
    workspace: Workspace, name: str, to: str, *, step: int | None = None, path: Path | None = None
) -> Exported:
    """Exports the finished run called `name` (see `finished`).

    Args:
        workspace: holds the run.
        name: its id, the beginning of it, or an arm's name.
        to: one of `FORMATS`.
        step: the weights that the run kept after so many steps, in place of the trained ones.
        path: a network's file, or a folder; by default in the workspace's folder exports.

    Raises:
        UnknownName: there is no such run or format.
        UsageError: several runs match, or it kept no weights at this step.
        SkipscopeError: the network cannot be written so: a package is missing, say.
        WorkspaceError: the run is not finished, its files are damaged, or nothing can be written there.
    """
    if to not in FORMATS:
        raise UnknownName("export format", to, FORMATS)
    record = finished(workspace, name)
    _refuse_unless_kept(record, to, step)
    if to in NUMBERS:
        return _numbers(workspace, record, to, path)
    data = _data_of(workspace, record)
    stem = record.id if step is None else f"{record.id}-step-{step:06}"
    file = path or workspace.output / "exports"
    if path is None or path.is_dir():
        file /= stem + SUFFIXES[to]
    made = packed(network(workspace, record, step), to, _notes(record, data, step))
    _write(file, made.content)
    return Exported(record=record, path=file, apart=made.apart, data=data)


def _numbers(workspace: Workspace, record: RunRecord, to: str, path: Path | None) -> Exported:
    # TensorBoard names a run after its folder, and draws all below one together
    folder = path or workspace.output / "exports" / to / record.id
    for file, content in NUMBERS[to](workspace, record).items():
        _write(folder / file, content)
    return Exported(record=record, path=folder)


def _write(file: Path, content: bytes) -> None:
    try:
        write_whole(file, content)
    except WorkspaceError as error:
        hint = "free some space, get write permission, or choose another path with --output"
        raise WorkspaceError(error.what, where=error.where, hint=hint) from None


def _refuse_unless_kept(record: RunRecord, to: str, step: int | None) -> None:
    if step is None:
        return
    if to in NUMBERS:
        raise UsageError(f"As {to} a run has all its steps.", hint="leave --step out")
    steps = [each.step for each in record.snapshots]
    if step not in steps:
        kept = f"it kept those after the steps {', '.join(map(str, steps))}" if steps else "it kept none"
        raise UsageError(
            f"The run {record.id} did not keep its weights after step {step}.",
            hint=f"{kept}; without --step the trained network is exported",
        )


def _data_of(workspace: Workspace, record: RunRecord) -> DataCard | None:
    """Finds the data set as the last study with this run describes it."""
    for study in reversed(workspace.studies()):
        if any(member.run == record.id for member in study.members):
            return study.data
    return None


def _notes(record: RunRecord, data: DataCard | None, step: int | None) -> dict[str, Any]:
    """Collects what somebody who has the file alone needs to use it."""
    notes: dict[str, Any] = {"run": record.id, "step": step, "network": record.network.name}
    if data is not None:
        notes |= {"data": data.name, "classes": data.classes, "mean": data.mean, "std": data.std}
    return notes
