"""Winograd's minimal filtering for 3x3 convolutions, under `with winograd():` (Lavin and Gray 2016).

An output tile of 4x4 pixels takes 36 products instead of 144: its 6x6 inputs and the kernel are transformed,
multiplied pointwise, summed over the channels, and transformed back (section 4.1, F(4x4, 3x3)). A whole map
of 2x2 pixels takes 9 instead of 16. `tiles.py` does all of it in one pass. Rounding is about five times that
of the stock operator, so it is a choice apart from `fast()`; it is for fp32 and float64. The rest is as
under `with fast():`.

Shapes: B images; maps of I -> O channels and H x W pixels.
"""

from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from skipscope.kernels import fast, reductions
from skipscope.kernels.codegen import lanes_of
from skipscope.kernels.convolution import convolution as fast_convolution
from skipscope.kernels.convolution import is_valid
from skipscope.kernels.dispatch import in_stock_format
from skipscope.kernels.minimal_filters import KERNEL, axis_filters
from skipscope.kernels.tiles import Tiles

MIN_TILES = 32
"""Where no gradient is wanted: below this, transforming the weights takes up to thirty times as long as the
other operators do. Second gradients are slower if some images' are ours and others' are not."""
FEWEST_CHANNELS = 12
"""Where channels need not fill vectors: fewer leave too much of one empty."""
_compiled = cache(Tiles)
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


def winograd() -> fast.fast:
    """Opens a scope of Winograd's 3x3 convolutions where tiles fill the maps; the rest is `fast`."""
    return fast.fast({**fast.KERNELS, torch.conv2d: convolution})


def winograd_any() -> fast.fast:
    """Opens a scope as `winograd`, for channels that do not fill vectors as well."""
    return fast.fast({**fast.KERNELS, torch.conv2d: partial(convolution, any_channels=True)})


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    any_channels: bool = False,
) -> Tensor:
    """Computes `torch.conv2d`, by Winograd's filters for 3x3 kernels, padding 1, one stride both ways."""
    x = input
    regular = weight.shape[2:] == (KERNEL, KERNEL) and groups == 1
    regular = regular and padding in (1, (1, 1)) and dilation in (1, (1, 1))
    exact = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    if regular and exact and is_valid(x, weight, bias):
        whole = all(channels % lanes_of(x.dtype) == 0 for channels in weight.shape[:2])
        taken = whole or (any_channels and min(weight.shape[:2]) >= FEWEST_CHANNELS)
        tiles = tiles_for(x, stride, partial=not whole) if taken else None
        if tiles is not None and (torch.is_grad_enabled() or tiles.count(x) >= MIN_TILES):
            y = _Winograd.apply(x, weight, bias, tiles)  # type: ignore[no-untyped-call]
            return in_stock_format(y, x, weight)
    return fast_convolution(x, weight, bias, stride, padding, dilation, groups)


class _Winograd(Function):
    """Maps B I H W, O I 3 3 and O -> B O h w."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, tiles: Tiles) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.tiles = tiles
        return tiles.forward(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        compute = _Gradients.apply if torch.is_grad_enabled() else _gradients
        return *compute(x, weight, gradient, ctx.tiles, *ctx.needs_input_grad[:3]), None


class _Gradients(Function):
    """Maps B I H W, O I 3 3 and the output's gradients B O h w -> gradients of x, weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, gradient: Tensor, tiles: Tiles, *wanted: bool
    ) -> Gradients:
        ctx.save_for_backward(x, weight, gradient)
        ctx.tiles = tiles
        ctx.set_materialize_grads(False)
        return _gradients(x, weight, gradient, tiles, *wanted)

    @staticmethod
    def backward(ctx: Any, for_x: Tensor | None, for_weight: Tensor | None, for_bias: Tensor | None) -> Any:
        """Derives the sum of `for_x` times the first gradient, `for_weight` times the second, and so on.

        It is made of operators that have gradients themselves, so there is a third order, too.
        """
        x, weight, gradient = ctx.saved_tensors
        tiles = ctx.tiles
        grad_x = grad_weight = grad_gradient = None
        pairs = [pair for pair in ((for_x, weight), (x, for_weight)) if pair[0] is not None is not pair[1]]
        if pairs:
            # the sum of two convolutions is one, of all channels
            maps, kernels = (torch.cat(parts, 1) for parts in zip(*pairs, strict=True))
            grad_gradient = _Winograd.apply(maps, kernels, for_bias, tiles)  # type: ignore[no-untyped-call]
        elif for_bias is not None:
            grad_gradient = for_bias.view(-1, 1, 1).expand_as(gradient)
        if for_weight is not None:
            grad_x = _Gradients.apply(x, for_weight, gradient, tiles, True, False, False)[0]  # type: ignore[no-untyped-call] # noqa: FBT003
        if for_x is not None:
            grad_weight = _Gradients.apply(for_x, weight, gradient, tiles, False, True, False)[1]  # type: ignore[no-untyped-call] # noqa: FBT003
        return grad_x, grad_weight, grad_gradient, *[None] * 4


def _gradients(x: Tensor, weight: Tensor, gradient: Tensor, tiles: Tiles, *wanted: bool) -> Gradients:
    """Returns the gradients of x, weight and bias, as far as they are wanted."""
    grad_x = in_stock_format(tiles.grad_input(gradient, weight), x, weight) if wanted[0] else None
    grad_weight = tiles.grad_weight(x, gradient) if wanted[1] else None
    grad_bias = None
    if wanted[2]:
        with reductions.original_threads():
            grad_bias = gradient.sum((0, 2, 3))
    return grad_x, grad_weight, grad_bias


def tiles_for(x: Tensor, stride: Any, *, partial: bool = False) -> Tiles | None:
    """Returns the loops for B I H W maps; None unless whole tiles cover them and both strides are 1, or 2.

    `partial` ones are for any number of channels, others for whole vectors.
    """
    step = stride if isinstance(stride, int) else stride[0] if len(set(stride)) == 1 else None
    rows, columns = (axis_filters(side, step) for side in x.shape[2:])
    return None if rows is None or columns is None else _compiled(rows, columns, x.dtype, partial=partial)
