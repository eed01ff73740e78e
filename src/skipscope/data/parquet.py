"""Reads Hugging Face's CIFAR-10 into batches: train-*.parquet, test-*.parquet, PNG files in a column.

Images are 32 32 3; a row is one image and its label.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pyarrow import ArrowException  # type: ignore[import-untyped]  # it has no types
from pyarrow.compute import struct_field  # type: ignore[import-untyped]

from skipscope.data.formats import Batch, checked
from skipscope.errors import DataError
from skipscope.records.parquet import read_table, row_count

_FILE = re.compile(r"^(train|test)\b.*\.parquet$")
_ROWS = {"train": 50_000, "test": 10_000}


def find(path: Path) -> Path | None:
    """Finds the folder of the parquet files: `path`, or one inside it, or None."""
    folders = (folder for folder in (path, path / "plain_text", path / "data") if folder.is_dir())
    return next((each for each in folders if any(_FILE.match(file.name) for file in each.iterdir())), None)


def read(folder: Path) -> Iterator[Batch]:
    """Reads train-*.parquet and test-*.parquet, in the order of their names.

    Raises:
        DataError: a split is missing or has too few or too many rows, or a row is not a 32 x 32 RGB PNG.
    """
    start = 0
    for split, expected in _ROWS.items():
        names = (found for file in sorted(folder.iterdir()) if (found := _FILE.match(file.name)))
        chosen = [folder / found[0] for found in names if found[1] == split]
        rows = sum(_row_count(file) for file in chosen)
        if rows != expected:
            what = f"{rows:,} rows" if chosen else f"no {split}-*.parquet"
            raise DataError(
                f"The {split} split has {what}; CIFAR-10 has {expected:,} rows.", where=str(folder)
            )
        for file in chosen:
            batch = _parquet(file, start)
            start += len(batch.labels)
            yield batch


def _row_count(file: Path) -> int:
    with _readable(file):
        return row_count(file)


def _parquet(file: Path, start: int) -> Batch:
    with _readable(file):
        table = read_table(file)
        column = next((name for name in ("img", "image") if name in table.column_names), None)
        if column is None or "label" not in table.column_names:
            raise DataError(
                f"{file.name} has the columns {', '.join(table.column_names)}, not img or image and label.",
                where=str(file),
            )
        encoded = struct_field(table[column], "bytes")
        labels = table["label"].cast("int64").to_pylist()
    if None in labels:
        raise DataError(f"{file.name}, row {labels.index(None)} has no label.", where=str(file))
    images = np.empty((len(labels), 32, 32, 3), dtype=np.uint8)
    for row, data in enumerate(encoded):
        images[row] = _png(data.as_py(), f"{file.name}, row {row}", file)
    checked_labels = checked(np.array(labels), file.name, file)
    return Batch(kind="parquet", start=start, images=images, labels=checked_labels)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (ArrowException, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{file.name} cannot be read: {first}.", where=str(file)) from None


def _png(data: object, what: str, where: Path) -> NDArray[np.uint8]:
    problem = "it has no bytes"
    if isinstance(data, bytes):
        try:
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                if image.size == (32, 32) and image.mode == "RGB":
                    return np.asarray(image)
                problem = f"it is {image.size[0]} x {image.size[1]} {image.mode}"
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            problem = str(error)
    raise DataError(f"{what} is not a 32 x 32 RGB image in PNG: {problem}.", where=str(where))
