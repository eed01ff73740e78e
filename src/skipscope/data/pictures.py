"""Reads a data set of pictures in folders of their classes, and single pictures of 32 x 32 RGB.

Legend: N pictures of 32 32 3, training then test.
"""

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skipscope.data.archive import Files
from skipscope.data.layouts import Layout
from skipscope.data.read import Read
from skipscope.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "PPM")
OTHER_NAMES = {"aeroplane": "airplane", "plane": "airplane", "car": "automobile"}
"""Names of CIFAR-10's classes that some copies have."""
_NUMBER = re.compile(r"\d+")


def read(files: Files, layout: Layout, where: Path) -> Read:
    """Reads all pictures; classes are numbered in the order of their names, as torchvision does.

    Pictures come in the order of the first numbers in their names where no two of a split have the same one,
    which is the official order in some copies; else class by class.

    Raises:
        DataError: a class has no pictures in a split, or a picture is not 32 x 32.
    """
    if layout.missing:
        raise DataError(f"There are no pictures in {', '.join(layout.missing)}.", where=str(where))
    named = {part.partition("/")[2] for part in layout.parts}
    classes = sorted(named, key=lambda name: OTHER_NAMES.get(name.lower(), name))
    chosen: list[tuple[str, int]] = []  # name of the file, and class
    for split in ("train", "test"):
        chosen += _ordered(
            [(name, label) for label, each in enumerate(classes) for name in layout.parts[f"{split}/{each}"]]
        )
    train = sum(len(names) for part, names in layout.parts.items() if part.startswith("train/"))
    images = np.empty((len(chosen), 32, 32, 3), dtype=np.uint8)
    for row, (name, _) in enumerate(chosen):
        images[row] = decoded(files[name](), name, where)
    labels = np.array([label for _, label in chosen], dtype=np.uint8)
    return Read(images=images, labels=labels, train=train, classes=tuple(classes))


def _ordered(named: list[tuple[str, int]]) -> list[tuple[str, int]]:
    numbers = [
        int(found[0]) if (found := _NUMBER.search(name.rpartition("/")[2])) else -1 for name, _ in named
    ]
    if len(set(numbers)) == len(numbers):
        return [each for _, each in sorted(zip(numbers, named, strict=True))]
    keys = [(label, number, name) for (name, label), number in zip(named, numbers, strict=True)]
    return [(name, label) for label, _, name in sorted(keys)]


def decoded(data: object, what: str, where: Path) -> NDArray[np.uint8]:
    """Decodes a picture: 32 32 3.

    Raises:
        DataError: it is none, or not 32 x 32 RGB.
    """
    problem = "it has no bytes"
    if isinstance(data, bytes):
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.size == (32, 32) and image.mode == "RGB":
                    return np.asarray(image)
                problem = f"it is {image.size[0]} x {image.size[1]} {image.mode}"
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            problem = str(error)
    raise DataError(f"{what} is not a 32 x 32 RGB image: {problem}.", where=str(where))
