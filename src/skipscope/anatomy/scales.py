"""Tell what weighs a map that does not come from the image: one number, or one a channel.

Such a weight is the same for all images, so it is no gate: a residual branch's constant, a learnt scale.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from skipscope.anatomy.traces import Scale, like, mark, trace_of

WEIGHS = {"mul", "imul", "rmul", "multiply", "div", "idiv", "divide", "truediv", "itruediv", "true_divide"}
"""Products, as functions and operators."""


def scale_of(args: Sequence[Any], kwargs: Any = None) -> Scale | None:
    """Tells what weighs the map (B C ...) in a product of two; None if no map, or more than that, does."""
    operands = (*args, *((kwargs or {}).get(name) for name in ("input", "other")))
    operands = tuple(x for x in operands if x is not None)[:2]
    known = [x for x in operands if trace_of(x) is not None]
    if len(operands) != 2 or len(known) != 1:
        return None
    (x,), (factor,) = known, [each for each in operands if each is not known[0]]
    trace = trace_of(x)
    if trace is None or x.ndim < 3:
        return None
    if not isinstance(factor, Tensor) or factor.numel() == 1:
        return "by_channel" if trace.scale == "by_channel" else "number"
    axis = 1 if trace.last else x.ndim - 1  # of the channels, counted from the last
    others = [size for at, size in enumerate(reversed(factor.shape), start=1) if at != axis]
    return "by_channel" if factor.ndim >= axis and set(others) <= {1} else None


def weighed(x: Tensor, factor: Any, product: Tensor | None = None) -> Tensor:
    """Returns `factor * x`, or the `product` that was computed, with the trace of a map so weighed."""
    product = factor * x if product is None else product
    trace, scale = trace_of(x), scale_of((x, factor))
    if trace is not None and scale is not None:
        mark(product, trace._replace(scale=scale))
        return product
    return like(x, product)
