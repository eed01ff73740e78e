"""Draws arrays as PNG: kernels in colour, maps in grey, many on a sheet.

A picture is H W 3 of uint8. Nothing is smoothed: one number stays one square.
"""

from collections.abc import Sequence
from io import BytesIO
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

Picture = NDArray[np.uint8]

EVEN, LOPSIDED = (0.25, 0.75), (0.02, 0.98)
"""Shares of its span at which a map's median is shown well by `grey`; the farthest that `spread` moves."""
GAP = 2
"""Pixels between the pictures of a sheet."""
MARK = "#d55e00"
"""Colour of frames; their white border sets them off from any background."""


def kernel(weights: NDArray[Any]) -> Picture:
    """Draws weights (I K K) as colours on one scale, 0 as grey; unless there are three inputs, their mean.

    What is not finite is grey.
    """
    weights = np.where(np.isfinite(weights), weights, 0).astype(np.float64)
    most = float(np.abs(weights).max()) or 1.0
    colours = weights if len(weights) == 3 else np.repeat(weights.mean(axis=0, keepdims=True), 3, axis=0)
    return _bytes(0.5 + colours / (2 * most)).transpose(1, 2, 0)


def grey(values: NDArray[Any]) -> Picture:
    """Draws a map (h w) from its smallest value, black, to its largest, white; a constant is mid-grey.

    What is not finite is black.
    """
    numbers = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    shares = (numbers - low) / (high - low) if high > low else np.full(values.shape, 0.5)
    return np.repeat(_bytes(shares)[..., None], 3, axis=2)


def spread(values: NDArray[Any]) -> Picture:
    """Draws a map as `grey` does, but with its median in mid-grey: the shares of the span to one power.

    Few large values would leave all others nearly black.
    """
    numbers = np.asarray(values, dtype=np.float64)
    low, high = numbers.min(), numbers.max()
    shares = (numbers - low) / (high - low) if high > low else np.full(numbers.shape, 0.5)
    middle = float(np.clip(np.median(shares), *LOPSIDED))
    return grey(shares ** (np.log(0.5) / np.log(middle)))


def lopsided(values: NDArray[Any]) -> bool:
    """Says whether most of a map would be nearly black, or nearly white."""
    low, high = float(values.min()), float(values.max())
    return high > low and not EVEN[0] <= (float(np.median(values)) - low) / (high - low) <= EVEN[1]


def greys(maps: NDArray[Any]) -> list[Picture]:
    """Draws maps (C h w), each on a scale of its own; maps of one pixel share one."""
    if maps.shape[1:] == (1, 1):
        return [single[None, None] for single in grey(maps[:, :, 0])[:, 0]]
    return [grey(values) for values in maps]


def sheet(pictures: Sequence[Picture], *, columns: int, cell: int) -> Picture:
    """Lays out pictures of one size in rows, each enlarged to about `cell` pixels, on white."""
    pictures = [enlarged(picture, max(1, round(cell / picture.shape[1]))) for picture in pictures]
    columns = min(columns, len(pictures))
    rows = ceil(len(pictures) / columns)
    height, width = pictures[0].shape[:2]
    whole = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (index // columns) * (height + GAP), (index % columns) * (width + GAP)
        whole[top : top + height, left : left + width] = picture
    return whole


def enlarged(picture: Picture, times: int) -> Picture:
    """Enlarges each pixel to a square of `times` pixels a side."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def framed(picture: Picture, *, top: int, left: int, side: int, times: int) -> Picture:
    """Enlarges a picture and frames the square of `side` pixels at (top, left), as far as it is inside."""
    image = Image.fromarray(enlarged(picture, times))
    draw = ImageDraw.Draw(image)
    corner, end = (left * times, top * times), ((left + side) * times - 1, (top + side) * times - 1)
    for margin, width, colour in ((3, 3, "white"), (2, 2, MARK)):
        box = (corner[0] - margin, corner[1] - margin, end[0] + margin, end[1] + margin)
        draw.rectangle(box, outline=colour, width=width)
    return np.asarray(image)


def window(picture: Picture, *, top: int, left: int, side: int) -> Picture:
    """Cuts out the square of `side` pixels at (top, left); beyond the edge it is black, as padding is 0."""
    padded = np.pad(picture, ((side, side), (side, side), (0, 0)))
    return padded[top + side : top + 2 * side, left + side : left + 2 * side]


def png(picture: Picture, **about: str) -> bytes:
    """Encodes a picture as PNG, with texts in it that no viewer shows."""
    file, texts = BytesIO(), PngInfo()
    for key, text in about.items():
        texts.add_text(key, text)
    Image.fromarray(picture).save(file, format="PNG", pnginfo=texts)
    return file.getvalue()


def webp(picture: Picture) -> bytes:
    """Encodes a picture as WebP without loss: two thirds of a PNG, for pages."""
    file = BytesIO()
    # of pictures as small as maps, quality 100 and method 6 take 200 times as long, for no fewer bytes
    Image.fromarray(picture).save(file, format="WEBP", lossless=True, quality=50, method=2)
    return file.getvalue()


def _bytes(shares: NDArray[Any]) -> Picture:
    levels: Picture = np.clip(np.nan_to_num(np.rint(255 * shares)), 0, 255).astype(np.uint8)
    return levels
