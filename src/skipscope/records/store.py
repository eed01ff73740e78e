"""Where records live: a workspace of run folders, study records and reports.

<workspace>/runs/<id>/{run.json, metrics.jsonl, readings.parquet, pictures.npz, test.npz, model.safetensors,
                       snapshots/step-NNNNNN.safetensors, SHA256SUMS; buffers.safetensors if there are others}
                     while it trains: {state.pt, state.before.pt, readings.jsonl}
<workspace>/studies/<name>.json
<workspace>/data/<checksum>.npz
<workspace>/reports/<name>/

An archive of such a folder can be read in its stead.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from skipscope import records
from skipscope.errors import UnknownName, WorkspaceError
from skipscope.records.archived import is_archive, unpacked
from skipscope.records.checksums import AGAIN
from skipscope.records.files import read_record, record_bytes, write_whole
from skipscope.records.glances import RunGlance, StudyGlance
from skipscope.records.run_folder import RunFolder
from skipscope.records.schema import RunRecord, StudyRecord
from skipscope.spec.network import OWN

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["RunFolder", "Workspace"]

USUAL = Path("skipscope-out")
"""Where commands look if nobody names a folder."""
TOGETHER = 50
"""Files that are read at a time."""


Seen = TypeVar("Seen", RunRecord, RunGlance)
Study = TypeVar("Study", StudyRecord, StudyGlance)


def opened(found: Seen | WorkspaceError) -> Seen:
    """A run that was found.

    Raises:
        WorkspaceError: it cannot be read.
    """
    if isinstance(found, WorkspaceError):
        raise found
    return found


class Workspace:
    """The folder a user's runs, studies and reports live in."""

    def __init__(self, path: os.PathLike[str] | str = USUAL) -> None:
        """A folder that need not exist yet, or an archive of one."""
        self.given = Path(path)
        """As it was named: an archive, say, where `path` is the folder that it was unpacked to."""
        archived = is_archive(self.given)
        self.path = unpacked(self.given) if archived else self.given
        self.output = USUAL if archived else self.path
        """The folder for reports and drawings."""

    def __fspath__(self) -> str:
        """Returns the folder, so that a workspace may stand where a path may."""
        return str(self.path)

    def typed(self, command: str) -> str:
        """Adds this workspace to a command, unless it is the usual one; leaves Python as it is."""
        if self.given == USUAL or not command.startswith("skipscope "):
            return command
        return f"{command} -w {shlex.quote(str(self.given))}"

    def run_folder(self, run: str) -> RunFolder:
        """Returns the folder of the run with this id, or with the id that it had before.

        Until a user's network could not be called as one of ours, `own_resnet20-...` was `resnet20-...`.
        """
        folder = self.path / "runs" / run
        if run.startswith(OWN) and not folder.exists():
            older = self.path / "runs" / run.removeprefix(OWN)
            folder = older if older.exists() else folder
        return RunFolder(folder)

    def report_folder(self, study: str) -> Path:
        """Returns where the study's report is written."""
        return self.output / "reports" / study

    def runs(self) -> Sequence[RunRecord]:
        """Reads every run, in the order of their ids; skips copies of a run's folder under another name.

        Raises:
            WorkspaceError: one of them cannot be read.
        """
        return [opened(found) for found in self.found().values()]

    def found(self) -> dict[str, RunRecord | WorkspaceError]:
        """Reads every run by its id; one that cannot be read is the error that says why."""
        return dict(self.each_found(RunRecord))

    def each_found(self, kind: type[Seen]) -> Iterator[tuple[str, Seen | WorkspaceError]]:
        """Yields what `found` returns, or glances, run by run: to keep hundreds costs as much as to read."""
        for folder in sorted(file.parent for file in (self.path / "runs").glob("*/run.json")):
            try:
                record = RunFolder(folder).read_as(kind)
            except WorkspaceError as error:
                yield folder.name, error
            else:
                if record is not None and record.id == folder.name:
                    yield folder.name, record

    def run(self, id: str) -> RunRecord:
        """Reads the run with this id.

        Raises:
            UnknownName: there is none.
        """
        record = self.run_folder(id).read()
        if record is None:
            raise UnknownName("run", id, self.found())
        return record

    def studies(self) -> list[StudyRecord]:
        """Reads every study in the order of planning; those of one time in the order of writing."""
        return self.studies_as(StudyRecord)

    def studies_as(self, kind: type[Study]) -> list[Study]:
        """Reads every study as `studies` does, or as much of it as `kind` has."""
        files = sorted((self.path / "studies").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        records = [read_record(path, kind) for path in files]
        return sorted(records, key=lambda record: record.planned)

    def study(self, name: str | None = None) -> StudyRecord:
        """Reads the study of this name, or the most recently planned.

        Raises:
            UnknownName: there is no study of this name.
            WorkspaceError: there is no study at all.
        """
        records = self.studies()
        if not records:
            raise WorkspaceError(
                "There is no study in this workspace.",
                where=str(self.given),
                hint="run one (skipscope demo, skipscope run lab) or name its folder with --workspace",
            )
        if name is None:
            return records[-1]
        by_name = {record.study.name: record for record in records}
        if name not in by_name:
            raise UnknownName("study in this workspace", name, by_name)
        return by_name[name]

    def write_study(self, record: StudyRecord) -> None:
        """Replaces the study's record."""
        path = self.path / "studies" / f"{record.study.name}.json"
        write_whole(path, record_bytes(record, path))

    def metrics(self, ids: Iterable[str] | None = None) -> pl.DataFrame:
        """Reads the rows of every `metrics.jsonl` (or of the runs named), with the columns `METRICS`.

        Raises:
            WorkspaceError: a file of metrics is damaged.
        """
        frames = records.frames
        found = (
            frames.read_all_rows({each.metrics_file: each.whole_lines() for each in folders}, frames.METRICS)
            for folders in self._some(ids)
        )
        return frames.together(found, frames.METRICS)

    def readings(
        self,
        ids: Iterable[str] | None = None,
        *,
        probes: Iterable[str] | None = None,
        with_place: bool = True,
        by_probe: bool = False,
    ) -> pl.DataFrame:
        """Reads the readings of every run (or of the runs, or by the probes, named): the columns `READINGS`.

        The last column, `place`, is the text that earlier versions had instead of `module` and the columns
        behind `value`. It will be dropped; `with_place=False` leaves it out. With `by_probe`, all rows of a
        probe stand together: a probe's rows are then selected without copying them.

        Raises:
            WorkspaceError: a file of readings is damaged.
        """
        frames = records.frames
        found = (_readings(folders) for folders in self._some(ids))
        if probes is not None:
            wanted = list(probes)
            found = (frame.filter(frame["probe"].is_in(wanted)) for frame in found)
        join = partial(frames.together_by, "probe") if by_probe else frames.together
        readings = join(found, records.readings.READINGS)
        return readings.with_columns(place=records.readings.schema_1_text()) if with_place else readings

    def _some(self, ids: Iterable[str] | None) -> Iterator[list[RunFolder]]:
        """Yields the folders of the runs named, or of all, some at a time: files are read faster together."""
        named = (run.id for run in self.runs()) if ids is None else ids
        folders = [self.run_folder(id) for id in named]
        yield from (folders[at : at + TOGETHER] for at in range(0, len(folders), TOGETHER))

    def start_file(self, name: str) -> Path:
        """Returns the file of an untrained network's readings, by its `spec.start_name`."""
        return self.path / "start" / f"{name}.parquet"

    def start_readings(self, name: str) -> pl.DataFrame:
        """Reads what was measured of many seeds before their first step: seed and the columns `READINGS`.

        Raises:
            WorkspaceError: the file is damaged.
        """
        path, columns = self.start_file(name), records.readings.START
        if not path.exists():
            return records.frames.together((), columns)
        hint = "delete that file and run the study again"
        return records.frames.read_readings(path, columns, hint=hint)

    def sample(self, sha256: str) -> dict[str, NDArray[Any]]:
        """Reads the images that probes look at: images (N 32 32 3), labels, positions in validation.

        Empty where no run has left them.

        Raises:
            WorkspaceError: the file is damaged.
        """
        hint = "delete that file, then: skipscope probe RUN, for any run of the data set"
        return records.arrays.read_arrays(self.sample_file(sha256), hint=hint)

    def sample_file(self, sha256: str) -> Path:
        """Returns the file of the validation images that probes look at, for a data set by its checksum."""
        return self.path / "data" / f"{sha256[:8]}.npz"


def _readings(folders: list[RunFolder]) -> pl.DataFrame:
    """Reads the readings of several runs in order; those of finished runs are read together."""
    if all(folder.readings_file.exists() for folder in folders):
        return records.frames.read_all_readings([each.readings_file for each in folders], hint=AGAIN)
    return records.frames.together((each.readings() for each in folders), records.readings.READINGS)
