"""Data sets for training: bytes in memory or mapped, with a fixed split.

Legend: N images of C = 3 channels, H x W = 32 x 32; B of them in a batch.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.data import cifar10, drawn, shapes, store
from skipscope.data.split import Rows, hold_out, subset
from skipscope.errors import UnknownName

NAMES = ("cifar10", "shapes")
VALIDATION_PER_CLASS = 500
"""CIFAR-10's own 50,000 training images become 45,000 that train and 5,000 that validate."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Selects the rows of a data set that train, validate or test."""

    images: NDArray[np.uint8]  # N 32 32 3: the whole data set, usually mapped, read-only
    labels: NDArray[Any]  # N
    rows: NDArray[np.int64]  # which of them belong to this split, ascending

    def __len__(self) -> int:
        """Counts the split's images."""
        return len(self.rows)

    def first(self, number: int) -> "Split":
        """Returns a split of the first images."""
        return replace(self, rows=self.rows[:number])

    def stratified(self, limit: int) -> "Split":
        """Returns a stratified split of `limit` images; the whole split if it is not larger."""
        if limit >= len(self):
            return self
        return replace(self, rows=subset(np.asarray(self.labels), self.rows, limit))

    def take(self, positions: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Copies the images and labels at `positions`: B 32 32 3 uint8 and B int64."""
        rows = self.rows[positions]
        # `take` copies an image at a time; indexing would take three times as long
        return self.images.take(rows, axis=0), self.labels[rows].astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Holds images and labels, split by what they may be used for."""

    name: str
    sha256: str  # of the images' and labels' bytes in the official order, whatever file they came from
    classes: tuple[str, ...]
    mean: tuple[float, float, float]  # of the training and validation images in 0..1, by channel
    std: tuple[float, float, float]
    source: str
    train: Split
    validation: Split
    _test: Split

    @property
    def test_size(self) -> int:
        """Counts the test images, which is all that may be known of them before a run ends."""
        return len(self._test)

    def sealed_test(self) -> Split:
        """Returns the test set. It is sealed: a run reads it once, at its end, and no choice does."""
        return self._test


def load(name: str, *, data_dir: Path | None = None, train_limit: int | None = None) -> Dataset:
    """Loads the data set `name`; `train_limit` cuts its training split to that many stratified images.

    Raises:
        UnknownName: there is no such data set.
        DataError: CIFAR-10 is not imported yet, or its files are damaged.
        UsageError: `train_limit` is more than the split has, or too few for all classes.
    """
    if name == "cifar10":
        return _cifar10(data_dir, train_limit)
    if name == "shapes":
        return _shapes(train_limit)  # drawn, so `data_dir` does not apply
    raise UnknownName("data set", name, NAMES)


def divide(
    images: NDArray[np.uint8], labels: NDArray[Any], *, train: int, limit: int | None = None
) -> tuple[Split, Split, Split]:
    """Splits into training, validation and test (the images after the first `train`)."""
    training, validation = hold_out(labels[:train], per_class=VALIDATION_PER_CLASS)
    return _splits(images, labels, training, validation, np.arange(train, len(labels)), limit=limit)


def _splits(
    images: NDArray[np.uint8],
    labels: NDArray[Any],
    train: Rows,
    validation: Rows,
    test: Rows,
    *,
    limit: int | None,
) -> tuple[Split, Split, Split]:
    if limit is not None:
        train = subset(labels, train, limit)
    first, second, third = (
        Split(images=images, labels=labels, rows=rows) for rows in (train, validation, test)
    )
    return first, second, third


def check(name: str, *, data_dir: Path | None = None) -> None:
    """Checks every byte of an imported data set; a drawn one needs no check.

    Raises:
        DataError: a file is missing or damaged.
    """
    if name == cifar10.NAME:
        store.check_files(cifar10.open_store(data_dir))


def _cifar10(data_dir: Path | None, train_limit: int | None) -> Dataset:
    stored = cifar10.open_store(data_dir)
    index = stored.index
    train, validation, test = divide(stored.images, stored.labels, train=index.train, limit=train_limit)
    return Dataset(
        name=cifar10.NAME,
        sha256=index.sha256,
        classes=cifar10.CLASSES,
        mean=index.mean,
        std=index.std,
        source=index.source,
        train=train,
        validation=validation,
        _test=test,
    )


def _shapes(train_limit: int | None) -> Dataset:
    images, labels, mean, std, sha256 = _drawn()
    rows = np.split(np.arange(len(labels)), [shapes.TRAIN, shapes.TRAIN + shapes.VALIDATION])
    train, validation, test = _splits(images, labels, *rows, limit=train_limit)
    return Dataset(
        name=shapes.NAME,
        sha256=sha256,
        classes=shapes.CLASSES,
        mean=mean,
        std=std,
        source=shapes.SOURCE,
        train=train,
        validation=validation,
        _test=test,
    )


@cache
def _drawn() -> tuple[NDArray[np.uint8], NDArray[np.uint8], store.Triple, store.Triple, str]:
    """Draws once per process what does not depend on the limit: images, labels, mean, std, checksum."""
    images, labels = drawn.images(), shapes.labels()
    mean, std = store.channel_statistics(images[: -shapes.TEST])
    return images, labels, mean, std, store.content_sha256(images, labels)
