"""Reads a copy of a data set, whatever format it is in, whole into memory.

Legend: N images of 32 x 32 RGB, training then test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skipscope.data import archive, formats
from skipscope.data.formats import Batch
from skipscope.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Copy:
    """Holds a copy's images and labels as they were read."""

    path: Path
    kind: str  # "binary", "python" or "parquet"
    images: NDArray[np.uint8]  # N 32 32 3
    labels: NDArray[np.uint8]  # N, 0 to 9
    train: int  # the first so many train
    classes: tuple[str, ...] = ()  # if the copy names them

    @cached_property
    def md5(self) -> str | None:
        """Computes the checksum of the archive, if it is one."""
        if not self.path.is_file():
            return None
        with self.path.open("rb") as file:
            return file_digest(file, "md5").hexdigest()

    def described(self) -> str:
        """Says in words where the bytes came from."""
        if self.md5 is None:
            return f"{self.kind} files in a folder"
        return f"{self.kind} batches in {self.path.name}, md5 {self.md5}"


def read(path: Path) -> Copy:
    """Reads an archive or folder.

    Raises:
        DataError: it is in no known format, damaged, or a batch is in it twice.
    """
    path = path.expanduser()
    number = len(formats.BATCHES) * formats.BATCH_IMAGES
    images = np.empty((number, 32, 32, 3), dtype=np.uint8)
    labels = np.empty(number, dtype=np.uint8)
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
    return Copy(path=path, kind=batch.kind, images=images, labels=labels, train=number - formats.BATCH_IMAGES)


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


def _unknown(path: Path) -> DataError:
    return DataError(
        "This is no copy of CIFAR-10 in a known format.",
        where=str(path),
        hint="looked for: the official binary version (data_batch_1.bin ... test_batch.bin) or python "
        "version (data_batch_1 ... test_batch), as a folder, .tar.gz or .tar; "
        "or a folder with train-*.parquet and test-*.parquet",
    )
