"""Which images train, which validate, and which of them a smaller run takes. Pure functions of the labels.

Legend: N labels, one for each image; rows are positions in them, int64.
"""

import numpy as np
from numpy.typing import NDArray

from skipscope.errors import UsageError
from skipscope.randomness import generator

Rows = NDArray[np.int64]


def hold_out(labels: NDArray[np.uint8], *, per_class: int) -> tuple[Rows, Rows]:
    """The rows that train and those that validate, both ascending: `per_class` of each class are held out."""
    held = np.zeros(len(labels), dtype=bool)
    order = _shuffled(len(labels), "validation split")
    for label in np.unique(labels):
        held[order[labels[order] == label][:per_class]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)


def subset(labels: NDArray[np.uint8], rows: Rows, limit: int) -> Rows:
    """`limit` of `rows`, ascending, with every class in its share; a larger limit contains every smaller one.

    Raises:
        UsageError: there are not that many rows, or too few are asked for to show each class once.
    """
    classes, members = np.unique(labels[rows], return_counts=True)
    if not len(classes) <= limit <= len(rows):
        raise UsageError(
            f"A training limit of {limit:,} images cannot be met.",
            hint=f"the training split has {len(rows):,} images of {len(classes)} classes: "
            f"choose from {len(classes)} to {len(rows):,}, or leave the limit out",
        )
    order = rows[_shuffled(len(rows), "train limit")]
    depth = np.empty(len(order))  # how far down its own class an image stands, from 0 to 1
    for label, count in zip(classes, members, strict=True):
        depth[labels[order] == label] = (np.arange(count) + 0.5) / count
    return np.sort(order[np.argsort(depth, kind="stable")[:limit]])


def _shuffled(count: int, purpose: str) -> Rows:
    # numpy keeps the bits of PCG64 for ever, but not what its shuffle makes of them (NEP 19): sort the bits
    return np.argsort(generator(0, purpose).bit_generator.random_raw(count), kind="stable")
