"""Chooses the images that train, those that validate, and stratified subsets: pure functions of the labels.

Legend: N labels, one per image; rows are indices into them, int64.
"""

import numpy as np
from numpy.typing import NDArray

from skipscope.errors import UsageError
from skipscope.randomness import generator

Rows = NDArray[np.int64]


def hold_out(labels: NDArray[np.uint8], *, per_class: int) -> tuple[Rows, Rows]:
    """Returns the rows that train and those that validate, ascending; holds out `per_class` of each class."""
    held = np.zeros(len(labels), dtype=bool)
    order = _shuffled(len(labels), "validation split")
    for label in np.unique(labels):
        held[order[labels[order] == label][:per_class]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def subset(labels: NDArray[np.uint8], rows: Rows, limit: int, *, seed: int | None = None) -> Rows:
    """Selects a stratified `limit` of `rows`, ascending; a larger limit's rows contain every smaller one's.

    Each seed selects others: one subset for all would hide from every interval how much the images that
    were drawn matter. None is the one subset that runs had before.

    Raises:
        UsageError: there are fewer rows, or `limit` is less than the number of classes.
    """
    classes, members = np.unique(labels[rows], return_counts=True)
    if not len(classes) <= limit <= len(rows):
        raise UsageError(
            f"A training limit of {limit:,} images cannot be met.",
            hint=f"the training split has {len(rows):,} images of {len(classes)} classes: "
            f"choose from {len(classes)} to {len(rows):,}, or leave the limit out",
        )
    shuffled = _shuffled(len(rows), "train limit") if seed is None else _shuffled(len(rows), "subset", seed)
    order = rows[shuffled]
    depth = np.empty(len(order))  # an image's rank within its class, from 0 to 1
    for label, count in zip(classes, members, strict=True):
        depth[labels[order] == label] = (np.arange(count) + 0.5) / count
    return np.sort(order[np.argsort(depth, kind="stable")[:limit]])


def _shuffled(count: int, purpose: str, seed: int = 0) -> Rows:
    # numpy guarantees the bits of PCG64, but not its shuffle (NEP 19): sort the bits
    return np.argsort(generator(seed, purpose).bit_generator.random_raw(count), kind="stable")
