"""Parquet files from anywhere, read by Arrow.

polars believes what a page says of its length, and one that says exabytes ends the process: no exception, no
record of it (a flipped bit in a file of readings is enough). Arrow's reader is fuzzed without end; it raises.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow import parquet

MOST_ROWS = 5_000_000
"""Of one file: a hundred times a long run's readings. Rows that are all alike take no room in a file."""


def read_table(source: bytes | Path, columns: Sequence[str] | None = None) -> Any:
    """The file's `pyarrow.Table`; of these columns, as far as it has them, or of all.

    Texts and bytes stay coded by a dictionary: one that is long and comes in every row is in memory once.

    Raises:
        ValueError: it is no sound parquet file, or has too many rows; says why in one line.
    """
    try:
        with _opened(source) as file:
            _counted(file)
            table = file.read(columns=columns, use_threads=False).replace_schema_metadata(None)
        table.validate(full=True)  # that texts are UTF-8 and codes have words: polars takes it for granted
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise ValueError(_first(error)) from None
    else:
        return table


def row_count(source: bytes | Path) -> int:
    """How many rows it says it has.

    Raises:
        ValueError: it is no parquet file, or has too many rows; says why in one line.
    """
    try:
        with _opened(source) as file:
            return _counted(file)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise ValueError(_first(error)) from None


def _opened(source: bytes | Path) -> Any:
    given = str(source) if isinstance(source, Path) else pa.BufferReader(source)
    with parquet.ParquetFile(given) as file:
        columns = [file.schema.column(place) for place in range(len(file.schema.names))]
        coded = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    given = str(source) if isinstance(source, Path) else pa.BufferReader(source)
    return parquet.ParquetFile(given, read_dictionary=coded)


def _counted(file: Any) -> int:
    rows = int(file.metadata.num_rows)
    if not 0 <= rows <= MOST_ROWS:
        raise ValueError(f"it says that it has {rows:,} rows")
    return rows


def _first(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
