"""Convolutions by tiles of a map, in one pass: what a tile sees is transformed, multiplied, transformed back.

It is done for a few tiles at a time, so that what is transformed stays in the processor's own memory between
the three. `winograd.py` has the transforms, `tile_loops.py` the loops.

Shapes: B images; maps of I -> O channels, H x W -> h x w pixels; P places of a tile; v numbers in a vector.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from skipscope.kernels.tile_loops import KERNEL, TAKES, Line, Side, write
from skipscope.kernels.vectors import compiled, width

FEW, MANY = 24, 96
"""Tiles in a block (of whole `ROWS`); many where a block's weights are longer than its tiles."""
WIDE = 256
"""Channels in and out, together, above which they are."""


class Tiles:
    """The loops for one kind of tile, of one number format."""

    def __init__(self, rows: Side, columns: Side, dtype: torch.dtype) -> None:
        """Compiles them, if nobody did: a second or two."""
        self.lines = {"forth": (rows.forth, columns.forth), "back": (rows.back, columns.back)}
        self.run = compiled(write, dtype, TAKES, of=self.lines)

    def count(self, x: Tensor) -> int:
        """Tiles of all the maps, B I H W."""
        return len(x) * _count(self.lines["forth"], x.shape[2:])

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
        y = _empty_last(x, batch, outputs, *made)
        bias = zeros if bias is None else bias.contiguous()
        block = _block(inputs + outputs)

        def some(first: int, last: int) -> None:
            seen, products = (x.new_empty(places * block * n) for n in (inputs, outputs))
            tensors = _pointers(x, weights, bias, zeros, y, seen, products)
            self.run[way](*tensors, first, last, block, *sides, *made, inputs, outputs, x.stride(3))

        _share(some, batch * tiles)
        return y

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
        taps = _empty_last(x, outputs, inputs, KERNEL, KERNEL)
        self.run["unweigh"](*_pointers(sums, zeros, taps), outputs, inputs)
        return taps


def _block(channels: int) -> int:
    return MANY if channels > WIDE else FEW


def _places(lines: Sequence[Line]) -> int:
    rows, columns = lines
    return len(rows.see) * len(columns.see)


def _count(lines: Sequence[Line], sides: Sequence[int]) -> int:
    """Tiles of a map."""
    return prod(side // line.step for line, side in zip(lines, sides, strict=True))


def _empty_last(like: Tensor, *shape: int) -> Tensor:
    """No view of another: whoever gets it may change it in place."""
    return torch.empty(shape, dtype=like.dtype, memory_format=torch.channels_last)


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
    flush = not (torch.full((1,), 1e-30, dtype=torch.float32) * 1e-10).item()

    def there(first: int, last: int) -> None:
        torch.set_flush_denormal(flush)
        some(first, last)

    mine, *parts = pairwise(ends)
    others = [_pool(os.getpid()).submit(there, *part) for part in parts]
    some(*mine)
    for other in others:
        other.result()


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """A process that was forked has none of its parent's threads."""
    return ThreadPoolExecutor(thread_name_prefix="tiles")
