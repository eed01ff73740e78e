"""Rows of metrics and readings as tables."""

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from skipscope.errors import WorkspaceError
from skipscope.records.checksums import AGAIN, read_checksummed, write_checksummed
from skipscope.records.parquet import read_table
from skipscope.records.readings import READINGS, SCHEMA_1, migrate

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


def write_readings(path: Path, readings: pl.DataFrame) -> None:
    """Writes a table of readings to `path`, whole or not at all, with its checksum beside it.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    content = io.BytesIO()
    readings.write_parquet(content)
    write_checksummed(path, content.getvalue())


def read_readings(path: Path, columns: dict[str, Any] = READINGS, *, hint: str) -> pl.DataFrame:
    """Reads a table of readings, in either schema, with these columns of schema 2.

    Raises:
        WorkspaceError: the file is damaged; says `hint`.
    """
    return _as_readings([_arrow(path, columns, hint=hint)], path, columns, hint=hint)


def read_all_readings(paths: Sequence[Path], *, hint: str) -> pl.DataFrame:
    """Reads the tables of several runs, one after the other, in half the time.

    Raises:
        WorkspaceError: a file is damaged; says `hint`.
    """
    tables = [_arrow(path, READINGS, hint=hint) for path in paths]
    try:
        return _as_readings(tables, Path(), READINGS, hint=hint)
    except WorkspaceError:  # of which of them?
        each = zip(tables, paths, strict=True)
        return pl.concat([_as_readings([table], path, READINGS, hint=hint) for table, path in each])


def _arrow(path: Path, columns: dict[str, Any], *, hint: str) -> Any:
    try:
        table = read_table(read_checksummed(path, hint=hint), [*columns, "place"])
    except (OSError, ValueError) as error:
        raise _damaged("readings", error, path, hint=hint) from None
    needed = set(columns) - (set(READINGS) - set(SCHEMA_1) if "place" in table.column_names else set())
    if missing := ", ".join(sorted(needed - set(table.column_names))):
        raise _damaged("readings", ValueError(f"there is no column {missing}"), path, hint=hint)
    return table


def _as_readings(tables: Sequence[Any], path: Path, columns: dict[str, Any], *, hint: str) -> pl.DataFrame:
    try:
        # of files in different schemas each lacks columns of the other, which become null
        table = pl.DataFrame(pa.concat_tables(tables, promote_options="default"))
        known = columns | {"place": pl.String}
        return migrate(table.cast({name: known[name] for name in table.columns})).select(list(columns))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException, ValueError) as error:
        raise _damaged("readings", error, path, hint=hint) from None


def read_rows(path: Path, lines: bytes, columns: dict[str, Any]) -> pl.DataFrame:
    """Parses lines of JSON, which were read from `path`, as a table without the column `run`.

    Raises:
        WorkspaceError: a line is damaged.
    """
    schema = {key: columns[key] for key in columns if key != "run"}
    if not lines:
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_ndjson(lines, schema=schema)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _damaged("rows", error, path, hint=AGAIN) from None


def together(tables: Iterable[pl.DataFrame], columns: dict[str, Any]) -> pl.DataFrame:
    """Concatenates tables with these columns; none become an empty one."""
    return pl.concat([pl.DataFrame(schema=columns), *tables])


def of_probes(readings: pl.DataFrame, probes: Sequence[str]) -> pl.DataFrame:
    """Selects the readings by these probes."""
    return readings.filter(pl.col("probe").is_in(probes))


def read_draft(path: Path, lines: bytes) -> pl.DataFrame:
    """Parses the readings of a run in training: lines of JSON, in either schema; adds the run's name.

    Raises:
        WorkspaceError: a line is damaged.
    """
    rows = read_rows(path, lines, READINGS | {"place": pl.String})
    return migrate(rows.with_columns(run=pl.lit(path.parent.name))).select(list(READINGS))


def read_all_rows(files: Mapping[Path, bytes], columns: dict[str, Any]) -> pl.DataFrame:
    """Parses the rows of several files, one after the other; the column `run` is the name of a file's folder.

    Raises:
        WorkspaceError: a line is damaged.
    """
    lines = [content.count(b"\n") for content in files.values()]
    try:
        rows = read_rows(Path(), b"".join(files.values()), columns)
    except WorkspaceError:  # of which of them?
        rows = pl.DataFrame()
    if rows.height != sum(lines):  # a line may be blank
        each = [read_rows(path, content, columns) for path, content in files.items()]
        rows, lines = pl.concat(each), [frame.height for frame in each]
    names = pl.Series([path.parent.name for path in files], dtype=pl.String)
    return rows.with_columns(run=names.gather(np.repeat(np.arange(len(lines)), lines))).select(list(columns))


def _damaged(what: str, error: BaseException, path: Path, *, hint: str) -> WorkspaceError:
    first = (str(error) or type(error).__name__).splitlines()[0]
    return WorkspaceError(f"These {what} are damaged: {first}.", where=str(path), hint=hint)
