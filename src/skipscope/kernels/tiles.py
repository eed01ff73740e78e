"""3x3 convolutions and their gradients by tiles: transformed, multiplied and transformed back in one pass.

A block of tiles is done at a time, so that what is transformed stays in the cache until it is used.
`minimal_filters.py` has the transforms, `tile_loops.py` the loops.

Shapes: B images; maps of I -> O channels, H x W -> h x w pixels; P points of a tile; v lanes of a vector.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from math import prod

import torch
from torch import Tensor
from torch.nn.functional import pad

from skipscope.kernels.codegen import lanes_of
from skipscope.kernels.jit import compile_functions
from skipscope.kernels.minimal_filters import KERNEL, AxisFilters
from skipscope.kernels.tile_loops import SIGNATURES, emit

SMALL_BLOCK, LARGE_BLOCK = 24, 96
"""Tiles in a block (multiples of `tile_loops.TILES`); large where its weights are longer than its tiles."""
MANY_CHANNELS = 256
"""Inputs and outputs, together, above which blocks are large."""


class Tiles:
    """The compiled loops for one kind of tile and one number format."""

    def __init__(
        self, rows: AxisFilters, columns: AxisFilters, dtype: torch.dtype, *, partial: bool = False
    ) -> None:
        """Compiles them unless they are cached: a second or two. `partial`: for any number of channels."""
        self.filters = dict(zip(AxisFilters._fields, zip(rows, columns, strict=True), strict=True))
        self.run = compile_functions(emit, dtype, SIGNATURES, **self.filters, partial=partial)

    def count(self, x: Tensor, name: str = "forward") -> int:
        """Counts the tiles in B I H W."""
        sides = zip(self.filters[name], x.shape[2:], strict=True)
        return len(x) * prod(side // each.stride for each, side in sides)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Maps B I H W, O I 3 3 and O -> B O h w, in channels_last."""
        kernel = _kernel(weight)
        outputs, _, _, inputs = kernel.shape
        transposed = kernel.new_empty(inputs, KERNEL, KERNEL, outputs)
        self.run["transpose_kernel"](*_pointers(kernel, transposed), outputs, inputs)
        return self._convolve("forward", x, transposed, bias, len(weight))

    def grad_input(self, gradient: Tensor, weight: Tensor) -> Tensor:
        """Maps B O h w and O I 3 3 -> B I H W, in channels_last."""
        return self._convolve("grad_input", gradient, _kernel(weight), None, weight.shape[1])

    def _convolve(self, name: str, maps: Tensor, kernel: Tensor, bias: Tensor | None, outputs: int) -> Tensor:
        """Maps B I H W and I 3 3 O -> B O h w; the kernel has its channels in whole vectors."""
        filters = self.filters[name]
        x = _evenly_spaced(maps)
        batch, inputs, *sides = x.shape
        whole_inputs, _, _, whole_outputs = kernel.shape
        made = [each.outputs(side) for each, side in zip(filters, sides, strict=True)]
        points = self._points(name)
        zeros = x.new_zeros(max(whole_inputs, whole_outputs))
        weights = x.new_empty(points * whole_inputs * whole_outputs)  # P O/v I v
        self.run[f"{name}_kernel"](*_pointers(kernel, zeros, weights), whole_inputs, whole_outputs)
        y = _empty_channels_last(x, batch, outputs, *made)
        bias = zeros if bias is None else pad(bias, (0, whole_outputs - outputs))
        block = _block(whole_inputs + whole_outputs)

        def run(first: int, last: int) -> None:
            transformed, products = (x.new_empty(points * block * n) for n in (whole_inputs, whole_outputs))
            pointers = _pointers(x, weights, bias, zeros, y, transformed, products)
            self.run[name](*pointers, first, last, block, *sides, *made, inputs, outputs, x.stride(3))

        _parallel(run, self.count(x, name))
        return y

    def grad_weight(self, x: Tensor, gradient: Tensor) -> Tensor:
        """Maps B I H W and B O h w -> O I 3 3."""
        x, gradient = _evenly_spaced(x), _evenly_spaced(gradient)
        (_, inputs, *sides), (_, outputs, *made) = x.shape, gradient.shape
        points, tiles, panel = self._points("forward"), self.count(x), lanes_of(x.dtype)
        whole_inputs, whole_outputs = (-(-channels // panel) * panel for channels in (inputs, outputs))
        sums = x.new_empty(points * whole_inputs * whole_outputs)  # P I/v O v
        zeros = x.new_zeros(max(whole_inputs, whole_outputs))
        block = _block(whole_inputs + whole_outputs)

        def run(first: int, last: int) -> None:
            transformed, spread = (x.new_empty(points * block * n) for n in (whole_inputs, whole_outputs))
            pointers = _pointers(x, gradient, sums, zeros, transformed, spread)
            counts = first * panel, last * panel, tiles, block
            strides = x.stride(3), gradient.stride(3)
            self.run["grad_weight"](*pointers, *counts, *sides, *made, inputs, outputs, *strides)

        _parallel(run, whole_outputs // panel)  # by channels: every sum is taken by one thread
        kernel = _empty_channels_last(x, whole_outputs, whole_inputs, KERNEL, KERNEL)
        self.run["grad_weight_output"](*_pointers(sums, zeros, kernel), whole_outputs, whole_inputs)
        if kernel.shape[:2] == (outputs, inputs):
            return kernel
        return kernel[:outputs, :inputs].clone(memory_format=torch.channels_last)

    def _points(self, name: str) -> int:
        return prod(each.points for each in self.filters[name])


def _kernel(weight: Tensor) -> Tensor:
    """Maps O I 3 3 -> O 3 3 I, both channels in whole vectors: zeros fill the last."""
    lanes = lanes_of(weight.dtype)
    outputs, inputs = (-channels % lanes for channels in weight.shape[:2])
    if inputs or outputs:
        weight = pad(weight, (0, 0, 0, 0, 0, inputs, 0, outputs))
    return _channels_last(weight).permute(0, 2, 3, 1)


def _block(channels: int) -> int:
    return LARGE_BLOCK if channels > MANY_CHANNELS else SMALL_BLOCK


def _empty_channels_last(like: Tensor, *shape: int) -> Tensor:
    """Makes a tensor, not a view of another: the caller may change it in place."""
    return torch.empty(shape, dtype=like.dtype, memory_format=torch.channels_last)


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _evenly_spaced(x: Tensor) -> Tensor:
    """Puts channels side by side and pixels evenly apart, as they are in slices of some channels already."""
    _, _, height, width = x.shape
    pixel = x.stride(3)
    return x if x.stride() == (height * width * pixel, 1, width * pixel, pixel) else _channels_last(x)


def _pointers(*tensors: Tensor) -> list[int]:
    return [tensor.data_ptr() for tensor in tensors]


def _parallel(run: Callable[[int, int], None], count: int) -> None:
    """Divides 0 to `count` among as many threads as torch has."""
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        run(0, count)
        return
    ends = [count * part // threads for part in range(threads + 1)]
    # whether denormals are flushed is a thread's own setting; each thread gets this one's
    flush = not (torch.full((1,), 1e-30, dtype=torch.float32) * 1e-10).item()

    def run_part(first: int, last: int) -> None:
        torch.set_flush_denormal(flush)
        run(first, last)

    mine, *parts = pairwise(ends)
    others = [_pool(os.getpid()).submit(run_part, *part) for part in parts]
    run(*mine)
    for other in others:
        other.result()


@cache
def _pool(_process: int) -> ThreadPoolExecutor:
    """Makes a pool for each process: a fork has none of its parent's threads."""
    return ThreadPoolExecutor(thread_name_prefix="tiles")
