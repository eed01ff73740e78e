"""Convolutions by tiles of a map, in one pass: what a tile sees is transformed, multiplied, transformed back.

It is done for a few tiles at a time, so that what is transformed stays in the processor's own memory between
the three (`winograd.py` has the transforms). Channels come in panels as wide as a vector; products are summed
in registers, over the channels or, for the weights' gradient, over the tiles.

Shapes: B images; maps of I -> O channels and H x W pixels in T tiles; p x q places of a tile, P of both; v
numbers in a vector.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from skipscope.training.vectors import Function, Program, Value, Writer, index, width

KERNEL = 3
ROWS = 6
"""Tiles whose products are summed at once: two registers each, and three for factors, of AVX2's sixteen."""
GRADIENTS = 4
"""Channels, for the weights' gradient: they divide a vector."""
FEW, MANY = 24, 96
"""Tiles in a block (of whole `ROWS`); many where a block's weights are longer than its tiles."""
WIDE = 256
"""Channels in and out, together, above which they are."""

Matrix = tuple[tuple[float, ...], ...]


class Line(NamedTuple):
    """How one side of a map is filtered: a tile is `sum_up` (`weigh` kernel * `see` pixels)."""

    see: Matrix  # places x pixels that a tile sees
    weigh: Matrix  # places x 3
    sum_up: Matrix  # pixels of a tile x places
    step: int
    """Pixels from where one tile begins to see to where the next one does."""
    before: int = 0
    """Pixels that the first one sees before the map begins."""

    def made_of(self, side: int) -> int:
        """Pixels of a side that is made of one of so many."""
        return side // self.step * len(self.sum_up)


class Side(NamedTuple):
    """How one side of a map is filtered, and how gradients of what it became are, to its own."""

    forth: Line
    back: Line


class _Transform(NamedTuple):
    """From s x r pixels of a map to p x q places, or back."""

    rows: Matrix  # p x s
    columns: Matrix  # q x r
    steps: tuple[int, int]
    """Rows and columns from tile to tile."""
    before: tuple[int, int] = (0, 0)
    """Rows and columns that the first tile sees before the map begins."""

    def write(
        self, w: Writer, load: Callable[[int, int], Value], store: Callable[[int, int, Value], None]
    ) -> None:
        """Loads s x r vectors as late as it can, and stores p x q as early: there are few registers."""
        inner = [
            w.combinations(self.rows, [load(row, column) for row in range(len(self.rows[0]))])
            for column in range(len(self.columns[0]))
        ]
        for row, line in enumerate(zip(*inner, strict=True)):
            for column, vector in enumerate(w.combinations(self.columns, line)):
                store(row, column, vector)


class _Map(NamedTuple):
    """B H W C numbers: where they are, how many, and how far a pixel is from the next."""

    pointer: Value
    height: Value
    width: Value
    channels: Value
    pixel: Value


class _Places(NamedTuple):
    """P C/v T v numbers: those of a block of tiles."""

    pointer: Value
    tiles: Value
    channels: Value

    def panel(self, w: Writer, place: Value, channel: Value) -> Value:
        """T v numbers, from this channel (of whole panels) on."""
        return w.place(self.pointer, w.product(w.total(w.product(place, self.channels), channel), self.tiles))


class Tiles:
    """The loops for one kind of tile, of one number format."""

    def __init__(self, rows: Side, columns: Side, dtype: torch.dtype) -> None:
        """Compiles them: a second, say."""
        self.program = Program(dtype)
        self.lines: dict[str, tuple[Line, Line]] = {}
        self._write_turn()
        forth = self._write_filter("forth", rows.forth, columns.forth)
        self._write_filter("back", rows.back, columns.back)
        see, sum_up, weigh = forth
        self._write_correlate(see, _transposed(sum_up))
        self._write_unweigh(_transposed(weigh))
        self.run: dict[str, Function] = self.program.compiled()

    def forth(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """B I H W and O I 3 3 -> B O h w, in channels_last."""
        taps = _last(weight).permute(0, 2, 3, 1)
        outputs, _, _, inputs = taps.shape
        turned = taps.new_empty(inputs, KERNEL, KERNEL, outputs)
        self.run["turn"](*_pointers(taps, turned), outputs, inputs)
        return self._filter("forth", x, turned, bias)

    def back(self, gradient: Tensor, weight: Tensor) -> Tensor:
        """B O h w and O I 3 3 -> B I H W, in channels_last."""
        return self._filter("back", gradient, _last(weight).permute(0, 2, 3, 1), None)

    def _filter(self, way: str, maps: Tensor, taps: Tensor, bias: Tensor | None) -> Tensor:
        """B I H W and I 3 3 O -> B O h w."""
        lines = self.lines[way]
        x = _pixels(maps)
        batch, inputs, *sides = x.shape
        outputs = taps.shape[3]
        made = [line.made_of(side) for line, side in zip(lines, sides, strict=True)]
        places, tiles = _places(lines), _count(lines, sides)
        zeros = x.new_zeros(max(inputs, outputs))
        weights = x.new_empty(places * inputs * outputs)  # P O/v I v
        self.run[f"{way}_weigh"](*_pointers(taps, zeros, weights), inputs, outputs)
        y = x.new_empty(batch, *made, outputs)
        bias = zeros if bias is None else bias.contiguous()
        block = _block(inputs + outputs)

        def some(first: int, last: int) -> None:
            seen, products = (x.new_empty(places * block * n) for n in (inputs, outputs))
            tensors = _pointers(x, weights, bias, zeros, y, seen, products)
            self.run[way](*tensors, first, last, block, *sides, *made, inputs, outputs, x.stride(3))

        _share(some, batch * tiles)
        return y.permute(0, 3, 1, 2)

    def of_weight(self, x: Tensor, gradient: Tensor) -> Tensor:
        """B I H W and B O h w -> O I 3 3."""
        x, gradient = _pixels(x), _pixels(gradient)
        (batch, inputs, *sides), (_, outputs, *made) = x.shape, gradient.shape
        lines = self.lines["forth"]
        places = _places(lines)
        sums = x.new_empty(places * inputs * outputs)  # P I/v O v
        zeros = x.new_zeros(max(inputs, outputs))
        block, panel = _block(inputs + outputs), width(x.dtype)

        def some(first: int, last: int) -> None:
            seen, spread = (x.new_empty(places * block * n) for n in (inputs, outputs))
            tensors = _pointers(x, gradient, sums, zeros, seen, spread)
            counts = first * panel, last * panel, batch * _count(lines, sides), block
            pixels = x.stride(3), gradient.stride(3)
            self.run["correlate"](*tensors, *counts, *sides, *made, inputs, outputs, *pixels)

        _share(some, outputs // panel)  # by channels: every sum is one thread's
        taps = x.new_empty(outputs, KERNEL, KERNEL, inputs)
        self.run["unweigh"](*_pointers(sums, zeros, taps), outputs, inputs)
        return taps.permute(0, 3, 1, 2)

    def _write_turn(self) -> None:
        """O 3 3 I -> I 3 3 O."""
        with self.program.function("turn", pointers=2, counts=2) as (w, arguments):
            taps, turned, outputs, inputs = arguments
            one, all_taps = index(1), index(KERNEL**2)
            from_, to = (_Map(at, one, all_taps, n, n) for at, n in ((taps, inputs), (turned, outputs)))
            with (
                w.loop(index(0), outputs, w.width) as block,
                w.loop(index(0), all_taps) as tap,
                w.loop(index(0), inputs, w.width) as panel,
            ):
                pixels = [
                    [_pixel(w, of, w.total(at, index(row)), index(0), tap.at) for row in range(w.width)]
                    for of, at in ((from_, block.at), (to, panel.at))
                ]
                rows = w.turned([w.load(w.place(pixel, panel.at)) for pixel in pixels[0]])
                for row, pixel in zip(rows, pixels[1], strict=True):
                    w.store(row, w.place(pixel, block.at))

    def _write_filter(self, way: str, rows: Line, columns: Line) -> tuple[_Transform, _Transform, _Transform]:
        """What weighs the kernels, and what filters maps with them."""
        self.lines[way] = (rows, columns)
        see = _Transform(rows.see, columns.see, (rows.step, columns.step), (rows.before, columns.before))
        sum_up = _Transform(rows.sum_up, columns.sum_up, (len(rows.sum_up), len(columns.sum_up)))
        weigh = _Transform(rows.weigh, columns.weigh, (KERNEL, KERNEL))
        with self.program.function(f"{way}_weigh", pointers=3, counts=2) as (w, arguments):
            taps, zeros, weights, inputs, outputs = arguments
            kernels = _Map(taps, index(KERNEL), index(KERNEL), outputs, outputs)
            _gather(w, weigh, kernels, _Places(weights, inputs, outputs), zeros, inputs)
        self._write_convolve(way, see, sum_up, places=len(rows.see) * len(columns.see))
        return see, sum_up, weigh

    def _write_unweigh(self, unweigh: _Transform) -> None:
        with self.program.function("unweigh", pointers=3, counts=2) as (w, arguments):
            sums, zeros, taps, outputs, inputs = arguments
            kernels = _Map(taps, index(KERNEL), index(KERNEL), inputs, inputs)
            _scatter(w, unweigh, _Places(sums, outputs, inputs), kernels, zeros, outputs)

    def _write_convolve(self, name: str, see: _Transform, sum_up: _Transform, *, places: int) -> None:
        with self.program.function(name, pointers=7, counts=10) as (w, arguments):
            x, weights, bias, zeros, y, seen, products, first, last, block, *sizes = arguments
            height, wide, rows, columns, inputs, outputs, pixel = sizes
            of_seen, of_products = _Places(seen, block, inputs), _Places(products, block, outputs)
            kernels = _Places(weights, inputs, outputs)
            with w.loop(index(0), _blocks(w, w.do.sub(last, first), block)) as turn:
                start = w.total(first, w.product(turn.at, block))
                count = _least(w, w.do.sub(last, start), block)
                _gather(w, see, _Map(x, height, wide, inputs, pixel), of_seen, zeros, count, start)
                with w.loop(index(0), index(places)) as place, w.loop(index(0), outputs, w.width) as panel:
                    _multiply(w, of_seen, kernels, of_products, place.at, panel.at, count)
                _scatter(w, sum_up, of_products, _Map(y, rows, columns, outputs, outputs), bias, count, start)

    def _write_correlate(self, see: _Transform, spread: _Transform) -> None:
        with self.program.function("correlate", pointers=6, counts=12) as (w, arguments):
            x, gradient, sums, zeros, seen, spreads, first, last, tiles, block, *sizes = arguments
            height, wide, rows, columns, inputs, outputs, pixel, other_pixel = sizes
            of_seen, of_spread = _Places(seen, block, inputs), _Places(spreads, block, outputs)
            totals = _Places(sums, outputs, inputs)
            with w.loop(index(0), _blocks(w, tiles, block)) as turn:
                start = w.product(turn.at, block)
                count = _least(w, w.do.sub(tiles, start), block)
                _gather(w, see, _Map(x, height, wide, inputs, pixel), of_seen, zeros, count, start)
                channels = first, last
                places = len(see.rows) * len(see.columns)
                is_first = w.do.icmp_signed("==", turn.at, index(0))
                _gather(
                    w,
                    spread,
                    _Map(gradient, rows, columns, outputs, other_pixel),
                    of_spread,
                    zeros,
                    count,
                    start,
                    channels,
                )
                with (
                    w.loop(index(0), index(places)) as place,
                    w.loop(first, last, w.width) as panel,
                    w.loop(index(0), inputs, w.width) as other,
                ):
                    _add_up(w, of_spread, of_seen, totals, place.at, panel.at, other.at, count, is_first)


def _gather(
    w: Writer,
    transform: _Transform,
    of: _Map,
    to: _Places,
    zeros: Value,
    count: Value,
    start: Value | None = None,
    channels: tuple[Value, Value] | None = None,
) -> None:
    """What so many tiles from `start` on see, transformed; beyond the map's edge there is nothing."""
    do, seen = w.do, (len(transform.rows[0]), len(transform.columns[0]))
    with w.loop(index(0), count) as tile:
        image, *corner = _where(w, of, transform.steps, tile.at if start is None else w.total(start, tile.at))
        lines: list[list[tuple[Value, Value]]] = []
        for at, side, pixels, out in zip(corner, (of.height, of.width), seen, transform.before, strict=True):
            numbers = [w.total(at, index(pixel - out)) for pixel in range(pixels)]
            within = [(do.icmp_signed(">=", n, index(0)), do.icmp_signed("<", n, side)) for n in numbers]
            lines.append([(n, do.and_(*both)) for n, both in zip(numbers, within, strict=True)])
        seen_pixels = [
            [
                do.select(do.and_(is_row, is_column), _pixel(w, of, image, row, column), zeros)
                for column, is_column in lines[1]
            ]
            for row, is_row in lines[0]
        ]
        with w.loop(*(channels or (index(0), of.channels)), w.width) as channel:
            place = _place(w, to, len(transform.columns), tile.at, channel.at)
            transform.write(
                w,
                load=lambda row, column: w.load(w.place(seen_pixels[row][column], channel.at)),
                store=lambda row, column, vector: w.store(vector, place(row, column)),
            )


def _scatter(
    w: Writer,
    transform: _Transform,
    of: _Places,
    to: _Map,
    bias: Value,
    count: Value,
    start: Value | None = None,
) -> None:
    """So many tiles, transformed, and a bias, to where they belong in the map."""
    with w.loop(index(0), count) as tile:
        image, top, left = _where(
            w, to, transform.steps, tile.at if start is None else w.total(start, tile.at)
        )
        with w.loop(index(0), to.channels, w.width) as channel:
            place = _place(w, of, len(transform.columns[0]), tile.at, channel.at)
            added = w.load(w.place(bias, channel.at))

            def store(row: int, column: int, vector: Value) -> None:
                pixel = _pixel(w, to, image, w.total(top, index(row)), w.total(left, index(column)))
                w.store(w.do.fadd(vector, added), w.place(pixel, channel.at))

            transform.write(w, load=lambda row, column: w.load(place(row, column)), store=store)


def _place(w: Writer, of: _Places, columns: int, tile: Value, channel: Value) -> Callable[[int, int], Value]:
    """Where a tile's vector of channels is, by the row and the column of its place."""
    line = w.product(tile, index(w.width))
    return lambda row, column: w.place(of.panel(w, index(row * columns + column), channel), line)


def _multiply(
    w: Writer, seen: _Places, kernels: _Places, to: _Places, place: Value, panel: Value, count: Value
) -> None:
    """At one place, so many tiles (up to whole `ROWS`) times a panel's kernels, summed over the channels."""
    with w.loop(index(0), count, ROWS) as some:
        lines = [w.product(w.total(some.at, index(row)), index(w.width)) for row in range(ROWS)]
        weights = kernels.panel(w, place, panel)
        with w.loop(index(0), seen.channels, w.width, [w.constant(0)] * ROWS) as inner:
            numbers = seen.panel(w, place, inner.at)
            vectors = w.place(weights, w.product(inner.at, index(w.width)))
            for one in range(w.width):
                vector = w.load(w.place(vectors, index(one * w.width)))
                inner.sums = [
                    w.multiplied(w.spread(w.place(numbers, line, index(one))), vector, total)
                    for line, total in zip(lines, inner.sums, strict=True)
                ]
        for line, total in zip(lines, inner.sums, strict=True):
            w.store(total, w.place(to.panel(w, place, panel), line))


def _add_up(
    w: Writer,
    spread: _Places,
    seen: _Places,
    totals: _Places,
    place: Value,
    panel: Value,
    other: Value,
    count: Value,
    is_first: Value,
) -> None:
    """At one place, each of a panel's channels times the vector of the other's, summed over so many tiles."""
    numbers, vectors = spread.panel(w, place, panel), seen.panel(w, place, other)
    for first in range(0, w.width, GRADIENTS):
        channels = [w.total(panel, index(first + one)) for one in range(GRADIENTS)]
        into = totals.panel(w, place, other)
        cells = [w.place(into, w.product(channel, index(w.width))) for channel in channels]
        before = [w.do.select(is_first, w.constant(0), w.load(cell)) for cell in cells]
        with w.loop(index(0), count, 1, before) as tile:
            line = w.product(tile.at, index(w.width))
            vector = w.load(w.place(vectors, line))
            tile.sums = [
                w.multiplied(w.spread(w.place(numbers, line, index(first + one))), vector, total)
                for one, total in enumerate(tile.sums)
            ]
        for cell, total in zip(cells, tile.sums, strict=True):
            w.store(total, cell)


def _where(w: Writer, of: _Map, steps: tuple[int, int], tile: Value) -> tuple[Value, Value, Value]:
    """Of a tile: its image, and its uppermost row and leftmost column."""
    do, (down, across) = w.do, steps
    in_row = do.sdiv(of.width, index(across))
    in_map = w.product(in_row, do.sdiv(of.height, index(down)))
    rest = do.srem(tile, in_map)
    row, column = do.sdiv(rest, in_row), do.srem(rest, in_row)
    return do.sdiv(tile, in_map), w.product(row, index(down)), w.product(column, index(across))


def _pixel(w: Writer, of: _Map, image: Value, row: Value, column: Value) -> Value:
    """The pointer to its first channel."""
    line = w.total(w.product(image, of.height), row)
    return w.place(of.pointer, w.product(w.total(w.product(line, of.width), column), of.pixel))


def _blocks(w: Writer, tiles: Value, block: Value) -> Value:
    return w.do.sdiv(w.do.sub(w.total(tiles, block), index(1)), block)


def _least(w: Writer, one: Value, other: Value) -> Value:
    return w.do.select(w.do.icmp_signed("<", one, other), one, other)


def _block(channels: int) -> int:
    return MANY if channels > WIDE else FEW


def _places(lines: Sequence[Line]) -> int:
    rows, columns = lines
    return len(rows.see) * len(columns.see)


def _count(lines: Sequence[Line], sides: Sequence[int]) -> int:
    """Tiles of a map."""
    return prod(side // line.step for line, side in zip(lines, sides, strict=True))


def _transposed(transform: _Transform) -> _Transform:
    rows, columns = (tuple(zip(*side, strict=True)) for side in (transform.rows, transform.columns))
    return _Transform(rows, columns, transform.steps)


def _last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _pixels(x: Tensor) -> Tensor:
    """With a pixel's channels side by side and pixels evenly apart, as some channels of such maps are."""
    _, _, height, wide = x.shape
    as_they_are = (height * wide * x.stride(3), 1, wide * x.stride(3), x.stride(3))
    return x if x.stride() == as_they_are else _last(x)


def _pointers(*tensors: Tensor) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]


def _share(some: Callable[[int, int], None], count: int) -> None:
    """Gives each of torch's threads its part of 0 to `count`."""
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        some(0, count)
        return
    ends = [count * part // threads for part in range(threads + 1)]
    # a thread has its own way with numbers that are all but zero; each is to have this one's
    flush = not (torch.full((1,), 1e-30) * 1e-10).item()

    def there(first: int, last: int) -> None:
        torch.set_flush_denormal(flush)
        some(first, last)

    mine, *parts = pairwise(ends)
    others = [_pool().submit(there, *part) for part in parts]
    some(*mine)
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="tiles")
