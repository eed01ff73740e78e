"""Draws the embedded data set: ten shapes from a fixed seed, so that everything works offline.

The same bytes on every machine: chance comes from raw bits only, and arithmetic is + - * / and sqrt in
float32, which IEEE 754 rounds exactly. No sine, exponential or sum over an axis: libraries differ in them.

Legend: B images are drawn at a time, H x W = 32 x 32; a field is B 32 32 float32; distances are in pixels.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.randomness import generator

NAME = "shapes"
CLASSES = ("disc", "ring", "square", "triangle", "star", "cross", "bars", "crescent", "heart", "arrow")
TRAIN, VALIDATION, TEST = 8_000, 1_000, 1_000
SOURCE = "drawn by skipscope itself: this is not CIFAR-10"
SEED = 2015
SHA256 = "4c1294b37300a46ca68d8ae2847e2b2da03530f74002fb44f20d1bce9c8928d3"
"""The checksum of the images' and labels' bytes on every machine; a test and `data check` compare it."""

CHUNK = 100
"""Images drawn at a time: their fields stay in the processor's cache. Another number draws other images."""

DISTRACTORS = 5
NOISE = 0.16
CONTRAST = (0.24, 0.22)
"""The smallest difference of brightness between a shape and its ground, and the range of the rest."""

Field = NDArray[Any]


@cache
def draw() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draws all images and labels, training then validation then test: 10,000 32 32 3 and 10,000, uint8.

    A process draws them once (about a second); the arrays are read-only.
    """
    numbers, number = labels(), TRAIN + VALIDATION + TEST
    # glibc returns every freed field to the kernel, and the page faults then cost more than the drawing;
    # after one large block is freed, it keeps blocks up to that size. Elsewhere this does nothing.
    np.empty(16 << 20, dtype=np.uint8)
    images = np.empty((number, 32, 32, 3), dtype=np.uint8)
    for label, shape in enumerate(SHAPES.values()):
        for start in range(label, number, CHUNK * len(CLASSES)):
            rows = slice(start, start + CHUNK * len(CLASSES), len(CLASSES))
            images[rows] = _picture(_Chance(start, len(range(number)[rows])), shape).transpose(0, 2, 3, 1)
    images.flags.writeable = False
    return images, numbers


@cache
def labels() -> NDArray[np.uint8]:
    """Returns the labels of all images, read-only; every ten in a row have each class once."""
    found = (np.arange(TRAIN + VALIDATION + TEST) % len(CLASSES)).astype(np.uint8)
    found.flags.writeable = False
    return found


class _Chance:
    """Draws numbers for B images that depend only on the seed and the images' indices."""

    def __init__(self, start: int, size: int) -> None:
        self._bits = generator(SEED, "shapes", start).bit_generator
        self._size = size

    def __call__(self, low: float, high: float) -> Field:
        """Draws B numbers between `low` and `high`: B 1 1."""
        bits = self._bits.random_raw(self._size) >> np.uint64(40)
        unit = bits.astype(np.float32) * 2.0**-24  # [0, 1), exact
        return (low + (high - low) * unit).reshape(-1, 1, 1)

    def sign(self) -> Field:
        """Draws -1 or 1 for each image: B 1 1."""
        return 2 * (self(-1, 1) < 0).astype(np.float32) - 1

    def colour(self) -> Field:
        """Draws a colour for each image: B 3 1 1."""
        return np.stack([self(0.1, 0.9) for _ in range(3)], axis=1)

    def turn(self) -> tuple[Field, Field]:
        """Draws cosine and sine of an angle, as rational points of the circle: B 1 1 each."""
        t, side = self(-1, 1), self.sign()
        norm = 1 + t * t
        return side * (1 - t * t) / norm, side * 2 * t / norm

    def noise(self) -> Field:
        """Draws triangular noise in -1..1 for each channel and pixel: B 3 32 32."""
        words = self._bits.random_raw(self._size * 3 * 32 * 32 // 8)
        octets = words.astype("<u8").view(np.uint8)  # the same order of bytes on every processor
        triangle = (octets & 15).astype(np.float32) + (octets >> 4)
        return ((triangle - 15) / 15).reshape(self._size, 3, 32, 32)


_X: Field = (np.arange(32, dtype=np.float32) - 15.5)[None, None, :]
_Y: Field = (np.arange(32, dtype=np.float32) - 15.5)[None, :, None]


def _picture(chance: _Chance, shape: Callable[[Field, Field], Field]) -> NDArray[np.uint8]:
    """Draws ground, clutter, the shape, a stroke across it, and noise: B 3 32 32."""
    ground, figure = _colours(chance)
    image = ground + _relief(chance)[:, None]
    for _ in range(DISTRACTORS):
        scrap = ground + 0.75 * (chance.colour() - ground)
        _paint(image, scrap, _scrap(chance))
    _paint(image, figure + 0.6 * _relief(chance)[:, None], _transformed(chance, shape))
    _paint(image, chance.colour(), _stroke(chance))
    image += NOISE * chance(0.3, 1)[:, None] * chance.noise()
    octets: NDArray[np.uint8] = np.floor(255 * np.clip(image, 0, 1) + 0.5).astype(np.uint8)
    return octets


def _paint(image: Field, colour: Field, coverage: Field) -> None:
    image += coverage[:, None] * (colour - image)


def _colours(chance: _Chance) -> tuple[Field, Field]:
    """Draws two colours that differ in brightness, either being the lighter: B 3 1 1 each."""
    ground, figure = chance.colour(), chance.colour()
    light, own = _brightness(ground), _brightness(figure)
    step = chance(CONTRAST[0], CONTRAST[0] + CONTRAST[1]) * chance.sign()
    step = np.where((light + step < 0.05) | (light + step > 0.95), -step, step)
    return ground, figure + (light + step - own)[:, None]


def _brightness(colour: Field) -> Field:
    return 0.25 * colour[:, 0] + 0.5 * colour[:, 1] + 0.25 * colour[:, 2]


def _relief(chance: _Chance) -> Field:
    """Draws a slope and two sets of soft stripes: B 32 32, around 0."""
    cosine, sine = chance.turn()
    relief: Field = chance(0, 0.008) * (cosine * _X + sine * _Y)
    for _ in range(2):
        cosine, sine = chance.turn()
        phase = chance(0.06, 0.22) * (cosine * _X + sine * _Y) + chance(0, 1)
        phase -= np.floor(phase)
        relief += np.maximum(chance(-0.12, 0.16), 0) * (np.abs(4 * phase - 2) - 1)
    return relief


def _transformed(chance: _Chance, shape: Callable[[Field, Field], Field]) -> Field:
    """Computes each pixel's coverage by a shape, shifted, turned, stretched and bent: B 32 32."""
    size = chance(7.5, 12.5)
    room = 13.5 - size
    x, y = _X - room * chance(-1, 1), _Y - room * chance(-1, 1)
    u, v = _turned(x, y, chance)
    stretch = chance(0.85, 1.18)
    u, v = u * (stretch / size), v * (1 / (stretch * size))
    u, v = u + chance(-0.14, 0.14) * (v * v), v + chance(-0.14, 0.14) * (u * u)
    return _coverage(shape(u, v) * size)


def _turned(x: Field, y: Field, chance: _Chance) -> tuple[Field, Field]:
    cosine, sine = chance.turn()
    # the products are B 1 32 and B 32 1: only the sums cost
    return cosine * x + sine * y, cosine * y - sine * x


def _scrap(chance: _Chance) -> Field:
    """Computes each pixel's coverage by a small ellipse or box: B 32 32."""
    u, v = _turned(_X - chance(-17, 17), _Y - chance(-17, 17), chance)
    long, wide = chance(2, 8), chance(0.8, 2.6)
    box = np.minimum(long - np.abs(u), wide - np.abs(v))
    ellipse = 0.5 * wide - (u * u) * (0.5 * wide / (long * long)) - (v * v) * (0.5 / wide)
    round_ = (chance(0, 1) < 0.5).astype(np.float32)
    return _coverage(box + round_ * (ellipse - box))


def _stroke(chance: _Chance) -> Field:
    """Computes each pixel's coverage by a thin line in front; two in five images have none: B 32 32."""
    cosine, sine = chance.turn()
    away = cosine * _X + sine * _Y - chance(-12, 12)
    there = (chance(0, 1) < 0.6).astype(np.float32)
    width = there * chance(1.3, 2.0) - 1
    return _coverage(width - np.abs(away))


def _coverage(inside: Field) -> Field:
    return np.clip(inside + 0.5, 0, 1)


# Shapes: how far inside its outline a point (u, v) is, negative outside. v points down; all fit the circle.


def _length(u: Field, v: Field) -> Field:
    length: Field = np.sqrt(u * u + v * v)
    return length


def _disc(u: Field, v: Field) -> Field:
    return 0.92 - _length(u, v)


def _ring(u: Field, v: Field) -> Field:
    return 0.2 - np.abs(0.78 - _length(u, v))


def _square(u: Field, v: Field) -> Field:
    return 0.78 - np.maximum(np.abs(u), np.abs(v))


def _triangle(u: Field, v: Field) -> Field:
    return 0.55 - np.maximum(v, 0.8660254037844386 * np.abs(u) - 0.5 * v)


_FIVE = (
    (0.0, -1.0),
    (0.9510565162951535, -0.30901699437494745),
    (0.5877852522924731, 0.8090169943749475),
    (-0.5877852522924731, 0.8090169943749475),
    (-0.9510565162951535, -0.30901699437494745),
)
"""The corners of a pentagon, written out: no library's sine computes them."""


def _star(u: Field, v: Field) -> Field:
    # inside four of the five half-planes: the second least of the five distances
    first = second = np.full_like(u * v, 9.0)
    for a, b in _FIVE:
        distance = 0.34 + a * u + b * v
        second = np.minimum(second, np.maximum(first, distance))
        first = np.minimum(first, distance)
    return second


def _cross(u: Field, v: Field) -> Field:
    along, across = np.abs(u), np.abs(v)
    return np.maximum(np.minimum(0.98 - along, 0.3 - across), np.minimum(0.3 - along, 0.98 - across))


def _bars(u: Field, v: Field) -> Field:
    beside = np.minimum(np.abs(u), np.abs(np.abs(u) - 0.66))
    return np.minimum(0.17 - beside, 0.85 - np.abs(v))


def _crescent(u: Field, v: Field) -> Field:
    return np.minimum(0.98 - _length(u, v), _length(u - 0.45, v) - 0.72)


def _heart(u: Field, v: Field) -> Field:
    a, b = 0.7071067811865476 * (u - v - 0.1), 0.7071067811865476 * (-u - v - 0.1)
    lobes = np.maximum(0.5 - _length(a - 0.5, b), 0.5 - _length(a, b - 0.5))
    whole = np.maximum(0.5 - np.maximum(np.abs(a), np.abs(b)), lobes)
    return np.minimum(whole, _length(a - 0.64, b - 0.64) - 0.28)  # the notch, deep enough to be seen


def _arrow(u: Field, v: Field) -> Field:
    shaft = np.minimum(0.19 - np.abs(v), 0.55 - np.abs(u + 0.43))
    head = np.minimum(u + 0.1, 0.6 * (0.98 - u) - 0.72 * np.abs(v))
    return np.maximum(shaft, head)


_FORMS = (_disc, _ring, _square, _triangle, _star, _cross, _bars, _crescent, _heart, _arrow)
SHAPES: dict[str, Callable[[Field, Field], Field]] = dict(zip(CLASSES, _FORMS, strict=True))
"""Each class's function, in the order of the labels."""
