"""One run's files, as they are written while it trains and read afterwards.

Whatever is final has its checksum in SHA256SUMS; what grows while the run trains is a journal.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from skipscope import records
from skipscope.errors import DamagedFile, WorkspaceError
from skipscope.records.checksums import (
    AGAIN,
    SUMS,
    add_checksum,
    damaged_files,
    drop_checksums,
    has_checksum,
    listed_below,
    read_checksummed,
    write_checksummed,
)
from skipscope.records.files import (
    Record,
    make_folder,
    read_record,
    reading,
    record_bytes,
    remove,
    whole_lines,
)
from skipscope.records.journal import Journal, Mark
from skipscope.records.schema import Row, RunRecord

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


SNAPSHOTS = "snapshots"
"""The folder of weights that were kept while the run trained. Whoever deletes it loses them, not the run."""


def _file(name: str) -> cached_property[Path]:
    """Joins the name to a folder's path when it is asked for: reading hundreds of runs needs few of them."""
    return cached_property(lambda folder: folder.path / name)


class RunFolder:
    """Reads and writes one run's files."""

    def __init__(self, path: Path) -> None:
        """A folder that need not exist yet."""
        self.path = path

    record_file = _file("run.json")
    metrics_file = _file("metrics.jsonl")
    readings_file = _file("readings.parquet")
    readings_draft = _file("readings.jsonl")
    pictures_file = _file("pictures.npz")
    test_file = _file("test.npz")
    state_file = _file("state.pt")
    state_before = _file("state.before.pt")
    model_file = _file("model.safetensors")
    buffers_file = _file("buffers.safetensors")
    snapshots = _file(SNAPSHOTS)

    @cached_property
    def results(self) -> list[Path]:
        """What is made anew when training ends; a finished run has its metrics besides."""
        weights = [self.model_file, self.buffers_file]
        return [*weights, self.readings_file, self.pictures_file, self.test_file]

    @cached_property
    def metrics(self) -> Journal:
        """The rows of its training."""
        return Journal(self.metrics_file)

    @cached_property
    def draft(self) -> Journal:
        """The readings of a run that is being trained."""
        return Journal(self.readings_draft)

    def make(self) -> None:
        """Makes the folder if there is none: only a run that begins does this.

        What is written later does not: a folder that was deleted meanwhile stays so.

        Raises:
            WorkspaceError: it cannot be made.
        """
        make_folder(self.path)

    def read(self) -> RunRecord | None:
        """Reads the run's record; None if there is none yet.

        Raises:
            DamagedFile: the file, or the list of checksums, is damaged.
            WorkspaceError: the file is no record, or a newer skipscope wrote it.
        """
        return self.read_as(RunRecord)

    def read_as(self, kind: type[Record]) -> Record | None:
        """Reads the run's record, or as much of it as `kind` has, as `read` does."""
        if not self.record_file.exists():
            return None
        return read_record(self.record_file, kind, read_checksummed)

    def read_if_sound(self) -> RunRecord | None:
        """Reads the run's record; None where there is none, or a damaged one: the run is trained again.

        Raises:
            WorkspaceError: the file is no record, or a newer skipscope wrote it.
        """
        try:
            return self.read()
        except DamagedFile:
            return None

    def write(self, record: RunRecord) -> None:
        """Replaces the record; that of a finished run closes its metrics with it.

        Raises:
            WorkspaceError: the folder cannot be written to, or the rows that were put in it are gone.
        """
        if record.state == "done":
            self.metrics.mark()
            if self.metrics_file.exists():
                add_checksum(self.metrics_file)
        content = record_bytes(record, self.record_file)
        write_checksummed(self.record_file, content, new_list=record.state == "unfinished")

    def damaged(self) -> list[str]:
        """Names a finished run's files that are missing or damaged, the list of checksums included."""
        found = self._changed()
        if not found:
            try:
                self.readings()
            except WorkspaceError:
                found.append(self.readings_file.name)
        return found

    def _changed(self) -> list[str]:
        """Names the files that are not what their checksums say."""
        files = (self.record_file, self.metrics_file, *self.results)
        return damaged_files(self.path, [path.name for path in files], spared=SNAPSHOTS)

    def tidy(self) -> None:
        """Removes what only an unfinished run needs."""
        remove(self.state_file, self.state_before, self.readings_draft)

    def begin(self) -> None:
        """Removes what an earlier training of the run left: it starts."""
        self._forget_what_is_final()
        self.keep_snapshots(())
        for journal in (self.metrics, self.draft):
            journal.begin()

    def _forget_what_is_final(self, *, but: Path | None = None) -> None:
        """Removes what was written at the end of a training that was cut off there, or is damaged."""
        final = [path for path in self.results if path != but]
        remove(*final)
        drop_checksums(self.path, [path.name for path in (self.metrics_file, *final)])

    def append_readings(self, rows: list[dict[str, Any]]) -> None:
        """Adds readings of a run that is being trained at the end of `readings.jsonl`."""
        if rows:
            self.draft.append(rows)

    def marks(self) -> dict[str, Mark]:
        """Returns the positions of the run's journals, for a checkpoint."""
        return {journal.path.name: journal.mark() for journal in (self.metrics, self.draft)}

    def rewind(self, marks: dict[str, Mark] | None, step: int, *, trained: bool = False) -> None:
        """Drops what was written after a checkpoint at `step`: the run writes it again.

        Readings of a `trained` network, one whose checkpoint is the last step's, stay: probes that ended
        need not measure it again.

        Raises:
            WorkspaceError: what was written before it is damaged.
        """
        sound = has_checksum(self.readings_file) and not {SUMS, self.readings_file.name} & {*self._changed()}
        self._forget_what_is_final(but=self.readings_file if trained and sound else None)
        for journal in (self.metrics, self.draft):
            if marks is None:
                journal.cut(step)
            else:
                journal.rewind(marks[journal.path.name])

    def readings(self) -> pl.DataFrame:
        """Reads the run's readings as far as there are any, with the columns `READINGS`.

        Raises:
            WorkspaceError: the file is damaged.
        """
        if not self.readings_file.exists():
            return records.frames.read_draft(self.readings_draft, whole_lines(self.readings_draft))
        return records.frames.read_readings(self.readings_file, hint=AGAIN)

    def pictures(self) -> dict[str, NDArray[Any]]:
        """Reads the arrays for pictures of the trained network by name, as far as there are any.

        Raises:
            WorkspaceError: the file is damaged.
        """
        hint = f"make it again: skipscope probe {self.path.name}"
        return records.arrays.read_arrays(self.pictures_file, hint=hint)

    def write_pictures(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Replaces all pictures of the run."""
        write_checksummed(self.pictures_file, records.arrays.packed_arrays(arrays))

    def write_right(self, right: NDArray[np.bool_]) -> None:
        """Keeps which of the test images, in their order, the trained network classifies rightly."""
        write_checksummed(self.test_file, records.arrays.packed_bits(right))

    def right(self) -> NDArray[np.bool_] | None:
        """Reads what `write_right` kept; None for unfinished runs and older ones.

        Raises:
            WorkspaceError: the file is damaged.
        """
        hint = "delete that file: intervals are then of the seeds alone"
        return records.arrays.read_bits(self.test_file, hint=hint)

    def write_readings(self, readings: pl.DataFrame) -> None:
        """Replaces all readings of the run."""
        records.frames.write_readings(self.readings_file, readings)

    def write_model(self, content: bytes) -> None:
        """Replaces the trained weights, given as safetensors."""
        write_checksummed(self.model_file, content)

    def write_buffers(self, content: bytes) -> None:
        """Keeps tensors that a trained network computes with and its weights leave out, as safetensors."""
        write_checksummed(self.buffers_file, content)

    def snapshot_file(self, step: int) -> Path:
        """Returns the file of the weights after so many steps."""
        return self.snapshots / f"step-{step:06}.safetensors"

    def write_snapshot(self, step: int, content: bytes) -> None:
        """Keeps the weights after so many steps, given as safetensors."""
        write_checksummed(self.snapshot_file(step), content, folder=self.path)

    def keep_snapshots(self, steps: Collection[int]) -> None:
        """Removes the weights of other steps: they were written after the checkpoint, and will be again."""
        kept = {self.snapshot_file(step).name for step in steps}
        remove(*(path for path in self.snapshots.glob("step-*.safetensors") if path.name not in kept))
        listed = listed_below(self.path, SNAPSHOTS)
        drop_checksums(self.path, [name for name in listed if name.rpartition("/")[2] not in kept])
        with suppress(OSError):  # it has weights in it, or there is none
            self.snapshots.rmdir()

    def last_step(self) -> int:
        """Reads the last step in `metrics.jsonl`; 0 if there is none."""
        row = self._last_row(b"")
        return (row and row.step) or 0

    def last_epoch(self) -> Row | None:
        """Reads the row of the last complete epoch; None before the first ends."""
        return self._last_row(b'"kind": "epoch"')

    def _last_row(self, marked: bytes) -> Row | None:
        """Finds the last row with these bytes in it without parsing the others."""
        lines = self.whole_lines().splitlines()
        line = next((line for line in reversed(lines) if line.strip() and marked in line), None)
        try:
            return None if line is None else Row.model_validate_json(line)
        except ValidationError as error:
            why = error.errors(include_url=False)[0]["msg"]
            what = f"This row is damaged: {why}."
            raise WorkspaceError(what, where=str(self.metrics_file), hint=AGAIN) from None

    def whole_lines(self) -> bytes:
        """Reads `metrics.jsonl` without a last line that was being written when the process stopped.

        Raises:
            WorkspaceError: the file is damaged, or cannot be read.
        """
        with reading(self.metrics_file):
            return whole_lines(self.metrics_file, read_checksummed)
