"""Parquet files from anywhere, read by Arrow.

polars believes what a page says of its length, and one that says exabytes ends the process: no exception, no
record of it (a flipped bit in a file of readings is enough). Arrow's reader is fuzzed without end; it raises.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from pyarrow import parquet

MOST_ROWS = 5_000_000
"""A hundred times a long run's readings; equal rows take no space in a file, but they do in memory."""


def read_table(source: bytes | Path, columns: Sequence[str] | None = None) -> Any:
    """Reads a file as a `pyarrow.Table`: these columns, as far as it has them, or all.

    Texts and bytes stay coded by a dictionary: one that is long and comes in every row is in memory once.

    Raises:
        ValueError: it is no sound parquet file, or has too many rows; says why in one line.
    """
    with _one_line():
        about = _metadata(source)
        leaves = [about.schema.column(index) for index in range(about.num_columns)]
        coded = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        with parquet.ParquetFile(_file(source), metadata=about, read_dictionary=coded) as file:
            table = file.read(columns=columns, use_threads=False).replace_schema_metadata(None)
        table.validate(full=True)  # that texts are UTF-8 and codes have words: polars takes it for granted
        return table


def row_count(source: bytes | Path) -> int:
    """Reads from its metadata how many rows a file has.

    Raises:
        ValueError: it is no parquet file, or has too many rows; says why in one line.
    """
    with _one_line():
        return int(_metadata(source).num_rows)


def read_metadata(source: bytes | Path) -> dict[bytes, bytes]:
    """Reads what the writer of a file has noted in its schema.

    Raises:
        ValueError: it is no parquet file; says why in one line.
    """
    with _one_line():
        return dict(parquet.read_schema(_file(source)).metadata or {})


def _metadata(source: bytes | Path) -> Any:
    about = parquet.read_metadata(_file(source))
    if not 0 <= about.num_rows <= MOST_ROWS:
        raise ValueError(f"it says that it has {about.num_rows:,} rows")
    return about


def _file(source: bytes | Path) -> Any:
    return str(source) if isinstance(source, Path) else pa.BufferReader(source)


@contextmanager
def _one_line() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise ValueError((str(error) or type(error).__name__).splitlines()[0]) from None
