"""The loops of `tiles.py`, written for `vectors.py`: from tiles of a map to places, products and tiles again.

Channels come in panels as wide as a vector; products are summed in registers, over the channels or, for the
weights' gradient, over the tiles.

Shapes: B images; maps of I -> O channels and H x W pixels in T tiles; p x q places of a tile, P of both; v
numbers in a vector.
"""

from collections.abc import Callable
from typing import NamedTuple

from skipscope.kernels.vectors import Program, Value, Writer, index

KERNEL = 3
ROWS = 6
"""Tiles whose products are summed at once: two registers each, and three for factors, of AVX2's sixteen."""
GRADIENTS = 4
"""Channels, for the weights' gradient: they divide a vector."""

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


TAKES = {
    "turn": (2, 2),
    "forth_weigh": (3, 2),
    "forth": (7, 10),
    "back_weigh": (3, 2),
    "back": (7, 10),
    "correlate": (6, 12),
    "unweigh": (3, 2),
}
"""By a function's name: how many pointers it is given, and how many counts."""


def write(program: Program, forth: tuple[Line, Line], back: tuple[Line, Line]) -> None:
    """All of `TAKES`; of rows and of columns each."""
    _write_turn(program)
    for way, lines in (("forth", forth), ("back", back)):
        see, weigh, sum_up = _transforms(*lines)
        _write_weigh(program, f"{way}_weigh", weigh)
        _write_filter(program, way, see, sum_up)
    see, weigh, sum_up = _transforms(*forth)
    _write_correlate(program, see, _transposed(sum_up))
    _write_unweigh(program, _transposed(weigh))


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


def _transforms(rows: Line, columns: Line) -> list[_Transform]:
    """Of what is seen, of kernels, and of what is summed up."""
    made = len(rows.sum_up), len(columns.sum_up)
    return [
        _Transform(rows.see, columns.see, (rows.step, columns.step), (rows.before, columns.before)),
        _Transform(rows.weigh, columns.weigh, (KERNEL, KERNEL)),
        _Transform(rows.sum_up, columns.sum_up, made),
    ]


def _transposed(transform: _Transform) -> _Transform:
    rows, columns = (tuple(zip(*side, strict=True)) for side in (transform.rows, transform.columns))
    return _Transform(rows, columns, transform.steps)


def _write_turn(program: Program) -> None:
    """O 3 3 I -> I 3 3 O."""
    with program.function("turn") as (w, arguments):
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


def _write_weigh(program: Program, name: str, weigh: _Transform) -> None:
    """I 3 3 O -> P O/v I v."""
    with program.function(name) as (w, arguments):
        taps, zeros, weights, inputs, outputs = arguments
        kernels = _Map(taps, index(KERNEL), index(KERNEL), outputs, outputs)
        _gather(w, weigh, kernels, _Places(weights, inputs, outputs), zeros, inputs)


def _write_unweigh(program: Program, unweigh: _Transform) -> None:
    """P I/v O v -> O 3 3 I."""
    with program.function("unweigh") as (w, arguments):
        sums, zeros, taps, outputs, inputs = arguments
        kernels = _Map(taps, index(KERNEL), index(KERNEL), inputs, inputs)
        _scatter(w, unweigh, _Places(sums, outputs, inputs), kernels, zeros, outputs)


def _write_filter(program: Program, name: str, see: _Transform, sum_up: _Transform) -> None:
    """B H W I and P O/v I v -> B h w O, for tiles `first` to `last`."""
    places = index(len(see.rows) * len(see.columns))
    with program.function(name) as (w, arguments):
        x, weights, bias, zeros, y, seen, products, first, last, block, *sizes = arguments
        height, wide, rows, columns, inputs, outputs, pixel = sizes
        of_seen, of_products = _Places(seen, block, inputs), _Places(products, block, outputs)
        kernels = _Places(weights, inputs, outputs)
        with w.loop(index(0), _blocks(w, w.do.sub(last, first), block)) as turn:
            start = w.total(first, w.product(turn.at, block))
            count = _least(w, w.do.sub(last, start), block)
            _gather(w, see, _Map(x, height, wide, inputs, pixel), of_seen, zeros, count, start)
            with w.loop(index(0), places) as place, w.loop(index(0), outputs, w.width) as panel:
                _multiply(w, of_seen, kernels, of_products, place.at, panel.at, count)
            _scatter(w, sum_up, of_products, _Map(y, rows, columns, outputs, outputs), bias, count, start)


def _write_correlate(program: Program, see: _Transform, spread: _Transform) -> None:
    """B H W I and B h w O -> P I/v O v, for output channels `first` to `last`."""
    places = index(len(see.rows) * len(see.columns))
    with program.function("correlate") as (w, arguments):
        x, gradient, sums, zeros, seen, spreads, first, last, tiles, block, *sizes = arguments
        height, wide, rows, columns, inputs, outputs, pixel, other_pixel = sizes
        of_seen, of_spread = _Places(seen, block, inputs), _Places(spreads, block, outputs)
        totals = _Places(sums, outputs, inputs)
        with w.loop(index(0), _blocks(w, tiles, block)) as turn:
            start = w.product(turn.at, block)
            count = _least(w, w.do.sub(tiles, start), block)
            _gather(w, see, _Map(x, height, wide, inputs, pixel), of_seen, zeros, count, start)
            channels = first, last
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
                w.loop(index(0), places) as place,
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
