"""Data sets of the user's: ten classes of 32 x 32 RGB images, imported and used under a name of their own.

Legend: N images, training then test.
"""

import re
from contextlib import suppress
from pathlib import Path

import numpy as np

from skipscope.data import copies, store
from skipscope.errors import DataError, UsageError
from skipscope.spec.names import refusal

TAKEN = ("cifar10", "shapes")
PER_CLASS = 10
"""Training images that a class needs at least: a tenth of them validate."""


def import_from(path: Path, name: str, *, data_dir: Path | None = None) -> store.Store:
    """Reads an archive or folder and writes it into the store as the data set `name`.

    On any error the store is unchanged.

    Raises:
        UsageError: the name is none, or stands for another data set.
        DataError: the path is in no known format, or a class has too few images.
    """
    _refuse_name(name)
    copy = copies.read(path)
    for split, labels, least in (
        ("training", copy.labels[: copy.train], PER_CLASS),
        ("test", copy.labels[copy.train :], 1),
    ):
        counts = np.bincount(labels, minlength=10)
        if counts.min() < least:
            raise DataError(
                f"Class {counts.argmin()} has {counts.min()} {split} images; {least} at least are needed.",
                where=str(path),
            )
    classes = copy.classes or tuple(f"class {label}" for label in range(10))
    return store.write(
        name,
        copy.images,
        copy.labels,
        train=copy.train,
        source=copy.described(),
        data_dir=data_dir,
        classes=classes,
    )


def names(data_dir: Path | None = None) -> list[str]:
    """Lists the imported data sets of the user's."""
    found: list[str] = []
    with suppress(OSError):
        found += (file.parent.name for file in store.data_folder(data_dir).glob(f"*/{store.INDEX}"))
    return sorted(name for name in found if name not in TAKEN and not refusal(name))


def _refuse_name(name: str) -> None:
    hint = "choose another: --as NAME, with letters, digits, _ . -"
    if why := refusal(name):
        raise UsageError(f"{name!r} is no name for a data set: {why}.", hint=hint)
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    if plain in TAKEN:
        raise UsageError(f"{name!r} would be read as {plain}, which is another data set.", hint=hint)
