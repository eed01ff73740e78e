"""Winograd's minimal filtering for 3x3 convolutions, under `with winograd():` (Lavin and Gray 2016).

An output tile of 4x4 pixels takes 36 products of numbers instead of 144: what a tile sees (6x6 pixels) and
the kernel are transformed, multiplied place by place, summed over the channels, and transformed back (section
4.1, F(4x4, 3x3)). A whole map of 2x2 pixels takes 9 instead of 16. `tiles.py` does all of it in one pass.
Rounding is some five times that of the stock operator, so it is another value of a recipe's `kernels`; it is
for fp32 (bf16 goes to `fast.convolution`). All else is as under `with fast():`.

Shapes: B images; maps of I -> O channels and H x W pixels.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from skipscope.kernels import fast, reductions
from skipscope.kernels.tile_loops import KERNEL, Line, Matrix, Side
from skipscope.kernels.tiles import Tiles
from skipscope.kernels.vectors import width

FEWEST = 32
"""Tiles, where no gradient is asked for: of fewer, transforming the weights takes up to thirty times as long
as the other operators do. Second gradients are slower if some images' are ours and others' are not."""
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]

_FOURS = Line(  # with the points 0, 1, -1, 2, -2 and infinity
    see=(
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    weigh=(
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
    sum_up=((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
    step=4,
    before=1,
)
_TWOS = Line(  # alone between zeros: b x + c y and a x + b y are b (x + y), and (c - b) y or (a - b) x
    see=((1, 1), (0, 1), (1, 0)),
    weigh=((0, 1, 0), (0, -1, 1), (1, -1, 0)),
    sum_up=((1, 1, 0), (1, 0, 1)),
    step=2,
)


def _mirrored(line: Line) -> Side:
    """With stride 1: kernels from right to left take gradients back."""
    return Side(line, line._replace(weigh=tuple(weights[::-1] for weights in line.weigh)))


def _strided(see: Matrix, weigh: Matrix, sum_up: Matrix) -> Side:
    """With stride 2, from how two taps are filtered, the outer ones: they see every other pixel.

    What is between is for the middle tap alone. Going back, pixels are sums of the one and products of the
    other in turns.
    """
    tile = len(sum_up)
    middle = [[float(row == column) for column in range(tile)] for row in range(tile)]
    forth = Line(
        see=(*(_apart(row)[:-1] for row in see), *((0.0, *_apart(row)) for row in middle)),
        weigh=(*((first, 0, last) for first, last in weigh), *[(0.0, 1.0, 0.0)] * tile),
        sum_up=tuple((*row, *of_middle) for row, of_middle in zip(sum_up, middle, strict=True)),
        step=2 * tile,
        before=1,
    )
    nothing = (0.0,) * len(see)
    back = Line(
        see=(*see, *((*row, 0.0) for row in middle)),
        weigh=(*((last, 0, first) for first, last in weigh), *[(0.0, 1.0, 0.0)] * tile),
        sum_up=tuple(
            line
            for row, of_middle in zip(sum_up, middle, strict=True)
            for line in ((*nothing, *of_middle), (*row, *(0.0 for _ in of_middle)))
        ),
        step=tile,
    )
    return Side(forth, back)


def _apart(row: Sequence[float]) -> tuple[float, ...]:
    """A zero after each."""
    return tuple(number for one in row for number in (one, 0.0))


SIDES: dict[int | None, tuple[Side, Side]] = {
    1: (_mirrored(_FOURS), _mirrored(_TWOS)),
    2: (
        _strided(  # with the points 0, 1, -1, 2 and infinity
            see=((2, -1, -2, 1, 0), (0, -2, -1, 1, 0), (0, 2, -3, 1, 0), (0, -1, 0, 1, 0), (0, 2, -1, -2, 1)),
            weigh=((1 / 2, 0), (-1 / 2, -1 / 2), (-1 / 6, 1 / 6), (1 / 6, 1 / 3), (0, 1)),
            sum_up=((1, 1, 1, 1, 0), (0, 1, -1, 2, 0), (0, 1, 1, 4, 0), (0, 1, -1, 8, 1)),
        ),
        _strided(  # a x + b y and a y + b z are a (x - y), (a + b) y and b (z - y)
            see=((1, -1, 0), (0, 1, 0), (0, -1, 1)),
            weigh=((1, 0), (1, 1), (0, 1)),
            sum_up=((1, 1, 0), (0, 1, 1)),
        ),
    ),
}
"""By stride: for sides of whole tiles of four outputs, and for those of one of two."""


def winograd() -> fast.fast:
    """While it is on, 3x3 convolutions are computed so where such tiles fill the maps, and are many."""
    return fast.fast({**fast.KERNELS, torch.conv2d: convolution})


def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.conv2d`; Winograd's where it is 3x3 with padding 1 and the same stride both ways."""
    x = input
    usual = weight.shape[2:] == (KERNEL, KERNEL) and groups == 1
    usual = usual and padding in (1, (1, 1)) and dilation in (1, (1, 1))
    exact = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    if usual and exact and fast.joins(x, weight, bias):
        whole = all(channels % width(x.dtype) == 0 for channels in weight.shape[:2])
        tiles = tiles_of(x, stride) if whole else None
        if tiles is not None and (torch.is_grad_enabled() or tiles.count(x) >= FEWEST):
            y = _Winograd.apply(x, weight, bias, tiles)  # type: ignore[no-untyped-call]
            return _as_stock(y, x, weight)
    return fast.convolution(x, weight, bias, stride, padding, dilation, groups)


class _Winograd(Function):
    """B I H W, O I 3 3 and O -> B O h w."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, tiles: Tiles) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.tiles = tiles
        return tiles.forth(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        first = _Gradients.apply if torch.is_grad_enabled() else _gradients
        return *first(x, weight, gradient, ctx.tiles, *ctx.needs_input_grad[:3]), None


class _Gradients(Function):
    """B I H W, O I 3 3, and B O h w of gradients of what they became -> gradients of x, weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, gradient: Tensor, tiles: Tiles, *wanted: bool
    ) -> Gradients:
        ctx.save_for_backward(x, weight, gradient)
        ctx.tiles = tiles
        ctx.set_materialize_grads(False)
        return _gradients(x, weight, gradient, tiles, *wanted)

    @staticmethod
    def backward(ctx: Any, of_x: Tensor | None, of_weight: Tensor | None, of_bias: Tensor | None) -> Any:
        """What is derived is the sum of `of_x` times the first, `of_weight` times the second, and so on.

        It is made of what has gradients itself: there is a third, too.
        """
        x, weight, gradient = ctx.saved_tensors
        tiles = ctx.tiles
        second_of_x = second_of_weight = second_of_gradient = None
        pairs = [pair for pair in ((of_x, weight), (x, of_weight)) if pair[0] is not None is not pair[1]]
        if pairs:
            # the sum of two convolutions is one, of all channels
            maps, taps = (torch.cat(parts, 1) for parts in zip(*pairs, strict=True))
            second_of_gradient = _Winograd.apply(maps, taps, of_bias, tiles)  # type: ignore[no-untyped-call]
        elif of_bias is not None:
            second_of_gradient = of_bias.view(-1, 1, 1).expand_as(gradient)
        if of_weight is not None:
            second_of_x = _Gradients.apply(x, of_weight, gradient, tiles, True, False, False)[0]  # type: ignore[no-untyped-call] # noqa: FBT003
        if of_x is not None:
            second_of_weight = _Gradients.apply(of_x, weight, gradient, tiles, False, True, False)[1]  # type: ignore[no-untyped-call] # noqa: FBT003
        return second_of_x, second_of_weight, second_of_gradient, *[None] * 4


def _gradients(x: Tensor, weight: Tensor, gradient: Tensor, tiles: Tiles, *wanted: bool) -> Gradients:
    """Of x, weight and bias, as far as they are wanted."""
    of_x = _as_stock(tiles.back(gradient, weight), x, weight) if wanted[0] else None
    of_weight = tiles.of_weight(x, gradient) if wanted[1] else None
    return of_x, of_weight, _of_bias(gradient) if wanted[2] else None


def _as_stock(y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """In the memory format that the stock operator gives it."""
    return y if fast.channels_last(x, weight) else y.contiguous()


def _of_bias(gradient: Tensor) -> Tensor:
    """B O H W -> O."""
    with reductions.as_before():
        return gradient.sum((0, 2, 3))


def tiles_of(x: Tensor, stride: Any) -> Tiles | None:
    """For maps as these; None where they are not of whole tiles, or the stride is not 1 or 2 both ways."""
    step = stride if isinstance(stride, int) else stride[0] if len(set(stride)) == 1 else None
    rows, columns = (_side(side, step) for side in x.shape[2:])
    return None if rows is None or columns is None else _compiled(rows, columns, x.dtype)


def _side(side: int, stride: int | None) -> Side | None:
    fours, twos = SIDES.get(stride, (None, None))
    if fours is not None and side % fours.forth.step == 0:
        return fours
    return twos if twos is not None and side == twos.forth.step else None  # with stride 1 a whole map alone


@cache
def _compiled(rows: Side, columns: Side, dtype: torch.dtype) -> Tiles:
    return Tiles(rows, columns, dtype)
