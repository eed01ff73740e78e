"""Convolutions by matrix products, where those are faster than the stock operator.

Shapes: B images; maps of I -> O channels and H x W -> h x w pixels; kernels of O x I x K x L weights.
"""

from collections.abc import Iterable
from functools import partial
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import linear, pad

from skipscope.kernels import reductions
from skipscope.kernels.dispatch import cast as cast_input
from skipscope.kernels.dispatch import in_stock_format, is_plain

Pair = tuple[int, int]
Window = tuple[Pair, Pair]
"""Along one axis: the range of inputs that an output reads, and the range of weights it reads them with."""
Taps = dict[Pair, tuple[list[int], list[int]]]
"""For each weight of a kernel (row, column): output pixels, and the input pixel that each reads with it."""

PRODUCT_CHANNELS = 16
"""Inputs from which on the weights' gradient is ours: a stem that reads three colours is left to torch."""


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Computes `torch.conv2d` by matrix products where those are faster, else by the stock operator.

    Where every output reads the whole map (3x3 on maps of 2x2 and 1x1) the layer is one matrix product: the
    stock operator spends up to 8/9 of its arithmetic on padding there. Where the stride is above 1, or a
    kernel is 1x1 in fp32, the stock gradient of the weights is slow, and one matrix product makes it instead.
    """
    x = input
    regular = groups == 1 and dilation in (1, (1, 1)) and not isinstance(padding, str)
    if regular and is_valid(x, weight, bias):
        stride, padding = _pair(stride), _pair(padding)
        rows, columns = map(_windows, x.shape[2:], weight.shape[2:], stride, padding)
        if _reads_all(rows) and _reads_all(columns):
            (top, bottom), (left, right) = rows[0][0], columns[0][0]
            pixels = cast_input(x)[:, :, top:bottom, left:right].permute(0, 2, 3, 1).flatten(1, 2)  # B N I
            y = _WholeMap.apply(pixels, weight, _taps(rows, columns))  # type: ignore[no-untyped-call]
            y = cast("Tensor", y).view(len(x), len(rows), len(columns), -1).permute(0, 3, 1, 2)
            y = y if bias is None else y + bias.to(y.dtype).view(-1, 1, 1)
            return in_stock_format(y, x, weight)
        x = cast_input(x)
        if _by_product(x, weight, stride) or reductions.threads_fixed():
            bias = None if bias is None else bias.to(x.dtype)
            y = _Convolution.apply(x, weight.to(x.dtype), bias, stride, padding)  # type: ignore[no-untyped-call]
            return cast("Tensor", y)
    return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)


def is_valid(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Tells whether B I H W, O I K L and O fit, and none is empty; the stock operator reports the rest."""
    if x.ndim != 4 or weight.ndim != 4 or not is_plain(x, weight, bias):
        return False
    fits = x.shape[1] == weight.shape[1] and (bias is None or bias.shape == weight.shape[:1])
    return fits and x.numel() > 0 and weight.numel() > 0


def _by_product(x: Tensor, weight: Tensor, stride: Pair) -> bool:
    """Tells whether the weights' gradient is one matrix product."""
    slow = max(stride) > 1 or (weight.shape[2:] == (1, 1) and x.dtype.itemsize >= 4)
    return slow and weight.shape[1] >= PRODUCT_CHANNELS


def _pair(value: int | Iterable[int]) -> Pair:
    both = (value,) if isinstance(value, int) else tuple(value)  # one stands for both, as in torch
    return both[0], both[-1]


def _windows(side: int, kernel: int, stride: int, padding: int) -> list[Window]:
    """Lists what each output along one axis reads; empty where an output might read only padding."""
    if padding >= kernel or stride < 1:
        return []
    starts = range(-padding, side + padding - kernel + 1, stride)
    reads = [(max(0, start), min(side, start + kernel)) for start in starts]
    return [((lo, hi), (lo - start, hi - start)) for start, (lo, hi) in zip(starts, reads, strict=True)]


def _reads_all(windows: list[Window]) -> bool:
    """Tells whether every output reads the same inputs; what it does not read, no output reads."""
    return len({inputs for inputs, _ in windows}) == 1


class _WholeMap(Function):
    """Maps B N I (all N pixels of a map) and O I K L -> B P*O (all P pixels of the output)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, taps: Taps) -> Tensor:
        matrix = _unrolled(weight, taps, x)
        ctx.save_for_backward(x, weight, matrix)
        ctx.taps = taps
        return linear(x.flatten(1), matrix)  # not a view: the caller may change it in place

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight, matrix), (gradient,) = ctx.saved_tensors, gradients
        x_wanted, weight_wanted, _ = ctx.needs_input_grad
        grad_x = grad_weight = None
        if x_wanted:
            if torch.is_grad_enabled():  # a second gradient goes through the weights
                matrix = _unrolled(weight, ctx.taps, x)
            grad_x = (gradient @ matrix).view(x.shape)
        if weight_wanted:
            kernel = weight.new_zeros(len(weight), *weight.shape[2:], x.shape[2])  # O K L I
            gradient = gradient.reshape(len(x), -1, len(weight))
            with reductions.original_threads():
                for (row, column), (outputs, inputs) in ctx.taps.items():
                    # over all images and all pixels that this weight joins
                    one = gradient[:, outputs].flatten(0, 1).t() @ x[:, inputs].flatten(0, 1)  # O I
                    kernel[:, row, column] = one
            grad_weight = kernel.permute(0, 3, 1, 2)
        return grad_x, grad_weight, None


def _unrolled(weight: Tensor, taps: Taps, x: Tensor) -> Tensor:
    """Returns P*O N*I for O I K L: the weight of each input pixel in each output pixel, in `x`'s format."""
    pixels = 1 + max(output for outputs, _ in taps.values() for output in outputs)
    matrix = x.new_empty(pixels, len(weight), x.shape[1], x.shape[2])
    for tap, pairs in taps.items():
        for output, read in zip(*pairs, strict=True):
            matrix[output, :, read] = weight[:, :, *tap]
    return matrix.flatten(2).flatten(0, 1)


def _taps(rows: list[Window], columns: list[Window]) -> Taps:
    """Lists the output pixels that use each weight of a kernel, and the input pixels read with it."""
    taps: Taps = {}
    (top, bottom), (left, right) = rows[0][0], columns[0][0]
    for (p, (_, (r, _))), (q, (_, (c, _))) in product(enumerate(rows), enumerate(columns)):
        for i, j in product(range(bottom - top), range(right - left)):
            outputs, inputs = taps.setdefault((r + i, c + j), ([], []))
            outputs.append(p * len(columns) + q)
            inputs.append(i * (right - left) + j)
    return taps


class _Convolution(Function):
    """The stock convolution, whose weights' gradient is one product where that is faster."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return torch.conv2d(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        x_wanted, weight_wanted, bias_wanted, *_ = ctx.needs_input_grad
        grad_x = grad_weight = grad_bias = None
        how = (ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1)  # no dilation, not transposed, one group
        stock = partial(torch.ops.aten.convolution_backward, gradient, x, weight, [len(weight)], *how)
        if x_wanted:
            grad_x = stock((True, False, False))[0]
        with reductions.original_threads():
            if not _by_product(x, weight, ctx.stride):
                _, grad_weight, grad_bias = stock((False, weight_wanted, bias_wanted))
            else:
                if weight_wanted:
                    unfolded = _unfolded(x, weight.shape[2:], ctx.stride, ctx.padding)  # B*h*w K*L*I
                    summed = gradient.permute(0, 2, 3, 1).flatten(0, 2).t() @ unfolded  # O K*L*I
                    grad_weight = summed.view(len(weight), *weight.shape[2:], -1).permute(0, 3, 1, 2)
                if bias_wanted:
                    grad_bias = gradient.sum((0, 2, 3))
        return grad_x, grad_weight, grad_bias, None, None


def _unfolded(x: Tensor, kernel: Iterable[int], stride: Pair, padding: Pair) -> Tensor:
    """Gathers what each output pixel reads: B I H W -> B*h*w K*L*I."""
    x = pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    for dimension, (size, step) in enumerate(zip(kernel, stride, strict=True), start=1):
        x = x.unfold(dimension, size, step)  # B h w I K L
    return x.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)
