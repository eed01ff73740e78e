"""Winograd's minimal filters along one axis of a map, as matrices (Lavin and Gray 2016, section 4.1).

An output tile is output_transform @ ((filter_transform @ filter) * (input_transform @ input)): with P
evaluation points it takes P products, where the definition takes three for each output.
"""

from collections.abc import Sequence
from typing import NamedTuple

KERNEL = 3

Matrix = tuple[tuple[float, ...], ...]


class Filter(NamedTuple):
    """A minimal filter: tiles of M outputs from N inputs and three weights, by P products."""

    input_transform: Matrix  # P x N
    filter_transform: Matrix  # P x 3
    output_transform: Matrix  # M x P
    stride: int
    """Inputs from the first that one tile reads to the first that the next tile reads."""
    padding: int = 0
    """Inputs that the first tile reads before the map begins."""

    @property
    def points(self) -> int:
        """Products a tile."""
        return len(self.input_transform)

    def outputs(self, inputs: int) -> int:
        """Returns the length of the output for an axis of so many inputs."""
        return inputs // self.stride * len(self.output_transform)


class AxisFilters(NamedTuple):
    """How one axis is filtered, and how gradients of the output become gradients of the input."""

    forward: Filter
    grad_input: Filter


def _mirrored(forward: Filter) -> AxisFilters:
    """Pairs filters of stride 1: the input's gradient is the convolution with the mirrored kernel."""
    mirrored = tuple(weights[::-1] for weights in forward.filter_transform)
    return AxisFilters(forward, forward._replace(filter_transform=mirrored))


def _strided(input_transform: Matrix, filter_transform: Matrix, output_transform: Matrix) -> AxisFilters:
    """Pairs filters of stride 2, from one of two weights: the outer ones, which read every other input.

    The inputs between are read by the middle weight alone. Gradients of the input are, in turns, what the
    middle weight and what the outer ones contribute.
    """
    tile = len(output_transform)
    identity = [[float(row == column) for column in range(tile)] for row in range(tile)]
    middle = [(0.0, 1.0, 0.0)] * tile
    forward = Filter(
        input_transform=(
            *(_spread(row)[:-1] for row in input_transform),
            *((0.0, *_spread(row)) for row in identity),
        ),
        filter_transform=(*((first, 0, last) for first, last in filter_transform), *middle),
        output_transform=tuple((*row, *one) for row, one in zip(output_transform, identity, strict=True)),
        stride=2 * tile,
        padding=1,
    )
    no_outer, no_middle = (0.0,) * len(input_transform), (0.0,) * tile
    grad_input = Filter(
        input_transform=(*input_transform, *((*row, 0.0) for row in identity)),
        filter_transform=(*((last, 0, first) for first, last in filter_transform), *middle),
        output_transform=tuple(
            line
            for row, one in zip(output_transform, identity, strict=True)
            for line in ((*no_outer, *one), (*row, *no_middle))
        ),
        stride=tile,
    )
    return AxisFilters(forward, grad_input)


def _spread(row: Sequence[float]) -> tuple[float, ...]:
    """Puts a zero after each number."""
    return tuple(number for one in row for number in (one, 0.0))


FILTERS: dict[int | None, tuple[AxisFilters, AxisFilters]] = {
    1: (
        _mirrored(
            Filter(  # F(4, 3) with the points 0, 1, -1, 2, -2 and infinity
                input_transform=(
                    (4, 0, -5, 0, 1, 0),
                    (0, -4, -4, 1, 1, 0),
                    (0, 4, -4, -1, 1, 0),
                    (0, -2, -1, 2, 1, 0),
                    (0, 2, -1, -2, 1, 0),
                    (0, 4, 0, -5, 0, 1),
                ),
                filter_transform=(
                    (1 / 4, 0, 0),
                    (-1 / 6, -1 / 6, -1 / 6),
                    (-1 / 6, 1 / 6, -1 / 6),
                    (1 / 24, 1 / 12, 1 / 6),
                    (1 / 24, -1 / 12, 1 / 6),
                    (0, 0, 1),
                ),
                output_transform=(
                    (1, 1, 1, 1, 1, 0),
                    (0, 1, -1, 2, -2, 0),
                    (0, 1, 1, 4, 4, 0),
                    (0, 1, -1, 8, -8, 1),
                ),
                stride=4,
                padding=1,
            )
        ),
        _mirrored(
            # two inputs between zeros: b x + c y and a x + b y are b (x + y), and (c - b) y or (a - b) x
            Filter(
                input_transform=((1, 1), (0, 1), (1, 0)),
                filter_transform=((0, 1, 0), (0, -1, 1), (1, -1, 0)),
                output_transform=((1, 1, 0), (1, 0, 1)),
                stride=2,
            )
        ),
    ),
    2: (
        _strided(  # F(4, 2) with the points 0, 1, -1, 2 and infinity
            ((2, -1, -2, 1, 0), (0, -2, -1, 1, 0), (0, 2, -3, 1, 0), (0, -1, 0, 1, 0), (0, 2, -1, -2, 1)),
            ((1 / 2, 0), (-1 / 2, -1 / 2), (-1 / 6, 1 / 6), (1 / 6, 1 / 3), (0, 1)),
            ((1, 1, 1, 1, 0), (0, 1, -1, 2, 0), (0, 1, 1, 4, 0), (0, 1, -1, 8, 1)),
        ),
        _strided(  # F(2, 2): a x + b y and a y + b z are a (x - y), (a + b) y and b (z - y)
            ((1, -1, 0), (0, 1, 0), (0, -1, 1)), ((1, 0), (1, 1), (0, 1)), ((1, 1, 0), (0, 1, 1))
        ),
    ),
}
"""By stride: the filters of axes that are whole tiles of four outputs, and of axes that are one of two."""


def axis_filters(inputs: int, stride: int | None) -> AxisFilters | None:
    """Returns the filters for an axis of so many inputs; None where no whole number of tiles covers it."""
    fours, twos = FILTERS.get(stride, (None, None))
    if fours is not None and inputs % fours.forward.stride == 0:
        return fours
    return twos if twos is not None and inputs == twos.forward.stride else None
