"""Scales on which differences are about symmetric, and how an effect on one of them is read.

Student's t needs differences that are about symmetric. Those of ratios are so as logarithms, and those of
shares near 0 or 1 as log odds (`logit`). A quantity that already is a logarithm is `linear`.
"""

from math import exp, isfinite, log
from typing import Literal

Scale = Literal["linear", "log", "logit"]
EDGE = 0.0005
"""Shares nearer to 0 or 1 than this are taken at this distance, as they have no finite log odds.

Half of one in a thousand, the order of what is counted for a share (images, channels, pairs of layers)."""


def onto(scale: Scale, value: float | None) -> float | None:
    """The value on a scale; None if it has none there, as the logarithm of 0, or is not finite."""
    if value is None or not isfinite(value):
        return None
    if scale == "linear":
        return value
    if scale == "log":
        return log(value) if value > 0 else None
    if not 0 <= value <= 1:
        return None
    share = min(max(value, EDGE), 1 - EDGE)
    return log(share / (1 - share))


def readable(scale: Scale, value: float, *, level: bool) -> float:
    """What a number on a scale means to a reader.

    Args:
        scale: the scale on which it was computed.
        value: on that scale; may be infinite.
        level: whether it is a mean of the quantity itself (read as such) or a difference (read as a ratio: of
            values if the scale is `log`, of odds if it is `logit`).
    """
    if scale == "linear":
        return value
    if scale == "logit" and level:
        return 1 / (1 + _exp(-value))
    return _exp(value)


def bound_on(scale: Scale, bound: float, *, level: bool) -> float:
    """The number on the scale that `readable` reads as `bound`.

    Raises:
        ValueError: there is none, as for a ratio that is not positive.
    """
    found = onto(scale if level or scale == "linear" else "log", bound)
    if found is None:
        raise ValueError(f"{bound} is no bound on the scale {scale}")
    return found


def _exp(value: float) -> float:
    return exp(value) if value < 700 else float("inf")
