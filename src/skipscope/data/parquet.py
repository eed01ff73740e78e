"""Reads Hugging Face's CIFAR-10 and sets like it: parquet files with encoded pictures in a column.

Images are 32 32 3; a row is one image and its label.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyarrow import ArrowException  # type: ignore[import-untyped]  # it has no types
from pyarrow.compute import struct_field  # type: ignore[import-untyped]

from skipscope.data.archive import Files
from skipscope.data.formats import checked
from skipscope.data.layouts import Layout
from skipscope.data.pictures import decoded
from skipscope.data.read import Read
from skipscope.errors import DataError
from skipscope.records.parquet import read_metadata, read_table, row_count

PICTURES = ("img", "image")
LABELS = ("label", "labels")
MOST_IMAGES = 200_000
"""The most images that are read: they are held in memory, 3,072 bytes each."""


def read(files: Files, layout: Layout, where: Path) -> Read:
    """Reads the files of both splits, in the order of their names.

    Raises:
        DataError: a split is missing or too large, or a row is not a 32 x 32 RGB picture with a label 0 to 9.
    """
    if layout.missing:
        raise DataError(
            f"There is no parquet file of the {' and '.join(layout.missing)} images.",
            where=str(where),
            hint="give the folder that holds train-*.parquet and test-*.parquet",
        )
    names = [name for split in ("train", "test") for name in sorted(layout.parts[split])]
    counts = [_row_count(files[name](), name, where) for name in names]  # one file in memory at a time
    if sum(counts) > MOST_IMAGES:
        raise DataError(f"The files have {sum(counts):,} rows, more than {MOST_IMAGES:,}.", where=str(where))
    train = sum(counts[: len(layout.parts["train"])])
    images = np.empty((sum(counts), 32, 32, 3), dtype=np.uint8)
    labels = np.empty(len(images), dtype=np.uint8)
    start = 0
    for name, count in zip(names, counts, strict=True):
        rows = slice(start, start + count)
        images[rows], labels[rows] = _parquet(files[name](), name, where)
        start += count
    return Read(images=images, labels=labels, train=train, classes=_classes(files[names[0]]()))


def _row_count(data: bytes, name: str, where: Path) -> int:
    with _readable(name, where):
        return row_count(data)


def _classes(data: bytes) -> tuple[str, ...]:
    """Reads the classes' names as `datasets` writes them; none if they are not there or not ten."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        features = json.loads(read_metadata(data)[b"huggingface"])["info"]["features"]
        for column in LABELS:
            names = features.get(column, {}).get("names", ())
            if len({str(name) for name in names}) == len(names) == 10:
                return tuple(map(str, names))
    return ()


def _parquet(data: bytes, name: str, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    with _readable(name, where):
        table = read_table(data)
        picture, label = (
            next((each for each in known if each in table.column_names), None) for known in (PICTURES, LABELS)
        )
        if picture is None or label is None:
            what = f"{name} has the columns {', '.join(table.column_names)}, not img or image and label."
            if "fine_label" in table.column_names:
                what = f"{name} is CIFAR-100's: a hundred classes."
            raise DataError(what, where=str(where))
        encoded = struct_field(table[picture], "bytes")
        labels = table[label].cast("int64").to_pylist()
    if None in labels:
        raise DataError(f"{name}, row {labels.index(None)} has no label.", where=str(where))
    images = np.empty((len(labels), 32, 32, 3), dtype=np.uint8)
    for row, content in enumerate(encoded):
        images[row] = decoded(content.as_py(), f"{name}, row {row}", where)
    return images, checked(np.array(labels, dtype=np.int64), name, where)


@contextmanager
def _readable(name: str, where: Path) -> Iterator[None]:
    try:
        yield
    except (ArrowException, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{name} cannot be read: {first}.", where=str(where)) from None
