"""CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32 x 32 RGB in ten classes.

Any copy in a known format is checked and imported once, into the store.
Legend: images N 32 32 3 uint8 in the official order, training then test; labels N uint8.
"""

from collections.abc import Iterator
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skipscope.data import archive, formats, store
from skipscope.data.formats import Batch
from skipscope.errors import DataError

NAME = "cifar10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TRAIN, TEST = 50_000, 10_000
OFFICIAL_MD5 = {"binary": "c32a1d4ab5d03f1284b67883e8d87530", "python": "c58f30108f718f92721af3b95e74349a"}
"""MD5 sums of the two official archives, as https://www.cs.toronto.edu/~kriz/cifar.html prints them."""

WAYS_OUT = (
    "three ways out: `skipscope data get` downloads CIFAR-10; `skipscope data import PATH` takes a copy "
    "you have; `--data shapes` uses the embedded set, which needs no network"
)


def import_from(path: Path, *, data_dir: Path | None = None) -> store.Store:
    """Reads an archive or folder, checks it, and writes it into the store.

    On any error the store is unchanged.

    Raises:
        DataError: the path is in no known format, or its content is not CIFAR-10.
    """
    path = path.expanduser()
    images = np.empty((TRAIN + TEST, 32, 32, 3), dtype=np.uint8)
    labels = np.empty(TRAIN + TEST, dtype=np.uint8)
    seen: dict[str, int] = {}
    for batch in _batches(path):
        rows = slice(batch.start, batch.start + len(batch.labels))
        images[rows], labels[rows] = batch.images, batch.labels
        twin = seen.setdefault(sha256(images[rows].data).hexdigest(), batch.start)
        if twin != batch.start:
            raise DataError(
                f"The images from {batch.start:,} on are those from {twin:,} on: a batch was copied twice.",
                where=str(path),
            )
    _refuse_uneven(labels[:TRAIN], "training", path)
    _refuse_uneven(labels[TRAIN:], "test", path)
    source = _source(path, batch.kind)
    return store.write(NAME, images, labels, train=TRAIN, source=source, data_dir=data_dir)


def open_store(data_dir: Path | None = None) -> store.Store:
    """Opens the imported data set.

    Raises:
        DataError: it is missing (the hint names three ways to get it) or damaged.
    """
    found = store.read(NAME, data_dir=data_dir)
    if found is None:
        raise DataError(
            "CIFAR-10 is not there yet.", where=str(store.data_folder(data_dir) / NAME), hint=WAYS_OUT
        )
    return found


def _batches(path: Path) -> Iterator[Batch]:
    with archive.errors_explained(path):
        if path.is_dir():
            yield from _folder(path)
        elif archive.is_tar(path):
            yield from formats.batches(archive.members(path, formats.is_batch), path)
        else:
            raise _unknown(path)


def _folder(path: Path) -> Iterator[Batch]:
    for folder in (path, path / "cifar-10-batches-bin", path / "cifar-10-batches-py"):
        if folder.is_dir() and any(formats.is_batch(file.name) for file in folder.iterdir()):
            yield from formats.batches(archive.files(folder, formats.is_batch), folder)
            return
    from skipscope.data import parquet  # noqa: PLC0415 - pyarrow and pillow, which loading does not need

    folder_of_parquet = parquet.find(path)
    if folder_of_parquet is None:
        raise _unknown(path)
    yield from parquet.read(folder_of_parquet)


def _refuse_uneven(labels: NDArray[np.uint8], split: str, path: Path) -> None:
    counts = np.bincount(labels, minlength=len(CLASSES)).tolist()
    if len(set(counts)) > 1:
        raise DataError(
            f"The {split} images are not spread evenly over the classes ({', '.join(map(str, counts))}): "
            "this is not CIFAR-10.",
            where=str(path),
        )


def _unknown(path: Path) -> DataError:
    return DataError(
        "This is no copy of CIFAR-10 in a known format.",
        where=str(path),
        hint="looked for: the official binary version (data_batch_1.bin ... test_batch.bin) or python "
        "version (data_batch_1 ... test_batch), as a folder, .tar.gz or .tar; "
        "or a folder with train-*.parquet and test-*.parquet",
    )


def _source(path: Path, kind: str) -> str:
    if not path.is_file():
        return f"an unofficial copy: {kind} files in a folder"
    with path.open("rb") as file:
        md5 = file_digest(file, "md5").hexdigest()
    if md5 == OFFICIAL_MD5[kind]:
        return f"the official {kind} archive, md5 {md5}"
    return f"an unofficial copy: {kind} batches in {path.name}, md5 {md5}"
