"""Reads the official formats of CIFAR-10, binary and python, into batches.

official binary   data_batch_1.bin ... data_batch_5.bin, test_batch.bin; rows of 1 label and 3,072 pixel bytes
official python   data_batch_1 ... data_batch_5, test_batch; pickles of a dictionary with `data` and `labels`

Shapes: B images of a batch, up to 10,000. The files hold them as planes (B 3 32 32), batches as B 32 32 3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.data.pickled import Array, Refused, unpickled
from skipscope.errors import DataError

BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
BATCH_IMAGES = 10_000
PIXELS = 3 * 32 * 32


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Holds one official batch, or the part of a split that a parquet file has."""

    kind: str  # "binary", "python" or "parquet"
    start: int  # of its first image among the 60,000: training, then test
    images: NDArray[np.uint8]  # B 32 32 3
    labels: NDArray[np.uint8]  # B


def is_batch(name: str) -> bool:
    """Tells whether a file of this name is an official batch, binary or python."""
    return name.removesuffix(".bin") in BATCHES


def batches(named: Iterator[tuple[str, bytes]], where: Path) -> Iterator[Batch]:
    """Yields the content of each official batch among the files.

    Raises:
        DataError: a batch is missing, duplicated or malformed.
    """
    seen: dict[str, str] = {}
    for name, data in named:
        batch, binary = name.removesuffix(".bin"), name.endswith(".bin")
        kind = "binary" if binary else "python"
        if batch in seen:
            raise DataError(f"{batch} is there twice.", where=str(where), hint="give one copy of each batch")
        if seen and kind not in seen.values():
            raise DataError("Binary and python batches are mixed.", where=str(where), hint="give one kind")
        seen[batch] = kind
        images, labels = (_binary if binary else _python)(name, data, where)
        start = BATCHES.index(batch) * BATCH_IMAGES
        yield Batch(kind=kind, start=start, images=images, labels=labels)
    if missing := [batch for batch in BATCHES if batch not in seen]:
        raise DataError(f"{', '.join(missing)} missing.", where=str(where), hint="all six batches are needed")


def _binary(name: str, data: bytes, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    expected = BATCH_IMAGES * (1 + PIXELS)
    if len(data) != expected:
        raise DataError(f"{name} has {len(data):,} bytes; a batch has {expected:,}.", where=str(where))
    rows = np.frombuffer(data, dtype=np.uint8).reshape(BATCH_IMAGES, 1 + PIXELS)
    return _by_pixel(rows[:, 1:]), checked(rows[:, 0], name, where)


def _python(name: str, data: bytes, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    try:
        table = unpickled(data)
    except Refused as error:
        hint = "get the archive from a source you trust: skipscope data get"
        raise DataError(f"{name} {error}", where=str(where), hint=hint) from None
    except Exception as error:  # noqa: BLE001 - a damaged pickle may raise anything
        raise DataError(f"{name} is a damaged pickle: {error}.", where=str(where)) from None
    if not isinstance(table, dict):
        raise DataError(f"{name} holds no dictionary of data and labels.", where=str(where))
    table = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in table.items()}
    images, labels = table.get("data"), table.get("labels")
    octets = images.octets() if isinstance(images, Array) else None
    shape = (BATCH_IMAGES, PIXELS)
    if octets is None or octets.shape != shape:
        raise DataError(f"{name} has no `data` of {shape} bytes.", where=str(where))
    numbers = labels if isinstance(labels, list) else []
    if len(numbers) != BATCH_IMAGES or not all(type(number) is int for number in numbers):
        raise DataError(f"{name} has no `labels`: {BATCH_IMAGES:,} whole numbers.", where=str(where))
    # as objects: Python's whole numbers may exceed numpy's
    return _by_pixel(octets), checked(np.array(numbers, dtype=object), name, where)


def _by_pixel(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turns planes into pixels: B 3*32*32 -> B 32 32 3."""
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def checked(labels: NDArray[Any], name: str, where: Path) -> NDArray[np.uint8]:
    """Converts the labels to bytes.

    Raises:
        DataError: a label is not 0 to 9; names its row.
    """
    outside = np.flatnonzero((labels < 0) | (labels > 9))
    if len(outside):
        row = int(outside[0])
        label = labels[row] if abs(labels[row]) < 10**9 else "a number without end"
        raise DataError(f"{name}, row {row} has the label {label}; CIFAR-10 has 0 to 9.", where=str(where))
    return labels.astype(np.uint8)
