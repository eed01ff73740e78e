"""Where records live: a workspace of run folders, study records and reports.

<workspace>/runs/<id>/{run.json, metrics.jsonl, readings.parquet, pictures.npz, test.npz, state.pt,
                       model.safetensors}
<workspace>/studies/<name>.json
<workspace>/data/<checksum>.npz
<workspace>/reports/<name>/
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.errors import UnknownName, WorkspaceError
from skipscope.records.files import (
    append_lines,
    read_arrays,
    read_record,
    whole_lines,
    write_arrays,
    write_record,
    write_whole,
    writing,
)
from skipscope.records.schema import RunRecord, StudyRecord

METRICS = {
    "run": pl.String,
    "kind": pl.String,
    "step": pl.Int64,
    "epoch": pl.Int64,
    "loss": pl.Float64,
    "learning_rate": pl.Float64,
    "train_loss": pl.Float64,
    "train_accuracy": pl.Float64,
    "val_loss": pl.Float64,
    "val_accuracy": pl.Float64,
    "seconds": pl.Float64,
}
"""The columns of `Workspace.metrics()`; accuracies are shares in 0..1, seconds are since the run's start."""

READINGS = {
    "run": pl.String,
    "probe": pl.String,
    "step": pl.Int64,
    "place": pl.String,
    "quantity": pl.String,
    "value": pl.Float64,
}
"""The columns of `Workspace.readings()`; a value that is not finite is null. Units stand with the probe."""


START: dict[str, Any] = {"seed": pl.Int64} | READINGS
"""The columns of readings of untrained networks; run is the network's name."""


class RunFolder:
    """One run's files."""

    def __init__(self, path: Path) -> None:
        """A folder that need not exist yet."""
        self.path = path
        self.record_file = path / "run.json"
        self.metrics_file = path / "metrics.jsonl"
        self.readings_file = path / "readings.parquet"
        self.readings_draft = path / "readings.jsonl"
        self.pictures_file = path / "pictures.npz"
        self.test_file = path / "test.npz"
        self.state_file = path / "state.pt"
        self.model_file = path / "model.safetensors"

    def read(self) -> RunRecord | None:
        """The run's record, or None where there is none yet.

        Raises:
            WorkspaceError: the file is damaged, or a newer skipscope wrote it.
        """
        return read_record(self.record_file, RunRecord) if self.record_file.exists() else None

    def write(self, record: RunRecord) -> None:
        """Puts the record in place of the one before."""
        write_record(self.record_file, record)

    def append_metrics(self, rows: list[dict[str, Any]]) -> None:
        """Adds rows at the end of `metrics.jsonl`."""
        append_lines(self.metrics_file, rows)

    def append_readings(self, rows: list[dict[str, Any]]) -> None:
        """Adds readings of a run that is being trained at the end of `readings.jsonl`."""
        if rows:
            append_lines(self.readings_draft, rows)

    def drafted_readings(self) -> pl.DataFrame:
        """The readings of a run that is being trained, with the columns `READINGS`."""
        lines = whole_lines(self.readings_draft)
        if not lines:
            return pl.DataFrame(schema=READINGS)
        rows = pl.read_ndjson(lines, schema={key: READINGS[key] for key in READINGS if key != "run"})
        return rows.with_columns(run=pl.lit(self.path.name)).select(list(READINGS))

    def readings(self) -> pl.DataFrame:
        """The run's readings as far as there are any, with the columns `READINGS`.

        Raises:
            WorkspaceError: the file is damaged.
        """
        if not self.readings_file.exists():
            return self.drafted_readings()
        return _readings(self.readings_file, todo=f"delete that file, then: skipscope probe {self.path.name}")

    def pictures(self) -> dict[str, NDArray[Any]]:
        """Arrays for pictures of the trained network by name, as far as there are any.

        Raises:
            WorkspaceError: the file is damaged.
        """
        return read_arrays(
            self.pictures_file, todo=f"delete that file, then: skipscope probe {self.path.name}"
        )

    def write_right(self, right: NDArray[np.bool_]) -> None:
        """Keeps which of the test images, in their order, the trained network classifies rightly."""
        write_arrays(self.test_file, {"right": np.packbits(right), "images": np.array(len(right))})

    def right(self) -> NDArray[np.bool_] | None:
        """The same read back; None of runs that are not finished, or older.

        Raises:
            WorkspaceError: the file is damaged.
        """
        kept = read_arrays(self.test_file, todo="delete that file: intervals are then of the seeds alone")
        return np.unpackbits(kept["right"], count=int(kept["images"])).astype(bool) if kept else None

    def write_readings(self, readings: pl.DataFrame) -> None:
        """Puts all readings of the run in place of those before."""
        write_readings(self.readings_file, readings)

    def last_step(self) -> int:
        """The last step that `metrics.jsonl` tells of, 0 where there is none."""
        row = self._last_row(b"")
        return int(row["step"]) if row else 0

    def last_epoch(self) -> dict[str, Any] | None:
        """The row of the last whole epoch, None before the first ends."""
        return self._last_row(b'"kind": "epoch"')

    def _last_row(self, marked: bytes) -> dict[str, Any] | None:
        """The last row with these bytes in it: a file of many rows is not parsed for one."""
        lines = self.whole_lines().splitlines()
        line = next((line for line in reversed(lines) if marked in line), None)
        return None if line is None else json.loads(line)

    def cut(self, step: int) -> None:
        """Drops what was written after `step`: the run goes on from there and writes it again."""
        for path in (self.metrics_file, self.readings_draft):
            if path.exists():
                rows = map(json.loads, whole_lines(path).splitlines())
                kept = [json.dumps(row) + "\n" for row in rows if row["step"] <= step]
                write_whole(path, "".join(kept).encode())

    def whole_lines(self) -> bytes:
        """`metrics.jsonl` without a last line that was being written when the process was stopped."""
        return whole_lines(self.metrics_file)


class Workspace:
    """The folder a user's runs, studies and reports live in."""

    def __init__(self, path: Path | str) -> None:
        """A folder that need not exist yet."""
        self.path = Path(path)

    def run_folder(self, run: str) -> RunFolder:
        """The folder of the run with this id."""
        return RunFolder(self.path / "runs" / run)

    def report_folder(self, study: str) -> Path:
        """Where the study's report is written."""
        return self.path / "reports" / study

    def runs(self) -> list[RunRecord]:
        """Every run, in the order of their ids."""
        folders = sorted((self.path / "runs").glob("*/run.json"))
        return [read_record(path, RunRecord) for path in folders]

    def run(self, id: str) -> RunRecord:
        """The run with this id.

        Raises:
            UnknownName: there is none.
        """
        record = self.run_folder(id).read()
        if record is None:
            raise UnknownName("run", id, [run.id for run in self.runs()])
        return record

    def studies(self) -> list[StudyRecord]:
        """Every study, the most recently planned last."""
        records = [read_record(path, StudyRecord) for path in sorted((self.path / "studies").glob("*.json"))]
        return sorted(records, key=lambda record: record.planned)

    def study(self, name: str | None = None) -> StudyRecord:
        """The study of this name, or the most recently planned.

        Raises:
            UnknownName: there is no study of this name.
            WorkspaceError: there is no study at all.
        """
        records = self.studies()
        if not records:
            raise WorkspaceError(
                "There is no study in this workspace.",
                where=str(self.path),
                todo="run one (skipscope demo, skipscope run lab) or name its folder with --workspace",
            )
        by_name = {record.study.name: record for record in records}
        if name is None:
            return records[-1]
        if name not in by_name:
            raise UnknownName("study in this workspace", name, by_name)
        return by_name[name]

    def write_study(self, record: StudyRecord) -> None:
        """Puts the study's record in place of the one before."""
        write_record(self.path / "studies" / f"{record.study.name}.json", record)

    def metrics(self, ids: Iterable[str] | None = None) -> pl.DataFrame:
        """Every row of every `metrics.jsonl` (or of the runs named), with the columns `METRICS`."""
        wanted = [run.id for run in self.runs()] if ids is None else list(ids)
        frames = [pl.DataFrame(schema=METRICS)]
        for id in wanted:
            if lines := self.run_folder(id).whole_lines():
                rows = pl.read_ndjson(lines, schema={key: METRICS[key] for key in METRICS if key != "run"})
                frames.append(rows.with_columns(run=pl.lit(id)).select(list(METRICS)))
        return pl.concat(frames)

    def readings(
        self, ids: Iterable[str] | None = None, *, probes: Iterable[str] | None = None
    ) -> pl.DataFrame:
        """Every reading of every run (or of the runs, or by the probes, named), with the columns `READINGS`.

        Raises:
            WorkspaceError: a file of readings is damaged.
        """
        wanted = [run.id for run in self.runs()] if ids is None else list(ids)
        frames = [pl.DataFrame(schema=READINGS)]
        for id in wanted:
            frame = self.run_folder(id).readings()
            frames.append(frame if probes is None else frame.filter(pl.col("probe").is_in(list(probes))))
        return pl.concat(frames)

    def start_file(self, name: str) -> Path:
        """Where readings of untrained networks are, by their `spec.start_name`."""
        return self.path / "start" / f"{name}.parquet"

    def start_readings(self, name: str) -> pl.DataFrame:
        """What networks of many seeds read before their first step: seed and the columns `READINGS`.

        Raises:
            WorkspaceError: the file is damaged.
        """
        path = self.start_file(name)
        if not path.exists():
            return pl.DataFrame(schema=START)
        return _readings(path, START, todo="delete that file and run the study again")

    def sample(self, sha256: str) -> dict[str, NDArray[Any]]:
        """The validation images that probes look at: images (N 32 32 3), labels, positions in the split.

        Empty where no run has left them.

        Raises:
            WorkspaceError: the file is damaged.
        """
        path = self.sample_file(sha256)
        return read_arrays(
            path, todo="delete that file, then: skipscope probe RUN, for any run of the data set"
        )

    def sample_file(self, sha256: str) -> Path:
        """Where the validation images are that probes look at, for a data set by its checksum."""
        return self.path / "data" / f"{sha256[:8]}.npz"


def write_readings(path: Path, readings: pl.DataFrame) -> None:
    """Puts a table of readings at `path`, whole or not at all.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    with writing(path) as draft:
        readings.write_parquet(draft)


def _readings(path: Path, columns: dict[str, Any] = READINGS, *, todo: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(path).select(list(columns)).cast(columns)  # type: ignore[arg-type]
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"These readings are damaged: {str(error).splitlines()[0]}."
        raise WorkspaceError(what, where=str(path), todo=todo) from None
