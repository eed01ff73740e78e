"""Parquet files from anywhere: read, or refused in one line."""

import io
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from skipscope.errors import WorkspaceError
from skipscope.records.frames import read_readings, write_readings
from skipscope.records.parquet import MOST_ROWS, read_table, row_count
from skipscope.records.readings import READINGS

ROW = {"run": "层-s0", "probe": "gates", "step": 3, "module": "layer1.0", "quantity": "mean", "value": 0.5}


def written(table: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    table.write_parquet(content)
    return content.getvalue()


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    readings = pl.DataFrame([ROW, ROW | {"value": None, "module": "层"}], schema=READINGS)
    write_readings(tmp_path / "readings.parquet", readings)
    assert read_readings(tmp_path / "readings.parquet", hint="x").equals(readings)
    assert row_count(tmp_path / "readings.parquet") == 2


def test_rows_that_are_all_alike_fill_no_memory() -> None:
    """A few kilobytes of file, gigabytes of table."""
    content = written(pl.DataFrame({"value": pl.repeat(0.0, MOST_ROWS + 1, eager=True)}))
    assert len(content) < 100_000
    for read in (read_table, row_count):
        with pytest.raises(ValueError, match="5,000,001 rows"):
            read(content)


def test_a_long_text_in_every_row_is_in_memory_once() -> None:
    rows = 10_000
    content = written(pl.DataFrame({"run": pl.repeat("x" * 10_000, rows, eager=True)}))
    before = pa.total_allocated_bytes()
    table = read_table(content)
    assert pa.total_allocated_bytes() - before < 10 * rows  # one a row: a hundred million
    assert len(pl.DataFrame(table)["run"].cast(pl.String)[-1]) == 10_000


def test_texts_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    write_readings(path, pl.DataFrame([ROW], schema=READINGS).with_columns(probe=pl.lit("QQQQQQQQ")))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"QQQQQQQQ", b"\xff" * 8))
    (tmp_path / "SHA256SUMS").unlink()
    assert path.read_bytes() != content
    with pytest.raises(WorkspaceError, match="readings are damaged"):
        read_readings(path, hint="x")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 5, b"no parquet"])
def test_what_is_no_parquet_is_refused_in_one_line(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        read_table(content)
    assert "\n" not in str(caught.value)
