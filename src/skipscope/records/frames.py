"""Rows of metrics and readings as tables."""

import io
from pathlib import Path
from typing import Any

import polars as pl

from skipscope.errors import WorkspaceError
from skipscope.records.checksums import read_summed, write_summed
from skipscope.records.parquet import read_table

AGAIN = "give the command that trained the run again: what of a run is damaged is trained again"
"""What mends a file of a run."""

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


def write_readings(path: Path, readings: pl.DataFrame) -> None:
    """Puts a table of readings at `path`, whole or not at all, with its checksum beside it.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    content = io.BytesIO()
    readings.write_parquet(content)
    write_summed(path, content.getvalue())


def read_readings(path: Path, columns: dict[str, Any] = READINGS, *, todo: str) -> pl.DataFrame:
    """A table that `write_readings` wrote.

    Raises:
        WorkspaceError: the file is damaged; says `todo`.
    """
    try:
        table = pl.DataFrame(read_table(read_summed(path, todo=todo), list(columns)))
        return table.select(list(columns)).cast(columns)  # type: ignore[arg-type]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        what = f"These readings are damaged: {_first(error)}."
        raise WorkspaceError(what, where=str(path), todo=todo) from None


def read_rows(path: Path, lines: bytes, columns: dict[str, Any]) -> pl.DataFrame:
    """Lines of JSON, which were read from `path`, as a table without the column `run`.

    Raises:
        WorkspaceError: a line is damaged.
    """
    schema = {key: columns[key] for key in columns if key != "run"}
    if not lines:
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_ndjson(lines, schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise WorkspaceError(
            f"These rows are damaged: {_first(error)}.", where=str(path), todo=AGAIN
        ) from None


def _first(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
