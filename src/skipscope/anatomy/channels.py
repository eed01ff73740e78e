"""Follow the source of each channel of a map through one more operator.

Sources stay known only through operators listed here as leaving every channel where it is. Any other may move
channels and keep their number, as a shuffle, a flip or a part of them does, so after it they are unknown.

Shapes: B images, C channels, any number of further axes (H x W pixels).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice
from math import prod
from types import EllipsisType
from typing import Any

from torch import Tensor

Source = tuple[str, int]
"""The name of the call that made channels, and how many of a map's channels come from it."""

POINTWISE = """
relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish sigmoid tanh hardsigmoid hardswish hardtanh
hardshrink softshrink tanhshrink softplus softsign log_sigmoid logsigmoid threshold softmax log_softmax
clamp clip clamp_min clamp_max abs neg exp log sqrt rsqrt square erf pow reciprocal masked_fill
maximum minimum add iadd radd sub isub rsub subtract mul imul rmul multiply div idiv rdiv divide
truediv itruediv rtruediv true_divide expand expand_as clone contiguous detach
to type type_as float double half bfloat16 cpu cuda
dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout
batch_norm instance_norm group_norm layer_norm local_response_norm
"""
PER_CHANNEL = {
    f"{kind}_pool{axes}d"
    for kind in ("max", "avg", "lp", "adaptive_avg", "adaptive_max", "fractional_max")
    for axes in (1, 2, 3)
} | {"interpolate", "upsample"}
CHANNELWISE = {*POINTWISE.split(), *PER_CHANNEL}
"""Names, without underscores, of torch functions that leave every channel where it is."""
RESHAPES = {"view", "reshape", "view_as", "reshape_as", "flatten", "unflatten", "squeeze", "unsqueeze"}
"""The same numbers in the same order, row by row."""
REDUCES = {"mean", "sum", "amax", "amin", "std", "var"}


def behind(
    word: str,
    x: Tensor,
    sources: tuple[Source, ...],
    output: Tensor,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[Source, ...]:
    """Returns the sources of an output's channels (B C' ...); empty where they are unknown.

    `word` is the name of the function that was called, without the underscores around it, `sources` are
    those of the channels of its operand `x` (B C ...), in order.
    """
    if min(x.ndim, output.ndim) < 2 or sum(count for _, count in sources) != x.shape[1]:
        return ()
    if word in RESHAPES:
        return _reshaped(x, sources, output)
    if output.shape[1] != x.shape[1]:
        return ()
    if word in CHANNELWISE:
        return sources if output.ndim == x.ndim else ()
    second = args[1] if len(args) > 1 else None
    kept = (
        (word == "pad" and _pads_pixels(x, kwargs.get("pad", second)))
        or (word in REDUCES and _over_pixels(x, kwargs.get("dim", kwargs.get("axis", second))))
        or (word == "getitem" and _of_pixels(second))
    )
    return sources if kept else ()


PARTS = {"chunk", "unsafe_chunk", "split", "unsafe_split", "split_with_sizes", "tensor_split"}
"""Functions that cut a map along an axis, in order."""


def parts(
    word: str, x: Tensor, sources: tuple[Source, ...], outputs: Sequence[Tensor]
) -> list[tuple[Source, ...]]:
    """Returns the sources of each of several outputs, as `behind` does for one.

    A map cut along another axis has all channels in each part.
    """
    if word not in PARTS or x.ndim < 2 or sum(count for _, count in sources) != x.shape[1]:
        return [()] * len(outputs)
    if all(y.shape[1] == x.shape[1] for y in outputs):
        return [sources] * len(outputs)
    names = iter([name for name, count in sources for _ in range(count)])
    return [_counted(islice(names, y.shape[1])) for y in outputs]


def _counted(names: Iterable[str]) -> tuple[Source, ...]:
    """Run-length encodes one name per channel."""
    return tuple((name, len(list(run))) for name, run in groupby(names))


def _reshaped(x: Tensor, sources: tuple[Source, ...], output: Tensor) -> tuple[Source, ...]:
    """Handles reshapes that keep B C in front, or lay each channel's pixels in a row."""
    if output.numel() != x.numel():
        return ()
    if output.shape[:2] == x.shape[:2]:
        return sources
    if output.shape == (x.shape[0], prod(x.shape[1:])):
        return tuple((name, count * prod(x.shape[2:])) for name, count in sources)
    return ()


def _pads_pixels(x: Tensor, pad: Any) -> bool:
    """Tells whether only axes after the channels are padded; two numbers an axis, from the last."""
    return isinstance(pad, (list, tuple)) and len(pad) <= 2 * (x.ndim - 2)


def _over_pixels(x: Tensor, axes: Any) -> bool:
    """Tells whether only axes after the channels are reduced."""
    several = (axes,) if isinstance(axes, int) else axes
    return isinstance(several, (list, tuple)) and len(several) > 0 and all(n % x.ndim >= 2 for n in several)


def _of_pixels(index: Any) -> bool:
    """Tells whether an index takes images, all their channels, and any pixels or new axes after those."""
    if not isinstance(index, tuple) or len(index) < 2:
        return False
    images, channels, *pixels = index
    # an index that is a list or a tensor may move its axis to the front
    known = all(isinstance(each, slice | None | EllipsisType) or type(each) is int for each in pixels)
    return isinstance(images, slice) and channels == slice(None) and known
