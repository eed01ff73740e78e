"""Emits the transforms between maps and tiles: from pixels to evaluation points, and back.

Shapes: maps of B H W C numbers; tiles of p x q points, P in all, in blocks of T; v lanes of a vector.
"""

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import NamedTuple

from skipscope.kernels.codegen import FunctionBuilder, Value, integer
from skipscope.kernels.minimal_filters import KERNEL, Filter, Matrix


class FeatureMap(NamedTuple):
    """B H W C numbers, channels side by side."""

    pointer: Value
    height: Value
    width: Value
    channels: Value
    pixel_stride: Value
    partial: bool = False
    """Whether the channels may end within a vector."""

    def pixel(self, b: FunctionBuilder, image: Value, row: Value, column: Value) -> Value:
        """Returns the pointer to a pixel's first channel."""
        line = b.product(b.sum(b.product(image, self.height), row), self.width, self.pixel_stride)
        return b.offset(self.pointer, line, b.product(column, self.pixel_stride))

    def tile(self, b: FunctionBuilder, strides: tuple[int, int], tile: Value) -> "Window":
        """Returns the window at a tile's corner; `strides` are those from tile to tile."""
        down, across = strides
        in_row = b.sdiv(self.width, integer(across))
        in_map = b.product(in_row, b.sdiv(self.height, integer(down)))
        rest = b.srem(tile, in_map)
        row, column = b.sdiv(rest, in_row), b.srem(rest, in_row)
        top, left = b.product(row, integer(down)), b.product(column, integer(across))
        pointer = self.pixel(b, b.sdiv(tile, in_map), top, left)
        return Window(pointer, top, left, b.product(self.width, self.pixel_stride), self.pixel_stride)

    def channels_from(self, b: FunctionBuilder, channel: Value) -> Value:
        """Returns the mask of a vector of channels from this one on: as many as there are."""
        return b.lanes_below(b.sub(self.channels, channel))


class Window(NamedTuple):
    """The pixels around one of a map."""

    pointer: Value
    top: Value
    left: Value
    row_stride: Value
    pixel_stride: Value

    def pixel(self, b: FunctionBuilder, row: int, column: int) -> Value:
        """Returns the pointer to a pixel's first channel, so many rows and columns from the corner."""
        down, across = b.product(integer(row), self.row_stride), b.product(integer(column), self.pixel_stride)
        return b.offset(self.pointer, down, across)


class Panels(NamedTuple):
    """P C/v T v numbers: a block of tiles, its channels in panels as wide as a vector."""

    pointer: Value
    tiles: Value
    channels: Value

    def panel(self, b: FunctionBuilder, point: Value, channel: Value) -> Value:
        """Returns the pointer to the T v numbers of one point, from a channel (the first of its panel) on."""
        return b.offset(self.pointer, b.product(b.sum(b.product(point, self.channels), channel), self.tiles))

    def at(
        self, b: FunctionBuilder, columns: int, tile: Value, channel: Value
    ) -> Callable[[int, int], Value]:
        """Returns the pointer to a tile's vector of channels, by the row and column of its point."""
        line = b.product(tile, integer(b.lanes))
        return lambda row, column: b.offset(self.panel(b, integer(row * columns + column), channel), line)


class Transform(NamedTuple):
    """A separable transform of tiles: s x r numbers -> p x q."""

    rows: Matrix  # p x s
    columns: Matrix  # q x r
    strides: tuple[int, int]
    """Rows and columns of the map from tile to tile."""
    padding: tuple[int, int] = (0, 0)
    """Rows and columns that the first tile reads before the map begins."""

    @property
    def points(self) -> Value:
        """Counts the points P of what it makes."""
        return integer(len(self.rows) * len(self.columns))

    def transposed(self) -> "Transform":
        """Returns the transform by the transposed matrices."""
        rows, columns = (tuple(zip(*side, strict=True)) for side in (self.rows, self.columns))
        return Transform(rows, columns, self.strides)

    def emit(
        self,
        b: FunctionBuilder,
        load: Callable[[int, int], Value],
        store: Callable[[int, int, Value], object],
    ) -> None:
        """Loads s x r vectors as late as it can, and stores p x q as early: there are few registers."""
        inner = [
            b.matrix_product(self.rows, [load(row, column) for row in range(len(self.rows[0]))])
            for column in range(len(self.columns[0]))
        ]
        for row, line in enumerate(zip(*inner, strict=True)):
            for column, vector in enumerate(b.matrix_product(self.columns, line)):
                store(row, column, vector)


def transforms(rows: Filter, columns: Filter) -> tuple[Transform, Transform, Transform]:
    """Returns the transforms of inputs, of filters and of outputs."""
    tile = len(rows.output_transform), len(columns.output_transform)
    strides, padding = (rows.stride, columns.stride), (rows.padding, columns.padding)
    return (
        Transform(rows.input_transform, columns.input_transform, strides, padding),
        Transform(rows.filter_transform, columns.filter_transform, (KERNEL, KERNEL)),
        Transform(rows.output_transform, columns.output_transform, tile),
    )


class TileRange(NamedTuple):
    """So many tiles of a map, from the first on."""

    count: Value
    first: Value = integer(0)


def emit_gather(
    b: FunctionBuilder,
    transform: Transform,
    source: FeatureMap,
    to: Panels,
    zeros: Value,
    tiles: TileRange,
    channels: tuple[Value, Value] | None = None,
) -> None:
    """Transforms what each tile reads of the map, zeros beyond its edge; prefetches for the tile below."""
    (top, left), (down, across) = transform.padding, transform.strides
    rows, columns = range(-top, len(transform.rows[0]) - top), range(-left, len(transform.columns[0]) - left)
    with b.loop(integer(0), tiles.count) as body:
        window = source.tile(b, transform.strides, b.sum(tiles.first, body.index))
        # a tile is inside the map; what it reads around itself may not be
        rows_inside, columns_inside = (
            {n: b.icmp_unsigned("<", b.sum(start, integer(n)), side) for n in around if not 0 <= n < own}
            for start, side, around, own in (
                (window.top, source.height, rows, down),
                (window.left, source.width, columns, across),
            )
        )

        def pixel(row: int, column: int) -> Value:
            pointer = window.pixel(b, row, column)
            for inside in (rows_inside.get(row), columns_inside.get(column)):
                pointer = pointer if inside is None else b.select(inside, pointer, zeros)
            return pointer

        pixels = [[pixel(row, column) for column in columns] for row in rows]
        below = [window.pixel(b, row, n) for row in range(rows.stop, rows.stop + down) for n in range(across)]
        with b.loop(*(channels or (integer(0), source.channels)), b.lanes) as channel:
            for pointer in below:
                b.prefetch(b.offset(pointer, channel.index))
            at = to.at(b, len(transform.columns), body.index, channel.index)
            load = b.load_vector
            if source.partial:
                load = partial(b.load_some, mask=source.channels_from(b, channel.index))
            transform.emit(
                b,
                load=lambda row, column: load(b.offset(pixels[row][column], channel.index)),
                store=lambda row, column, vector: b.store_vector(vector, at(row, column)),
            )


def emit_scatter(
    b: FunctionBuilder, transform: Transform, source: Panels, to: FeatureMap, bias: Value, tiles: TileRange
) -> None:
    """Transforms tiles, adds the bias, and stores them in the map; prefetches for the tile below."""
    down, across = transform.strides
    with b.loop(integer(0), tiles.count) as body:
        window = to.tile(b, transform.strides, b.sum(tiles.first, body.index))
        pixels, below = (
            [[window.pixel(b, first + row, column) for column in range(across)] for row in range(down)]
            for first in (0, down)
        )

        def emit(first: Value, last: Value, *, masked: bool) -> None:
            with b.loop(first, last, b.lanes) as channel:
                for pointer in chain(*below):
                    b.prefetch(b.offset(pointer, channel.index), write=True)
                at = source.at(b, len(transform.columns[0]), body.index, channel.index)
                addend = b.load_vector(b.offset(bias, channel.index))
                store = b.store_vector
                if masked:
                    store = partial(b.store_some, mask=to.channels_from(b, channel.index))
                transform.emit(
                    b,
                    load=lambda row, column: b.load_vector(at(row, column)),
                    store=lambda row, column, vector: store(
                        b.fadd(vector, addend), b.offset(pixels[row][column], channel.index)
                    ),
                )

        whole = b.whole_vectors(b.sub(to.channels, integer(b.lanes - 1))) if to.partial else to.channels
        emit(integer(0), whole, masked=False)
        if to.partial:  # apart from the others, because a store through a mask takes longer
            emit(whole, to.channels, masked=True)
