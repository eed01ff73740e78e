"""Reads the official formats of CIFAR-10, binary and python.

official binary   data_batch_1.bin ... data_batch_5.bin, test_batch.bin; rows of 1 label and 3,072 pixel bytes
official python   data_batch_1 ... data_batch_5, test_batch; pickles of a dictionary with `data` and `labels`

Shapes: B = 10,000 images of a batch. Files hold them as planes (B 3 32 32), `Read` as B 32 32 3.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.data.archive import TRUSTED, Files
from skipscope.data.layouts import BATCHES, Layout
from skipscope.data.pickled import Array, Refused, unpickled
from skipscope.data.read import Read
from skipscope.errors import DataError

BATCH_IMAGES = 10_000
PIXELS = 3 * 32 * 32
BATCH_BYTES = 40_000_000
"""The largest batch that is read; an official one has 31 million bytes."""


def read(files: Files, layout: Layout, where: Path) -> Read:
    """Reads the six batches.

    Raises:
        DataError: a batch is missing, malformed, or there twice under two names.
    """
    if layout.missing:
        raise DataError(
            f"{', '.join(layout.missing)} missing.", where=str(where), hint="all six batches are needed"
        )
    number = len(BATCHES) * BATCH_IMAGES
    images, labels = np.empty((number, 32, 32, 3), dtype=np.uint8), np.empty(number, dtype=np.uint8)
    seen: dict[str, str] = {}
    for index, batch in enumerate(BATCHES):
        (name,), rows = layout.parts[batch], slice(index * BATCH_IMAGES, (index + 1) * BATCH_IMAGES)
        data, file = files[name](), name.rpartition("/")[2]
        if len(data) > BATCH_BYTES:
            raise DataError(f"{file} is too large for a batch of CIFAR-10.", where=str(where))
        decode = _binary if layout.kind == "binary" else _python
        images[rows], labels[rows] = decode(file, data, where)
        twin = seen.setdefault(sha256(images[rows].data).hexdigest(), batch)
        if twin != batch:
            raise DataError(f"{batch} has the images of {twin}: it was copied twice.", where=str(where))
    classes = _classes(files, layout)
    return Read(images=images, labels=labels, train=number - BATCH_IMAGES, classes=classes)


def _classes(files: Files, layout: Layout) -> tuple[str, ...]:
    """Reads the classes' names; none if they are not there or not ten."""
    meta, text = (files.get(f"{layout.folder}batches.meta{end}") for end in ("", ".txt"))
    names: object = None
    if layout.kind == "binary" and text is not None:
        names = text().decode("utf-8", "replace").split("\n")
    elif meta is not None:
        try:
            names = _by_name(unpickled(meta())).get("label_names")
        except Exception:  # noqa: BLE001 - they are names only: a damaged file, which may raise anything
            return ()
    if not isinstance(names, list):
        return ()
    texts = [each.decode("latin1") if isinstance(each, bytes) else str(each) for each in names]
    texts = [each.strip() for each in texts if each.strip()]
    return tuple(texts) if len(set(texts)) == len(texts) == 10 else ()


def _binary(name: str, data: bytes, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    expected = BATCH_IMAGES * (1 + PIXELS)
    if len(data) != expected:
        raise DataError(f"{name} has {len(data):,} bytes; a batch has {expected:,}.", where=str(where))
    rows = np.frombuffer(data, dtype=np.uint8).reshape(BATCH_IMAGES, 1 + PIXELS)
    return _by_pixel(rows[:, 1:]), checked(rows[:, 0], name, where)


def _python(name: str, data: bytes, where: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    try:
        table = _by_name(unpickled(data))
    except Refused as error:
        raise DataError(f"{name} {error}", where=str(where), hint=TRUSTED) from None
    except Exception as error:  # noqa: BLE001 - a damaged pickle may raise anything
        raise DataError(f"{name} is a damaged pickle: {error}.", where=str(where)) from None
    if not table:
        raise DataError(f"{name} holds no dictionary of data and labels.", where=str(where))
    if "fine_labels" in table:
        raise DataError(f"{name} is CIFAR-100's: a hundred classes.", where=str(where))
    images, labels = table.get("data"), table.get("labels")
    octets = images.octets() if isinstance(images, Array) else None
    shape = (BATCH_IMAGES, PIXELS)
    if octets is None or octets.shape != shape:
        raise DataError(f"{name} has no `data` of {shape} bytes.", where=str(where))
    numbers = _numbers(labels)
    if len(numbers) != BATCH_IMAGES or not all(type(number) is int for number in numbers):
        raise DataError(f"{name} has no `labels`: {BATCH_IMAGES:,} whole numbers.", where=str(where))
    # as objects: Python's whole numbers may exceed numpy's
    return _by_pixel(octets), checked(np.array(numbers, dtype=object), name, where)


def _numbers(labels: object) -> list[Any]:
    """Lists the labels of a list or array, some of which may be numpy's; none of anything else."""
    if isinstance(labels, Array):
        return labels.integers() or []
    if not isinstance(labels, list):
        return []
    single = (each.integers() if isinstance(each, Array) else [each] for each in labels)
    return [each[0] if each is not None and len(each) == 1 else None for each in single]


def _by_name(table: object) -> dict[str, Any]:
    """Returns a dictionary with texts as keys, and an empty one for anything else."""
    if not isinstance(table, dict):
        return {}
    return {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in table.items()}


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
