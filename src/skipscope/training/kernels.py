"""Exact operators that take less time on a processor than the stock ones, under `with fast():`.

They come in by a mode that stands in for torch's functions while a network computes: no module, no weight
and no printed structure is changed, and a network that somebody else wrote gets them too. They compute what
the stock operators compute, summed in another order: results differ by rounding, so a recipe says whether
they are used. What each is worth is in docs/performance.md, with the command that measures it.

Shapes: B images; maps of I -> O channels and H x W -> h x w pixels; kernels of O x I x K x L weights.
"""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import adaptive_avg_pool2d, linear, pad
from torch.overrides import TorchFunctionMode

Pair = tuple[int, int]
Window = tuple[Pair, Pair]
"""From where to where an output sees the map, and with which part of the kernel, along one side."""
Taps = tuple[slice, slice]
"""Rows and columns of a kernel."""

STRIDED_FROM = 16
"""Input channels from which on `_Strided` wins: a stem that reads three colours is left to the stock."""


class fast(TorchFunctionMode):  # noqa: N801 - it is used as a function is: with fast():
    """While it is on, the functions in `KERNELS` are ours."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Every call of a torch function comes by here."""
        return KERNELS.get(func, func)(*args, **(kwargs or {}))


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.conv2d`, by matrix products where those are faster; everything else goes to the stock operator.

    Where every output sees the whole map (3x3 on maps of 2x2 and 1x1) the layer is one matrix product: the
    stock operator spends up to 8/9 of its arithmetic on padding there. Where the stride is above 1 the stock
    gradient of the weights is slow, and is made by one matrix product instead.
    """
    plain = x.ndim == 4 and groups == 1 and dilation in (1, (1, 1)) and not isinstance(padding, str)
    if plain and x.device.type == "cpu":
        stride, padding = _pair(stride), _pair(padding)
        rows, columns = map(_windows, x.shape[2:], weight.shape[2:], stride, padding)
        if _sees_all(rows) and _sees_all(columns):
            return _whole_map(_cast(x), weight, bias, rows, columns)
        if max(stride) > 1 and weight.shape[1] >= STRIDED_FROM:
            x = _cast(x)
            bias = None if bias is None else bias.to(x.dtype)
            y: Tensor = _Strided.apply(x, weight.to(x.dtype), bias, stride, padding)  # type: ignore[no-untyped-call]
            return y
    return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)


def _pair(value: int | Iterable[int]) -> Pair:
    rows, columns = (value, value) if isinstance(value, int) else value
    return rows, columns


def _cast(x: Tensor) -> Tensor:
    """As autocast does for a convolution."""
    return x.to(torch.get_autocast_dtype("cpu")) if torch.is_autocast_enabled("cpu") else x


def _windows(side: int, kernel: int, stride: int, padding: int) -> list[Window]:
    """What each output along one side sees; nothing where an output might see only padding."""
    if padding >= kernel:
        return []
    starts = range(-padding, side + padding - kernel + 1, stride)
    seen = [(max(0, start), min(side, start + kernel)) for start in starts]
    return [((lo, hi), (lo - start, hi - start)) for start, (lo, hi) in zip(starts, seen, strict=True)]


def _sees_all(windows: list[Window]) -> bool:
    """Whether every output sees the same part of the map: what it does not see, no output sees."""
    return len({seen for seen, _ in windows}) == 1


def _whole_map(
    x: Tensor, weight: Tensor, bias: Tensor | None, rows: list[Window], columns: list[Window]
) -> Tensor:
    """B I H W -> B O h w, by a matrix with O rows for each output pixel."""
    x = x[:, :, slice(*rows[0][0]), slice(*columns[0][0])]
    taps = [(slice(*row), slice(*column)) for (_, row), (_, column) in product(rows, columns)]
    matrix = _Unroll.apply(weight, taps, x.dtype).flatten(2).flatten(0, 1)  # type: ignore[no-untyped-call] # h*w*O H*W*I
    every = None if bias is None else bias.to(x.dtype).repeat(len(taps))
    y = linear(x.permute(0, 2, 3, 1).flatten(1), matrix, every)  # B h*w*O
    return y.view(len(x), len(rows), len(columns), -1).permute(0, 3, 1, 2)


class _Unroll(Function):
    """O I K L -> h*w O H W I in another number format: the part of the kernel that each output pixel uses."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, taps: list[Taps], dtype: torch.dtype) -> Tensor:
        ctx.taps, ctx.shape, ctx.dtype = taps, weight.shape, weight.dtype
        kernel = weight.permute(0, 2, 3, 1)
        blocks = weight.new_empty(len(taps), *kernel[:, *taps[0]].shape, dtype=dtype)
        for block, tap in zip(blocks, taps, strict=True):
            block.copy_(kernel[:, *tap])
        return blocks

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Fold.apply(gradients[0], ctx.taps, ctx.shape, ctx.dtype), None, None  # type: ignore[no-untyped-call]


class _Fold(Function):
    """The transpose of `_Unroll`: sums what a weight does at all output pixels, in its own format."""

    @staticmethod
    def forward(ctx: Any, blocks: Tensor, taps: list[Taps], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        ctx.taps, ctx.dtype = taps, blocks.dtype
        outputs, inputs, *sides = shape
        kernel = blocks.new_zeros(outputs, *sides, inputs, dtype=dtype)
        for block, tap in zip(blocks, taps, strict=True):
            kernel[:, *tap] += block
        return kernel.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Unroll.apply(gradients[0], ctx.taps, ctx.dtype), None, None, None  # type: ignore[no-untyped-call]


class _Strided(Function):
    """The stock convolution, but for its weights' gradient: each output's gradient times what it saw."""

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
        for_x, for_weight, for_bias, *_ = ctx.needs_input_grad
        of_x = of_weight = None
        if for_x:
            how = (
                ctx.stride,
                ctx.padding,
                (1, 1),
                False,
                (0, 0),
                1,
            )  # no dilation, not transposed, one group
            of_x = torch.ops.aten.convolution_backward(gradient, x, weight, None, *how, (True, False, False))[
                0
            ]
        if for_weight:
            seen = _columns(x, weight.shape[2:], ctx.stride, ctx.padding)  # B*h*w K*L*I
            summed = gradient.permute(0, 2, 3, 1).flatten(0, 2).t() @ seen  # O K*L*I
            of_weight = summed.view(len(weight), *weight.shape[2:], -1).permute(0, 3, 1, 2)
        return of_x, of_weight, gradient.sum((0, 2, 3)) if for_bias else None, None, None


def _columns(x: Tensor, kernel: Iterable[int], stride: Pair, padding: Pair) -> Tensor:
    """B I H W -> B*h*w K*L*I: what each output pixel sees."""
    x = pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    for dimension, (size, step) in enumerate(zip(kernel, stride, strict=True), start=1):
        x = x.unfold(dimension, size, step)  # B h w I K L
    return x.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)


def mean_of_map(x: Tensor, output_size: Any) -> Tensor:
    """`adaptive_avg_pool2d`; for a 1x1 output, its gradient is not written out over the map."""
    if output_size in (1, (1, 1)) and x.ndim == 4 and x.device.type == "cpu":
        y: Tensor = _Mean.apply(x)  # type: ignore[no-untyped-call]
        return y
    return adaptive_avg_pool2d(x, output_size)


class _Mean(Function):
    """B C H W -> B C 1 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.shape = x.shape
        return x.mean((2, 3), keepdim=True)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return (gradients[0] / ctx.shape[2:].numel()).expand(ctx.shape)


KERNELS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.conv2d: convolution,
    adaptive_avg_pool2d: mean_of_map,
}
"""Torch's function -> what stands in for it."""
