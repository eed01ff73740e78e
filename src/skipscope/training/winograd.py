"""Winograd's minimal filtering for 3x3 convolutions, under `with winograd():` (Lavin and Gray 2016).

An output tile of 4x4 pixels takes 36 products of numbers instead of 144: what a tile sees (6x6 pixels) and
the kernel are transformed, multiplied place by place, summed over the channels, and transformed back (section
4.1, F(4x4, 3x3)). A whole map of 2x2 pixels takes 9 instead of 16. Each place is a matrix product over all
tiles of a batch, and so are the transforms. Rounding is some five times that of the stock operator, so it is
another value of a recipe's `kernels`; it is for fp32 (bf16 goes to `kernels.convolution`). All else is as
under `with fast():`.

Shapes: B images; maps of I -> O channels and H x W pixels in n x m tiles; p x q places of a tile.
"""

from functools import cache
from itertools import product
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from skipscope.training import kernels, sums

KERNEL = 3
PAYS_FROM = 24
"""I O / (I + O) from which on it wins: products are as I O, transforms as I + O."""
WIDEST = 8
"""Pixels of a side up to which all of it wins; on larger maps only the weights' gradient does, for which the
stock operator takes longer than for each of the others."""

Rows = tuple[tuple[float, ...], ...]
Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


class _Line(NamedTuple):
    """How one side of a map is filtered: a tile is `sum_up` (`weigh` kernel * `see` pixels)."""

    see: Rows  # places x pixels that a tile sees
    weigh: Rows  # places x 3
    sum_up: Rows  # pixels of a tile x places
    everywhere: int
    """The place that counts once in all pixels of a tile: a bias is added there."""


_FOURS = _Line(  # with the points 0, 1, -1, 2, -2 and infinity
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
    everywhere=1,
)
_PAIR = _Line(  # alone between zeros: b x + c y and a x + b y are b (x + y), and (c - b) y or (a - b) x
    see=((1, 1), (0, 1), (1, 0)),
    weigh=((0, 1, 0), (0, -1, 1), (1, -1, 0)),
    sum_up=((1, 1, 0), (1, 0, 1)),
    everywhere=0,
)


def winograd() -> kernels.fast:
    """While it is on, 3x3 convolutions are computed so where that pays."""
    return kernels.fast({**kernels.KERNELS, torch.conv2d: convolution})


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """`torch.conv2d`; Winograd's where it is 3x3 with stride 1 and padding 1, and pays."""
    plain = stride in (1, (1, 1)) and padding in (1, (1, 1)) and dilation in (1, (1, 1)) and groups == 1
    plain = plain and x.ndim == 4 and weight.shape[2:] == (KERNEL, KERNEL)
    exact = x.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    if plain and exact and x.device.type == "cpu" and x.dtype == weight.dtype:
        outputs, inputs = weight.shape[:2]
        whole = x.shape[1] == inputs and x.numel() and all(map(_is_whole, x.shape[2:]))
        if whole and inputs * outputs >= PAYS_FROM * (inputs + outputs):
            return cast("Tensor", _Winograd.apply(x, weight, bias))  # type: ignore[no-untyped-call]
    return kernels.convolution(x, weight, bias, stride, padding, dilation, groups)


class _Winograd(Function):
    """B I H W, O I 3 3 and O -> B O H W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        seen = None if _is_wide(x) else _seen(x)
        ctx.seen = seen if ctx.needs_input_grad[1] else None
        return _forth(x, weight, bias, seen)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        seen, ctx.seen = ctx.seen, None  # of a graph that is kept, x is enough
        first = _Gradients.apply if torch.is_grad_enabled() else _gradients
        return first(x, weight, gradient, seen, *ctx.needs_input_grad)


class _Gradients(Function):
    """B I H W, O I 3 3, and B O H W of gradients of what they became -> gradients of x, weight and bias."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, gradient: Tensor, seen: Tensor | None, *wanted: bool
    ) -> Gradients:
        ctx.save_for_backward(x, weight, gradient)
        ctx.set_materialize_grads(False)
        return _gradients(x, weight, gradient, seen, *wanted)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_x: Tensor | None, of_weight: Tensor | None, of_bias: Tensor | None) -> Any:
        """What is derived is the sum of `of_x` times the first, `of_weight` times the second, and so on."""
        x, weight, gradient = ctx.saved_tensors
        second_of_x = second_of_weight = second_of_gradient = seen = None
        spread = _spread(gradient)
        pairs = [pair for pair in ((of_x, weight), (x, of_weight)) if pair[0] is not None is not pair[1]]
        if pairs:
            # the sum of two convolutions is one, of all channels
            maps, kernels = (torch.cat(parts, 1) for parts in zip(*pairs, strict=True))
            seen = None if _is_wide(x) else _seen(maps)
            second_of_gradient = _forth(maps, kernels, of_bias, seen)
        elif of_bias is not None:
            second_of_gradient = of_bias.view(-1, 1, 1).expand_as(gradient)
        if of_weight is not None:
            second_of_x = _back(gradient, of_weight, spread, x)
        if of_x is not None:
            seen = None if seen is None else seen[..., : x.shape[1]]
            second_of_weight = _of_weight(of_x, spread, seen)
        return second_of_x, second_of_weight, second_of_gradient, *[None] * 4


def _gradients(x: Tensor, weight: Tensor, gradient: Tensor, seen: Tensor | None, *wanted: bool) -> Gradients:
    """Of x, weight and bias, as far as they are wanted."""
    spread = _spread(gradient)
    of_x = _back(gradient, weight, spread, x) if wanted[0] else None
    of_weight = _of_weight(x, spread, seen) if wanted[1] else None
    return of_x, of_weight, _of_bias(spread, x) if wanted[2] else None


def _is_wide(x: Tensor) -> bool:
    return max(x.shape[2:]) > WIDEST


def _forth(x: Tensor, weight: Tensor, bias: Tensor | None, seen: Tensor | None) -> Tensor:
    """B I H W and O I 3 3 -> B O H W."""
    if seen is None:
        return torch.conv2d(x, weight, bias, 1, 1)
    places = _products(seen, _weights(weight, x).transpose(1, 2))  # p n q m*B O
    if bias is not None:
        row, column = (line.everywhere for line in _lines(x))
        places[row, :, column] += bias
    return _as_map(places, _matrices(_sum_up, x), x)


def _back(gradient: Tensor, weight: Tensor, spread: Tensor, like: Tensor) -> Tensor:
    """B O H W, O I 3 3 and p n q m*B O -> B I H W."""
    if _is_wide(like):
        # mirrored kernels take gradients of outputs to those of inputs
        return torch.conv2d(gradient, weight.flip(2, 3).transpose(0, 1), None, 1, 1)
    of_seen = _products(spread, _weights(weight, like))  # p n q m*B I
    return _as_map(of_seen, [matrix.t() for matrix in _matrices(_see, like)], like)


def _of_weight(x: Tensor, spread: Tensor, seen: Tensor | None) -> Tensor:
    """B I H W and p n q m*B O -> O I 3 3."""
    with sums.as_before():
        return _kernel(_summed(spread, _seen(x) if seen is None else seen), x)


def _of_bias(spread: Tensor, x: Tensor) -> Tensor:
    """P n q m*B O -> O."""
    row, column = (line.everywhere for line in _lines(x))
    with sums.as_before():
        return spread[row, :, column].sum((0, 1))


def _seen(x: Tensor) -> Tensor:
    """B I H W -> p n q m*B I: what the tiles see, transformed (B^T d B)."""
    return _places(x, _matrices(_see, x))


def _spread(gradient: Tensor) -> Tensor:
    """B O H W -> p n q m*B O: gradients of the products that were summed up."""
    return _places(gradient, [matrix.t() for matrix in _matrices(_sum_up, gradient)])


def _weights(weight: Tensor, x: Tensor) -> Tensor:
    """O I 3 3 -> p*q O I: the kernels, transformed (G g G^T)."""
    taps = weight.permute(0, 2, 3, 1).reshape(len(weight), KERNEL * KERNEL, -1)
    matrix = _weigh(*x.shape[2:], x.dtype).expand(len(weight), -1, -1)  # O p*q 9
    return torch.bmm(matrix, taps).transpose(0, 1)


def _kernel(of_weights: Tensor, x: Tensor) -> Tensor:
    """p*q O I -> O I 3 3: from gradients of the transformed kernels to those of the kernels."""
    matrix = _weigh(*x.shape[2:], x.dtype).t().expand(of_weights.shape[1], -1, -1)  # O 9 p*q
    taps = torch.bmm(matrix, of_weights.transpose(0, 1))  # O 9 I
    return taps.view(len(taps), KERNEL, KERNEL, -1).permute(0, 3, 1, 2)


def _places(x: Tensor, matrices: list[Tensor]) -> Tensor:
    """B C H W -> p n q m*B C, by a matrix for the rows and one for the columns."""
    channels, *sides = x.shape[1:]
    pixels = x.permute(2, 3, 0, 1).contiguous().view(*sides, -1)
    rows, columns = (len(line.see) for line in _lines(x))
    places = _on_both_sides(pixels, *matrices)  # p*n q*m B*C
    return places.view(rows, len(places) // rows, columns, -1, channels)


def _as_map(places: Tensor, matrices: list[Tensor], like: Tensor) -> Tensor:
    """P n q m*B C -> B C H W, in the memory format of `like`."""
    batch, channels = len(like), places.shape[-1]
    at = places.view(*(matrix.shape[1] for matrix in matrices), batch * channels)  # p*n q*m B*C
    y = _on_both_sides(at, *matrices).view(*like.shape[2:], batch, channels).permute(2, 3, 0, 1)
    last = like.is_contiguous(memory_format=torch.channels_last)
    return y.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _on_both_sides(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """H W N -> H' W' N, by matrices of H' x H and W' x W."""
    # one product for the rows would be taken in another order by more threads, and is not faster
    half = torch.bmm(rows.expand(x.shape[1], -1, -1), x.transpose(0, 1))  # W H' N
    return torch.bmm(columns.expand(len(rows), -1, -1), half.transpose(0, 1))


def _products(places: Tensor, matrices: Tensor) -> Tensor:
    """P n q R C times the matrix of its place, p*q C D -> p n q R D."""
    rows, tiles, columns = places.shape[:3]
    y = places.new_empty(*places.shape[:-1], matrices.shape[-1])
    for row, tile in product(range(rows), range(tiles)):
        torch.bmm(places[row, tile], matrices[row * columns : (row + 1) * columns], out=y[row, tile])
    return y


def _summed(left: Tensor, right: Tensor) -> Tensor:
    """P n q R C and p n q R D -> p*q C D: products summed over all tiles."""
    rows, tiles, columns = left.shape[:3]
    y = left.new_empty(rows, columns, left.shape[-1], right.shape[-1])
    for row in range(rows):
        torch.bmm(left[row, 0].transpose(1, 2), right[row, 0], out=y[row])
        for tile in range(1, tiles):
            y[row].baddbmm_(left[row, tile].transpose(1, 2), right[row, tile])
    return y.flatten(0, 1)


def _is_whole(side: int) -> bool:
    """Whether a side of so many pixels is of whole tiles."""
    return side % len(_line(side).sum_up) == 0


def _line(side: int) -> _Line:
    return _PAIR if side == len(_PAIR.sum_up) else _FOURS


def _lines(x: Tensor) -> list[_Line]:
    """For the rows and the columns of a map."""
    return [_line(side) for side in x.shape[2:]]


def _matrices(of: Any, x: Tensor) -> list[Tensor]:
    """For the rows and the columns of a map: `_see`, p*n x H from pixels to places, or `_sum_up`, back."""
    return [of(side, x.dtype) for side in x.shape[2:]]


@cache
def _see(side: int, dtype: torch.dtype) -> Tensor:
    """p*n x side: place by place, what each tile has there; beyond the map's edge there is nothing."""
    see, tile = torch.tensor(_line(side).see, dtype=torch.float64), len(_line(side).sum_up)
    places, seen = see.shape
    beyond = (seen - tile) // 2
    padded = torch.zeros(places, side // tile, side + 2 * beyond, dtype=torch.float64)
    for at in range(side // tile):
        padded[:, at, tile * at : tile * at + seen] = see
    return padded[..., beyond : beyond + side].flatten(0, 1).to(dtype)


@cache
def _sum_up(side: int, dtype: torch.dtype) -> Tensor:
    """Side x p*n."""
    sum_up = torch.tensor(_line(side).sum_up, dtype=torch.float64)
    tile, places = sum_up.shape
    whole = torch.zeros(side, places, side // tile, dtype=torch.float64)
    for at in range(side // tile):
        whole[tile * at : tile * (at + 1), :, at] = sum_up
    return whole.flatten(1).to(dtype)


@cache
def _weigh(height: int, width: int, dtype: torch.dtype) -> Tensor:
    """p*q x 9, for both directions at once."""
    rows, columns = (torch.tensor(_line(side).weigh, dtype=torch.float64) for side in (height, width))
    return torch.kron(rows, columns).to(dtype)
