"""Winograd's minimal filtering for 3x3 convolutions, under `with winograd():` (Lavin and Gray 2016).

An output tile of 4x4 pixels takes 36 products of numbers instead of 144: what a tile sees (6x6 pixels) and
the kernel are transformed, multiplied place by place, summed over the channels, and transformed back (section
4.1, F(4x4, 3x3)). Each of the 36 places is a matrix product over all tiles of a batch, and so are the
transforms. Rounding is some five times that of the stock operator, so it is another value of a recipe's
`kernels`; it is for fp32 (bf16 goes to `kernels.convolution`). All else is as under `with fast():`.

Shapes: B images; maps of I -> O channels and H x W pixels in n x m tiles; 6 x 6 places of a tile.
"""

from functools import cache, partial
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from skipscope.training import kernels, sums

TILE, SEEN, KERNEL = 4, 6, 3
PAYS_FROM = 24
"""I O / (I + O) from which on it wins: products are as I O, transforms as I + O."""

# with the points 0, 1, -1, 2, -2 and infinity
_SEE = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_WEIGH = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_SUM_UP = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
ONE = 1
"""The point 1: what is added there is added to every output of a tile."""


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
        whole = x.shape[2] % TILE == x.shape[3] % TILE == 0 and x.shape[1] == inputs and x.numel()
        if whole and inputs * outputs >= PAYS_FROM * (inputs + outputs):
            return cast("Tensor", _Winograd.apply(x, weight, bias))  # type: ignore[no-untyped-call]
    return kernels.convolution(x, weight, bias, stride, padding, dilation, groups)


class _Winograd(Function):
    """B I H W, O I 3 3 and O -> B O H W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        places = _products(_seen(x), _weights(weight).transpose(1, 2))  # 6 n 6 m*B O
        if bias is not None:
            places[ONE, :, ONE] += bias
        return _as_map(places, _matrices(x, sums_up=True), x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        for_x, for_weight, for_bias = ctx.needs_input_grad
        if torch.is_grad_enabled():  # a second gradient goes through the stock operators
            how = ((1, 1), (1, 1), (1, 1), False, (0, 0), 1)
            stock = partial(torch.ops.aten.convolution_backward, gradient, x, weight, [len(weight)], *how)
            of_x = stock((True, False, False))[0] if for_x else None
            with sums.as_before():
                return of_x, *stock((False, for_weight, for_bias))[1:]
        back = [matrix.t() for matrix in _matrices(gradient, sums_up=True)]
        places = _places(gradient, back)  # 6 n 6 m*B O
        of_x = of_weight = of_bias = None
        if for_x:
            of_seen = _products(places, _weights(weight))  # 6 n 6 m*B I
            of_x = _as_map(of_seen, [matrix.t() for matrix in _matrices(x)], x)
        with sums.as_before():
            if for_weight:
                of_weights = _summed(places, _seen(x))  # 36 O I
                matrix = _weigh(x.dtype).t().expand(len(weight), -1, -1)  # O 9 36
                taps = torch.bmm(matrix, of_weights.transpose(0, 1))  # O 9 I
                of_weight = taps.view(len(weight), KERNEL, KERNEL, -1).permute(0, 3, 1, 2)
            if for_bias:
                of_bias = places[ONE, :, ONE].sum((0, 1))
        return of_x, of_weight, of_bias


def _seen(x: Tensor) -> Tensor:
    """B I H W -> 6 n 6 m*B I: what the tiles see, transformed (B^T d B)."""
    return _places(x, _matrices(x))


def _weights(weight: Tensor) -> Tensor:
    """O I 3 3 -> 36 O I: the kernels, transformed (G g G^T)."""
    taps = weight.permute(0, 2, 3, 1).reshape(len(weight), KERNEL * KERNEL, -1)
    return torch.bmm(_weigh(weight.dtype).expand(len(weight), -1, -1), taps).transpose(0, 1)


def _places(x: Tensor, matrices: list[Tensor]) -> Tensor:
    """B C H W -> 6 n 6 m*B C, by a matrix for the rows and one for the columns."""
    channels, *sides = x.shape[1:]
    pixels = x.permute(2, 3, 0, 1).contiguous().view(*sides, -1)
    return _on_both_sides(pixels, *matrices).view(SEEN, sides[0] // TILE, SEEN, -1, channels)


def _as_map(places: Tensor, matrices: list[Tensor], like: Tensor) -> Tensor:
    """6 n 6 m*B C -> B C H W, in the memory format of `like`."""
    height, width = like.shape[2:]
    batch, channels = len(like), places.shape[-1]
    at = places.view(SEEN * height // TILE, SEEN * width // TILE, batch * channels)
    y = _on_both_sides(at, *matrices).view(height, width, batch, channels).permute(2, 3, 0, 1)
    last = like.is_contiguous(memory_format=torch.channels_last)
    return y.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _on_both_sides(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """H W N -> H' W' N, by matrices of H' x H and W' x W."""
    half = (rows @ x.view(len(x), -1)).view(len(rows), *x.shape[1:])
    return torch.bmm(columns.expand(len(rows), -1, -1), half)


def _products(places: Tensor, matrices: Tensor) -> Tensor:
    """6 n 6 R C times the matrix of its place, 36 C D -> 6 n 6 R D."""
    y = places.new_empty(*places.shape[:-1], matrices.shape[-1])
    for row, tile in product(range(SEEN), range(places.shape[1])):
        torch.bmm(places[row, tile], matrices[row * SEEN : (row + 1) * SEEN], out=y[row, tile])
    return y


def _summed(left: Tensor, right: Tensor) -> Tensor:
    """6 n 6 R C and 6 n 6 R D -> 36 C D: products summed over all tiles."""
    y = left.new_empty(SEEN, SEEN, left.shape[-1], right.shape[-1])
    for row in range(SEEN):
        torch.bmm(left[row, 0].transpose(1, 2), right[row, 0], out=y[row])
        for tile in range(1, left.shape[1]):
            y[row].baddbmm_(left[row, tile].transpose(1, 2), right[row, tile])
    return y.flatten(0, 1)


def _matrices(x: Tensor, *, sums_up: bool = False) -> list[Tensor]:
    """For the rows and the columns of a map: 6n x H from pixels to places, or H x 6n back to pixels."""
    return [(_sum_up if sums_up else _see)(side, x.dtype) for side in x.shape[2:]]


@cache
def _see(side: int, dtype: torch.dtype) -> Tensor:
    """6n x side: place by place, what each tile has there; beyond the map's edge there is nothing."""
    padded = torch.zeros(SEEN, side // TILE, side + 2, dtype=torch.float64)
    for tile in range(side // TILE):
        padded[:, tile, TILE * tile : TILE * tile + SEEN] = torch.tensor(_SEE, dtype=torch.float64)
    return padded[..., 1:-1].flatten(0, 1).to(dtype)


@cache
def _sum_up(side: int, dtype: torch.dtype) -> Tensor:
    """Side x 6n."""
    whole = torch.zeros(side, SEEN, side // TILE, dtype=torch.float64)
    for tile in range(side // TILE):
        whole[TILE * tile : TILE * (tile + 1), :, tile] = torch.tensor(_SUM_UP, dtype=torch.float64)
    return whole.flatten(1).to(dtype)


@cache
def _weigh(dtype: torch.dtype) -> Tensor:
    """36 x 9, for both directions at once."""
    one = torch.tensor(_WEIGH, dtype=torch.float64)
    return torch.kron(one, one).to(dtype)
