"""CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of 32 x 32 RGB in ten classes.

A copy in any known format is compared with the official set and imported once, into the store.
Legend: images N 32 32 3 uint8 in the official order, training then test; labels N uint8.
"""

from pathlib import Path

import numpy as np

from skipscope.data import copies, likeness, store
from skipscope.data.copies import Copy
from skipscope.data.likeness import TEST, TRAIN
from skipscope.errors import DataError
from skipscope.records.schema import Likeness

NAME = "cifar10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
OFFICIAL_MD5 = {"binary": "c32a1d4ab5d03f1284b67883e8d87530", "python": "c58f30108f718f92721af3b95e74349a"}
"""MD5 sums of the two official archives, as https://www.cs.toronto.edu/~kriz/cifar.html prints them."""

WAYS_OUT = (
    "three ways out: `skipscope data get` downloads CIFAR-10; `skipscope data import PATH` takes a copy "
    "you have; `--data shapes` uses the embedded set, which needs no network"
)
OWN_NAME = "skipscope data import PATH --as NAME takes it as a data set of your own, under its name"


def import_from(path: Path, *, data_dir: Path | None = None) -> store.Store:
    """Reads an archive or folder, compares it with the official set, and writes it into the store.

    On any error the store is unchanged.

    Raises:
        DataError: the path is in no known format, or its content is neither CIFAR-10 nor a near copy of it.
    """
    copy = copies.read(path)
    if copy.md5 is not None and copy.md5 == OFFICIAL_MD5.get(copy.kind):
        source, found = f"the official {copy.kind} archive, md5 {copy.md5}", likeness.EXACT
    else:
        source, found = f"an unofficial copy: {copy.described()}", _likeness(copy)
    return store.write(
        NAME, copy.images, copy.labels, train=copy.train, source=source, data_dir=data_dir, likeness=found
    )


def open_store(data_dir: Path | None = None) -> store.Store:
    """Opens the imported data set; one of an older version is compared with the official set first.

    Raises:
        DataError: it is missing (the hint names three ways to get it), damaged, or not CIFAR-10 after all.
    """
    found = store.read(NAME, data_dir=data_dir)
    if found is None:
        raise DataError(
            "CIFAR-10 is not there yet.", where=str(store.data_folder(data_dir) / NAME), hint=WAYS_OUT
        )
    if found.index.likeness is not None:
        return found
    index = found.index
    if index.source.startswith("the official "):
        return store.with_likeness(found, likeness.EXACT)
    copy = Copy(path=found.folder, kind="", images=found.images, labels=found.labels, train=index.train)
    try:
        return store.with_likeness(found, _likeness(copy))
    except DataError as error:
        error.hint = f"skipscope data import '{found.folder}' --as NAME keeps it under a name of its own"
        raise


def _likeness(copy: Copy) -> Likeness:
    """Compares a copy with the official set.

    Raises:
        DataError: it is neither CIFAR-10 nor near it; says what differs.
    """
    sizes = copy.train, len(copy.labels) - copy.train
    splits = {"training": copy.labels[: copy.train], "test": copy.labels[copy.train :]}
    what: str | None = None
    if sizes != (TRAIN, TEST):
        what = f"It has {sizes[0]:,} training and {sizes[1]:,} test images, CIFAR-10 {TRAIN:,} and {TEST:,}"
    for split, labels in splits.items():
        counts = np.bincount(labels, minlength=len(CLASSES)).tolist()
        if what is None and len(set(counts)) > 1:
            numbers = ", ".join(map(str, counts))
            what = f"The {split} images are not spread evenly over the classes ({numbers})"
    if what is None:
        content = likeness.content(copy.images, copy.labels)
        what = likeness.difference(content, CLASSES)
    if what is not None:
        raise DataError(f"{what}: this is not CIFAR-10.", where=str(copy.path), hint=OWN_NAME)
    return likeness.likeness(content)
