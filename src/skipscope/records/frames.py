"""Rows of metrics and readings as tables."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from skipscope.errors import WorkspaceError
from skipscope.records.checksums import AGAIN, read_checksummed, write_checksummed
from skipscope.records.parquet import read_table
from skipscope.records.readings import READINGS, SCHEMA_1, migrate

_NUMBERS = "loss", "learning_rate", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"
_OF_CHECKS = "batch_loss", "batch_accuracy"  # with BatchNorm's statistics of the batch; null in other rows
METRICS: dict[str, Any] = {"run": pl.String, "kind": pl.String, "step": pl.Int64, "epoch": pl.Int64}
METRICS |= dict.fromkeys((*_NUMBERS, *_OF_CHECKS), pl.Float64)
"""The columns of `Workspace.metrics()`; accuracies are shares in 0..1, seconds are since the run's start."""
DAMAGE = OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException, pa.ArrowException
"""What damaged files make their readers raise."""


def write_readings(path: Path, readings: pl.DataFrame) -> None:
    """Writes a table of readings to `path`, whole or not at all, with its checksum beside it.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    content = io.BytesIO()
    readings.write_parquet(content, compression_level=19)  # a tenth smaller, for a fifth of a second
    write_checksummed(path, content.getvalue())


def read_readings(path: Path, columns: dict[str, Any] = READINGS, *, hint: str) -> pl.DataFrame:
    """Reads a table of readings, in either schema, with these columns of schema 2.

    Raises:
        WorkspaceError: the file is damaged; says `hint`.
    """
    with _damage("readings", path, hint=hint):
        return _as_readings([_arrow(path, columns, hint=hint)], columns)


def read_all_readings(paths: Sequence[Path], *, hint: str) -> pl.DataFrame:
    """Reads the tables of several runs, one after the other, in half the time.

    Raises:
        WorkspaceError: a file is damaged; says `hint`.
    """
    try:
        return _as_readings([_arrow(path, READINGS, hint=hint) for path in paths], READINGS)
    except DAMAGE:  # of which of them?
        return pl.concat([read_readings(path, hint=hint) for path in paths])


def _arrow(path: Path, columns: dict[str, Any], *, hint: str) -> Any:
    table = read_table(read_checksummed(path, hint=hint), [*columns, "place"])
    needed = set(columns) - (set(READINGS) - set(SCHEMA_1) if "place" in table.column_names else set())
    if missing := ", ".join(sorted(needed - set(table.column_names))):
        raise ValueError(f"there is no column {missing}")
    return table


def _as_readings(tables: Sequence[Any], columns: dict[str, Any]) -> pl.DataFrame:
    # of files in different schemas each lacks columns of the other, which become null
    table = pl.DataFrame(pa.concat_tables(tables, promote_options="default"))
    known = columns | {"place": pl.String}
    return migrate(table.cast({name: known[name] for name in table.columns})).select(list(columns))


def read_rows(path: Path, lines: bytes, columns: dict[str, Any]) -> pl.DataFrame:
    """Parses lines of JSON, which were read from `path`, as a table without the column `run`.

    Raises:
        WorkspaceError: a line is damaged.
    """
    schema = {key: columns[key] for key in columns if key != "run"}
    if not lines:
        return pl.DataFrame(schema=schema)
    with _damage("rows", path, hint=AGAIN):
        return pl.read_ndjson(lines, schema=schema)


def together(tables: Iterable[pl.DataFrame], columns: dict[str, Any]) -> pl.DataFrame:
    """Concatenates tables with these columns; none become an empty one."""
    return pl.concat([pl.DataFrame(schema=columns), *tables])


def together_by(column: str, tables: Iterable[pl.DataFrame], columns: dict[str, Any]) -> pl.DataFrame:
    """Concatenates tables with these columns value by value of one of them, in the order of the tables.

    Each piece of memory then has rows of one value; polars does not copy a piece that a filter keeps whole.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    for table in tables:
        for part in table.partition_by(column, maintain_order=True):
            parts.setdefault(part[column][0], []).append(part)
    return together(chain.from_iterable(parts.values()), columns)


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


@contextmanager
def _damage(what: str, path: Path, *, hint: str) -> Iterator[None]:
    """Makes a WorkspaceError of what a damaged file makes its reader raise."""
    try:
        yield
    except DAMAGE as error:
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise WorkspaceError(f"These {what} are damaged: {first}.", where=str(path), hint=hint) from None
