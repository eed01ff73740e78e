"""Reads a data set as the program itself keeps it: images.npy, labels.npy and index.json in a folder.

So what an older version took for CIFAR-10 can be imported again, under its own name.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from skipscope.data import store
from skipscope.data.archive import Files
from skipscope.data.formats import checked
from skipscope.data.layouts import Layout
from skipscope.data.read import Read
from skipscope.errors import DataError


def read(files: Files, layout: Layout, where: Path) -> Read:
    """Reads the three files.

    Raises:
        DataError: one is missing or damaged, or they do not belong together.
    """
    if layout.missing:
        raise DataError(f"{', '.join(layout.missing)} missing.", where=str(where))
    try:
        index = store.Index.model_validate_json(files[layout.folder + store.INDEX]())
        images, labels = (_array(files[layout.folder + name]()) for name in (store.IMAGES, store.LABELS))
    except (ValidationError, ValueError, EOFError):
        raise DataError("An imported data set is damaged.", where=str(where)) from None
    number = index.train + index.test
    if images.shape != (number, 32, 32, 3) or labels.shape != (number,) or not 0 < index.train < number:
        raise DataError("The files of an imported data set do not belong together.", where=str(where))
    return Read(
        images=images,
        labels=checked(labels, store.LABELS, where),
        train=index.train,
        classes=index.classes or (),
    )


def _array(data: bytes) -> NDArray[np.uint8]:
    array: NDArray[np.uint8] = np.load(io.BytesIO(data), allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        raise ValueError
    return array
