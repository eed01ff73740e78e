"""Exact operators that take less time on a processor than the stock ones, under `with fast():`.

They come in by a mode that stands in for torch's functions while a network computes: no module, no weight
and no printed structure is changed, and a network that somebody else wrote gets them too. They compute what
the stock operators compute, summed in another order: results differ by rounding, so a recipe says whether
they are used. What each is worth is in docs/performance.md, with the command that measures it.

Shapes: B images; maps of I -> O channels and H x W -> h x w pixels; kernels of O x I x K x L weights.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad
from torch.nn import Parameter
from torch.nn.functional import batch_norm, linear, max_pool2d, pad
from torch.overrides import TorchFunctionMode

from skipscope.kernels import reductions

Pair = tuple[int, int]
Window = tuple[Pair, Pair]
"""From where to where an output sees the map, and with which part of the kernel, along one side."""
Uses = dict[Pair, tuple[list[int], list[int]]]
"""For each weight of a kernel (row, column): output pixels, and the input pixel that each uses it on."""

PRODUCT_FROM = 16
"""Input channels from which on `_Convolution` wins: a stem that reads three colours is left to the stock."""

POOL_BELOW = 16
"""Channels below which `_Halves` wins, in bf16; in fp32 the stock operator does."""
PLAIN = (Tensor, Parameter)
"""What is of another class has its own way with torch's functions, or no numbers at all."""
PLAIN_POOL = {"dilation": 1, "ceil_mode": False, "return_indices": False}


class fast(TorchFunctionMode):  # noqa: N801 - it is used as a function is: with fast():
    """While it is on, the functions in `KERNELS` (or in what it is given) are ours."""

    def __init__(self, by: Mapping[Callable[..., Any], Callable[..., Any]] | None = None) -> None:
        """By torch's function, what stands in for it."""
        super().__init__()
        self.by = KERNELS if by is None else by

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Every call of a torch function comes by here."""
        return self.by.get(func, func)(*args, **(kwargs or {}))


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.conv2d`, by matrix products where those are faster; everything else goes to the stock operator.

    Where every output sees the whole map (3x3 on maps of 2x2 and 1x1) the layer is one matrix product: the
    stock operator spends up to 8/9 of its arithmetic on padding there. Where the stride is above 1, or a
    kernel is 1x1 in fp32, the stock gradient of the weights is slow, and one matrix product makes it instead.
    """
    x = input
    usual = groups == 1 and dilation in (1, (1, 1)) and not isinstance(padding, str)
    if usual and joins(x, weight, bias):
        stride, padding = _pair(stride), _pair(padding)
        rows, columns = map(_windows, x.shape[2:], weight.shape[2:], stride, padding)
        if _sees_all(rows) and _sees_all(columns):
            (top, bottom), (left, right) = rows[0][0], columns[0][0]
            seen = _cast(x)[:, :, top:bottom, left:right].permute(0, 2, 3, 1).flatten(1, 2)  # B N I
            y = _WholeMap.apply(seen, weight, _uses(rows, columns))  # type: ignore[no-untyped-call]
            y = cast("Tensor", y).view(len(x), len(rows), len(columns), -1).permute(0, 3, 1, 2)
            y = y if bias is None else y + bias.to(y.dtype).view(-1, 1, 1)
            return y if channels_last(x, weight) else y.contiguous()
        x = _cast(x)
        if _takes_product(x, weight, stride) or reductions.kept():
            bias = None if bias is None else bias.to(x.dtype)
            y = _Convolution.apply(x, weight.to(x.dtype), bias, stride, padding)  # type: ignore[no-untyped-call]
            return cast("Tensor", y)
    return torch.conv2d(x, weight, bias, stride, padding, dilation, groups)


def joins(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether B I H W, O I K L and O fit together, and none is empty: what does not, the stock refuses."""
    if x.ndim != 4 or weight.ndim != 4 or not plain(x, weight, bias):
        return False
    fits = x.shape[1] == weight.shape[1] and (bias is None or bias.shape == weight.shape[:1])
    return fits and x.numel() > 0 and weight.numel() > 0


def plain(*tensors: Tensor | None) -> bool:
    """Whether they are numbers in this processor's memory, and of one format (or autocast makes them so).

    Not under `torch.func`'s transforms or forward-mode derivatives: ours have no rules for these.
    """
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:  # noqa: SLF001 - no other
        return False
    there = [tensor for tensor in tensors if tensor is not None]
    formats = {_format(tensor) for tensor in there}
    return len(formats) == 1 and all(
        type(tensor) in PLAIN
        and tensor.is_floating_point()
        and tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        for tensor in there
    )


def channels_last(x: Tensor, weight: Tensor) -> bool:
    """Whether the stock operator's outputs are in that memory format."""
    return any(tensor.stride(1) == 1 and tensor.shape[2:].numel() > 1 for tensor in (x, weight))


def _takes_product(x: Tensor, weight: Tensor, stride: Pair) -> bool:
    """Whether the gradient of its weights is ours."""
    slow = max(stride) > 1 or (weight.shape[2:] == (1, 1) and x.dtype.itemsize >= 4)
    return slow and weight.shape[1] >= PRODUCT_FROM


def _pair(value: int | Iterable[int]) -> Pair:
    both = (value,) if isinstance(value, int) else tuple(value)  # one stands for both, as torch has it
    return both[0], both[-1]


def _cast(x: Tensor) -> Tensor:
    """As autocast does for a convolution."""
    return x.to(_format(x))


def _format(x: Tensor) -> torch.dtype:
    """Autocast's, if it is on: it leaves what is more exact than fp32 as it is."""
    casts = torch.is_autocast_enabled("cpu") and x.is_floating_point() and x.dtype != torch.float64
    return torch.get_autocast_dtype("cpu") if casts else x.dtype


def _windows(side: int, kernel: int, stride: int, padding: int) -> list[Window]:
    """What each output along one side sees; nothing where an output might see only padding."""
    if padding >= kernel or stride < 1:
        return []
    starts = range(-padding, side + padding - kernel + 1, stride)
    seen = [(max(0, start), min(side, start + kernel)) for start in starts]
    return [((lo, hi), (lo - start, hi - start)) for start, (lo, hi) in zip(starts, seen, strict=True)]


def _sees_all(windows: list[Window]) -> bool:
    """Whether every output sees the same part of the map: what it does not see, no output sees."""
    return len({seen for seen, _ in windows}) == 1


class _WholeMap(Function):
    """B N I (all N pixels of a map) and O I K L -> B P*O (all P pixels of the output)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, uses: Uses) -> Tensor:
        matrix = _unrolled(weight, uses, x)
        ctx.save_for_backward(x, weight, matrix)
        ctx.uses = uses
        return linear(x.flatten(1), matrix)  # no view of it: whoever called may change it in place

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight, matrix), (gradient,) = ctx.saved_tensors, gradients
        for_x, for_weight, _ = ctx.needs_input_grad
        of_x = of_weight = None
        if for_x:
            if torch.is_grad_enabled():  # a second gradient goes through the weights
                matrix = _unrolled(weight, ctx.uses, x)
            of_x = (gradient @ matrix).view(x.shape)
        if for_weight:
            kernel = weight.new_zeros(len(weight), *weight.shape[2:], x.shape[2])  # O K L I
            gradient = gradient.reshape(len(x), -1, len(weight))
            with reductions.as_before():
                for (row, column), (outputs, inputs) in ctx.uses.items():
                    # over all images and all pixels that this weight joins
                    one = gradient[:, outputs].flatten(0, 1).t() @ x[:, inputs].flatten(0, 1)  # O I
                    kernel[:, row, column] = one
            of_weight = kernel.permute(0, 3, 1, 2)
        return of_x, of_weight, None


def _unrolled(weight: Tensor, uses: Uses, x: Tensor) -> Tensor:
    """O I K L -> P*O N*I: what each output pixel makes of each input pixel, in the number format of `x`."""
    pixels = 1 + max(output for outputs, _ in uses.values() for output in outputs)
    matrix = x.new_empty(pixels, len(weight), x.shape[1], x.shape[2])
    for tap, pairs in uses.items():
        for output, of in zip(*pairs, strict=True):
            matrix[output, :, of] = weight[:, :, *tap]
    return matrix.flatten(2).flatten(0, 1)


def _uses(rows: list[Window], columns: list[Window]) -> Uses:
    """For each weight of a kernel: the output pixels that use it, and the input pixel each uses it on."""
    uses: Uses = {}
    (top, bottom), (left, right) = rows[0][0], columns[0][0]
    for (p, (_, (r, _))), (q, (_, (c, _))) in product(enumerate(rows), enumerate(columns)):
        for i, j in product(range(bottom - top), range(right - left)):
            outputs, inputs = uses.setdefault((r + i, c + j), ([], []))
            outputs.append(p * len(columns) + q)
            inputs.append(i * (right - left) + j)
    return uses


class _Convolution(Function):
    """The stock convolution; where that is faster, the weights' gradient is outputs' times what they saw."""

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
        of_x = of_weight = of_bias = None
        how = (ctx.stride, ctx.padding, (1, 1), False, (0, 0), 1)  # no dilation, not transposed, one group
        stock = partial(torch.ops.aten.convolution_backward, gradient, x, weight, [len(weight)], *how)
        if for_x:
            of_x = stock((True, False, False))[0]
        with reductions.as_before():
            if not _takes_product(x, weight, ctx.stride):
                _, of_weight, of_bias = stock((False, for_weight, for_bias))
            else:
                if for_weight:
                    seen = _columns(x, weight.shape[2:], ctx.stride, ctx.padding)  # B*h*w K*L*I
                    summed = gradient.permute(0, 2, 3, 1).flatten(0, 2).t() @ seen  # O K*L*I
                    of_weight = summed.view(len(weight), *weight.shape[2:], -1).permute(0, 3, 1, 2)
                if for_bias:
                    of_bias = gradient.sum((0, 2, 3))
        return of_x, of_weight, of_bias, None, None


def _columns(x: Tensor, kernel: Iterable[int], stride: Pair, padding: Pair) -> Tensor:
    """B I H W -> B*h*w K*L*I: what each output pixel sees."""
    x = pad(x.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
    for dimension, (size, step) in enumerate(zip(kernel, stride, strict=True), start=1):
        x = x.unfold(dimension, size, step)  # B h w I K L
    return x.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)


def fully_connected(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`linear`; where a run was given more threads, its sums are taken as before."""
    if not reductions.kept() or not plain(input, weight, bias) or weight.ndim != 2:
        return linear(input, weight, bias)
    bias = None if bias is None else _cast(bias)
    rows = _cast(input).reshape(-1, input.shape[-1])
    y = _Linear.apply(rows, _cast(weight), bias)  # type: ignore[no-untyped-call]
    return cast("Tensor", y.view(*input.shape[:-1], len(weight)))


class _Linear(Function):
    """N I, O I and O -> N O."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        for_x, for_weight, for_bias = ctx.needs_input_grad
        of_x = gradient @ weight if for_x else None
        with reductions.as_before():
            of_weight = gradient.t() @ x if for_weight else None
            of_bias = gradient.sum(0) if for_bias else None
        return of_x, of_weight, of_bias


def max_pool(
    x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, *others: Any, **named: Any
) -> Any:
    """`max_pool2d`; for 2x2 windows side by side on few channels in bf16, three comparisons of whole maps.

    The stock operator works along the channels of a pixel, and slowly where they do not fill a vector.
    """
    halves = kernel_size in (2, (2, 2)) and stride in (None, 2, (2, 2)) and padding in (0, (0, 0))
    usual = not others and all(named.get(key, value) == value for key, value in PLAIN_POOL.items())
    even = x.ndim == 4 and x.shape[2] % 2 == x.shape[3] % 2 == 0 and x.shape[3] < 256 and x.numel() > 0
    narrow = x.dtype == torch.bfloat16 and plain(x)
    if halves and usual and even and narrow and x.shape[1] < POOL_BELOW:
        y = _Halves.apply(x).permute(0, 3, 1, 2)  # type: ignore[no-untyped-call]
        return y.contiguous() if x.is_contiguous() else y
    return max_pool2d(x, kernel_size, stride, padding, *others, **named)


class _Halves(Function):
    """B C H W -> B H/2 W/2 C; of equals the first in reading order, as the stock operator takes it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
        (a, b), (c, d) = pixels.permute(2, 4, 0, 1, 3, 5).contiguous()  # each B H/2 W/2 C
        above, below = torch.maximum(a, b), torch.maximum(c, d)
        low = below > above
        right = (low & (d > c)) | (~low & (b > a))
        first = torch.arange(0, height * width, 2).view(-1, width // 2)[::2, :, None]  # H/2 W/2 1
        indices = first + (low.view(torch.uint8) * width + right.view(torch.uint8))
        ctx.save_for_backward(x, indices.permute(0, 3, 1, 2))
        return torch.maximum(above, below)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, indices = ctx.saved_tensors
        window = ((2, 2), (2, 2), (0, 0), (1, 1), False)
        gradient = gradients[0].permute(0, 3, 1, 2)
        return torch.ops.aten.max_pool2d_with_indices_backward(gradient, x, *window, indices)


KERNELS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.conv2d: convolution,
    linear: fully_connected,
    batch_norm: reductions.normalise,
    max_pool2d: max_pool,
}
"""Torch's function -> what stands in for it."""
