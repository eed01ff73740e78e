"""Turns a difference of logarithms into the ratio that it is read as: 0.71 times, not -0.49 doublings."""

from math import log

from skipscope.analysis.scales import readable
from skipscope.claims.model import Effect, Finding

BASES = {"log2": 2.0, "log10": 10.0}
"""Units of parts that are compared on a logarithmic scale, with its base."""
RATIO = "times"
"""The unit of such a part once it is a ratio."""


def told_as_ratio(finding: Finding) -> Finding:
    """Returns the finding with effect, interval and bound as ratios, if its unit is a logarithm's."""
    effect = finding.effect
    if effect is None or effect.unit not in BASES:
        return finding
    base = BASES[effect.unit]
    names = ("estimate", "low", "high", "adjusted_low", "adjusted_high")
    numbers = {name: _power(base, getattr(effect, name)) for name in names}
    told = Effect.model_validate(effect.model_dump() | numbers | {"unit": RATIO, "ratio": True})
    return finding.model_copy(update={"effect": told, "bound": _power(base, finding.bound)})


def compared(finding: Finding) -> str:
    """Names the arms that a finding compares: as a quotient, as a list, or as a difference.

    A ratio in times is that of the arms; one in another unit, as of an agreement, concerns both alike.
    """
    if finding.effect is None or not finding.effect.ratio:
        return finding.comparison
    return finding.comparison.replace(" - ", " / " if finding.effect.unit == RATIO else ", ")


def _power(base: float, exponent: float | None) -> float | None:
    """Raises the base to a power, to infinity where it is too large for a number."""
    return None if exponent is None else readable("log", exponent * log(base), level=False)
