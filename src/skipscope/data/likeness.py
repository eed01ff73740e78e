"""Tells CIFAR-10 by its content: exact, a near copy, or something else, whatever files it came in.

Exact is what has the official labels, the official images as far as their bytes are known here (all but 121),
and the official sums of all bytes and of their squares, which cover the others too.
Legend: N = 60,000 images of 32 x 32 x 3 bytes, training then test; 10 classes; 3 channels.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.records.schema import Likeness

TRAIN, TEST, CLASSES = 50_000, 10_000, 10
EXACT = Likeness(exact=True, labels_in_order=True, images_known=TRAIN + TEST, mean=0.0, std=0.0)
NEAR = {True: (2.0, 8.0), False: (1.0, 4.5)}
"""By whether the labels stand in the official order: how far means and standard deviations may be off.

Of any class and channel, in levels of 255. Measured: JPEG of quality 20 to 95 at most 0.4 and 1.6; resized to
16 ... 224 pixels and back 0.4 and 4.2; another draw of training and test images 2.6 and 1.1; grey images 24
and 7; a tenth of the labels changed 3.4 and 2.2; noise 39 and 22.
"""
_CHUNK = 5_000


@dataclass(frozen=True, kw_only=True)
class Content:
    """Holds what is compared of a data set: two checksums, and sums by split, class and channel."""

    labels_sha256: str
    images_sha256: str  # of all but the rows of which the official bytes are not known here
    moments: NDArray[np.int64]  # 2 10 3 3: the number of bytes, their sum, the sum of their squares


def content(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Content:
    """Reads 60,000 images N 32 32 3 and labels N once: about a second."""
    without, digest = np.array(official()["without_rows"]), sha256()
    moments = np.zeros((2, CLASSES, 3, 3), dtype=np.int64)
    values = np.arange(256)
    for start in range(0, len(images), _CHUNK):
        chunk, classes = images[start : start + _CHUNK], labels[start : start + _CHUNK]
        left_out = without[(start <= without) & (without < start + _CHUNK)] - start
        digest.update(np.delete(chunk, left_out, axis=0).data)
        for label in range(CLASSES):
            pixels = chunk[classes == label].reshape(-1, 3)
            for channel in range(3):
                counts = np.bincount(pixels[:, channel], minlength=256)
                sums = counts.sum(), counts @ values, counts @ values**2
                moments[int(start >= TRAIN), label, channel] += np.array(sums)
    labels_sha256 = sha256(np.ascontiguousarray(labels).data).hexdigest()
    return Content(labels_sha256=labels_sha256, images_sha256=digest.hexdigest(), moments=moments)


def likeness(found: Content) -> Likeness:
    """Compares with what is known of the official set; every class has images in both splits."""
    known = official()
    in_order = found.labels_sha256 == known["labels_sha256"]
    same_images = in_order and found.images_sha256 == known["images_sha256"]
    if same_images and found.moments[..., 1:].sum(axis=1).tolist() == [*known["sums"].values()]:
        return EXACT
    mean, std = _distances(found)
    return Likeness(
        exact=False,
        labels_in_order=in_order,
        images_known=TRAIN + TEST - len(known["without_rows"]) if same_images else 0,
        mean=float(mean.max()),
        std=float(std.max()),
    )


def difference(found: Content, classes: tuple[str, ...]) -> str | None:
    """Says where the content is too far from CIFAR-10 to be a copy of it; None if it is near."""
    near = likeness(found)
    most_mean, most_std = NEAR[near.labels_in_order]
    if near.exact or (near.mean <= most_mean and near.std <= most_std):
        return None
    far = near.mean > most_mean
    what, number = ("mean", 0) if far else ("standard deviation", 1)
    split, label, channel = np.unravel_index(int(_distances(found)[number].argmax()), (2, CLASSES, 3))
    here, there = (each[number][split, label, channel] for each in (_statistics(found), _official()))
    return (
        f"Its labels are {'' if near.labels_in_order else 'not '}in CIFAR-10's order, and in the "
        f"{('training', 'test')[split]} images of class {label}, CIFAR-10's {classes[label]}, the {what} of "
        f"{('red', 'green', 'blue')[channel]} is {here:.1f} of 255, where CIFAR-10 has {there:.1f}"
    )


Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Mean and standard deviation in levels by split, class and channel: 2 10 3 each."""


def _distances(found: Content) -> Statistics:
    (mean, std), (official_mean, official_std) = _statistics(found), _official()
    return np.abs(mean - official_mean), np.abs(std - official_std)


def _statistics(found: Content) -> Statistics:
    number, first, second = np.moveaxis(found.moments.astype(np.float64), -1, 0)
    mean = first / number
    return mean, np.sqrt(np.maximum(second / number - mean**2, 0.0))


def _official() -> Statistics:
    splits = official()["classes"].values()
    mean, std = (np.array([split[key] for split in splits]) for key in ("mean", "std"))
    return mean, std


@cache
def official() -> dict[str, Any]:
    """Reads what is known of the official set."""
    return tomllib.loads(files("skipscope.data").joinpath("cifar10_content.toml").read_text("utf-8"))
