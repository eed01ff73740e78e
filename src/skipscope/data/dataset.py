"""Data sets for training: bytes in memory or mapped, with a fixed split.

Legend: N images of C = 3 channels, H x W = 32 x 32; B of them in a batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.data import cifar10, drawn, own, shapes, store
from skipscope.data.split import Rows, hold_out, subset
from skipscope.errors import DataError, SkipscopeError, UnknownName
from skipscope.records.schema import Likeness

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
    likeness: Likeness | None = None  # of CIFAR-10 to the official set
    left_out: int = 0  # images that could train and that a limit leaves out

    @property
    def test_size(self) -> int:
        """Counts the test images, which is all that may be known of them before a run ends."""
        return len(self._test)

    def sealed_test(self) -> Split:
        """Returns the test set. It is sealed: a run reads it once, at its end, and no choice does."""
        return self._test


def load(
    name: str, *, data_dir: Path | None = None, train_limit: int | None = None, seed: int | None = None
) -> Dataset:
    """Loads the data set `name`; `train_limit` cuts its training split to that many stratified images.

    They are drawn by (seed, "subset"), so all arms of a seed see the same; without a seed they are those
    that every seed saw in older runs (`DataRef.subset`).

    Raises:
        UnknownName: there is no such data set.
        DataError: CIFAR-10 is not imported yet or is none, or the data set's files are damaged.
        UsageError: `train_limit` is more than the split has, or too few for all classes.
    """
    if name == "shapes":  # drawn, so `data_dir` does not apply
        images, labels, facts = _drawn()
        rows = np.split(np.arange(len(labels)), [shapes.TRAIN, shapes.TRAIN + shapes.VALIDATION])
        splits = _splits(images, labels, rows, train_limit, seed)
        return Dataset(name=name, classes=shapes.CLASSES, source=shapes.SOURCE, **(facts | splits))
    opened = stored(name, data_dir)
    facts = opened.index.model_dump(include={"sha256", "mean", "std", "source"})
    number = opened.index.train
    # a tenth of the smallest class, which is 500 of CIFAR-10's
    held = min(VALIDATION_PER_CLASS, int(np.bincount(opened.labels[:number]).min()) // 10)
    splits = divide(opened.images, opened.labels, train=number, limit=train_limit, held=held, seed=seed)
    classes = opened.index.classes or cifar10.CLASSES
    return Dataset(name=name, classes=classes, likeness=opened.index.likeness, **(facts | splits))


def stored(name: str, data_dir: Path | None) -> store.Store:
    """Opens CIFAR-10 or an imported data set of the user's.

    Raises:
        UnknownName: there is no such data set.
        DataError: CIFAR-10 is not imported yet or is none, or a file is damaged.
    """
    if name == cifar10.NAME:
        return cifar10.open_store(data_dir)
    found = store.read(name, data_dir=data_dir) if name in own.names(data_dir) else None
    if found is None:
        raise unknown_data(name, data_dir)
    return found


def unknown_data(name: str, data_dir: Path | None) -> UnknownName:
    """Makes the error for a name without a data set; lists those there are."""
    error = UnknownName("data set", name, [*own.TAKEN, *own.names(data_dir)])
    error.hint += f"; skipscope data import PATH --as {name} adds one of your own"
    return error


def named(name: str, sha256: str, *, data_dir: Path | None = None) -> str:
    """Returns the name under which the data set with this checksum is here: `name`, or another.

    Raises:
        UnknownName, DataError: it is not here under any name.
    """
    if name == shapes.NAME:
        return name
    error: SkipscopeError
    try:
        if stored(name, data_dir).index.sha256 == sha256:
            return name
        error = DataError(
            f"The data set {name} here has another checksum than that of the run, {sha256[:8]}...",
            where=str(store.data_folder(data_dir)),
            hint="import the same copy here, or name its folder with --data-dir",
        )
    except SkipscopeError as missing:
        error = missing
    others = (store.read(each, data_dir=data_dir) for each in (cifar10.NAME, *own.names(data_dir)))
    found = next((each.folder.name for each in others if each and each.index.sha256 == sha256), None)
    if found is None:
        raise error
    return found


def divide(
    images: NDArray[np.uint8],
    labels: NDArray[Any],
    *,
    train: int,
    limit: int | None = None,
    held: int = VALIDATION_PER_CLASS,
    seed: int | None = None,
) -> dict[str, Any]:
    """Splits into training, validation and test (the images after the first `train`), as `Dataset` has it.

    Of each class `held` of the first `train` images validate. `limit` and `seed` are those of `load`.
    """
    training, validation = hold_out(labels[:train], per_class=held)
    return _splits(images, labels, [training, validation, np.arange(train, len(labels))], limit, seed)


def _splits(
    images: NDArray[np.uint8], labels: NDArray[Any], rows: Iterable[Rows], limit: int | None, seed: int | None
) -> dict[str, Any]:
    splits = (Split(images=images, labels=labels, rows=some) for some in rows)
    train, validation, test = splits
    some = train.rows if limit is None else subset(labels, train.rows, limit, seed=seed)
    named = {"train": replace(train, rows=some), "validation": validation, "_test": test}
    return named | {"left_out": len(train) - len(some)}


def check(name: str, *, data_dir: Path | None = None) -> None:
    """Checks every byte of an imported data set; a drawn one needs no check.

    Raises:
        UnknownName: there is no such data set.
        DataError: a file is missing or damaged.
    """
    if name != shapes.NAME:
        store.check_files(stored(name, data_dir))


@cache
def _drawn() -> tuple[NDArray[np.uint8], NDArray[np.uint8], dict[str, Any]]:
    """Draws once per process what does not depend on the limit: images, labels, and facts about them."""
    images, labels = drawn.images(), shapes.labels()
    mean, std = store.channel_statistics(images[: -shapes.TEST])
    return images, labels, {"sha256": store.content_sha256(images, labels), "mean": mean, "std": std}
