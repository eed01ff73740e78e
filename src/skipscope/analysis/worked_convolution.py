"""Works out one number of a network's first convolution from the recorded image, kernel and map.

A run keeps an image, the filters of its first convolution (O I K K) and some of that convolution's maps
(o h w), all before any activation. From the image as the network is given it and the filters, every number of
the maps follows but for the bias: so the bias is what is left over, and it must be the same everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.analysis.pictures import MAPS

TOLERANCE = 1e-3
"""How far the bias may vary over a map before something else than this convolution made it."""
SMALLEST, LARGEST = 3, 5
"""Sides of kernels whose numbers can be written out on a page."""


@dataclass(frozen=True, kw_only=True)
class WorkedConvolution:
    """One position of one map, and all that it is computed from."""

    kernel: int
    """Its number, from 0."""
    row: int
    column: int
    """Position in the map."""
    top: int
    left: int
    """Position of the window in the image."""
    window: NDArray[np.float64]
    """I K K: the image as the network is given it."""
    weights: NDArray[np.float64]
    """I K K."""
    bias: float
    map: NDArray[np.float64]
    """h w."""

    @property
    def sums(self) -> list[float]:
        """The sum of products of each channel."""
        return [float(total) for total in (self.window * self.weights).sum(axis=(1, 2))]

    @property
    def channel(self) -> int:
        """The channel that contributes most."""
        return int(np.abs(self.sums).argmax())

    @property
    def value(self) -> float:
        """The recorded number."""
        return float(self.map[self.row, self.column])


def worked(
    pictures: Mapping[str, NDArray[Any]], mean: Sequence[float], std: Sequence[float]
) -> WorkedConvolution | None:
    """Chooses the map that varies most and its largest number whose window is within the image.

    Args:
        pictures: of one run, as `StudyTables.pictures` has them.
        mean: of the data set's channels, which images are normalised by.
        std: likewise.

    Returns:
        None if the record does not tell, or the kernel is too large to be written out.
    """
    name = next((key for key in pictures if key.startswith(MAPS)), None)
    if name is None or not {"filters", "image"} <= pictures.keys():
        return None
    filters, maps = (pictures[key].astype(np.float64) for key in ("filters", name))
    image = ((pictures["image"] / 255 - np.array(mean)) / np.array(std)).transpose(2, 0, 1)
    side = filters.shape[-1]
    fits = filters.shape[1] == len(image) and len(maps) <= len(filters)
    if not (SMALLEST <= side <= LARGEST and fits and np.isfinite(maps).all()):
        return None
    kernel = int(maps.std(axis=(1, 2)).argmax())
    return _at(kernel, image, filters[kernel], maps[kernel])


def _at(
    kernel: int, image: NDArray[Any], weights: NDArray[Any], map: NDArray[Any]
) -> WorkedConvolution | None:
    """Finds the position, and checks that the recorded map is what the convolution gives."""
    stride, side = max(1, image.shape[-1] // map.shape[-1]), weights.shape[-1]
    padding = max(0, -(-((map.shape[-1] - 1) * stride + side - image.shape[-1]) // 2))
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weights.shape)[0, ::stride, ::stride]
    computed = (windows * weights).sum(axis=(2, 3, 4))
    if computed.shape != map.shape or np.ptp(map - computed) > TOLERANCE * max(1.0, np.ptp(map)):
        return None
    inside = np.zeros(map.shape, dtype=bool)
    edge = -(-padding // stride)
    inside[edge : map.shape[0] - edge, edge : map.shape[1] - edge] = True
    if not inside.any():
        return None
    row, column = (int(i) for i in np.unravel_index(np.where(inside, map, -np.inf).argmax(), map.shape))
    return WorkedConvolution(
        kernel=kernel,
        row=row,
        column=column,
        top=row * stride - padding,
        left=column * stride - padding,
        window=windows[row, column],
        weights=weights,
        bias=float((map - computed).mean()),
        map=map,
    )
