"""Effects against bounds: one-sided tests, several at once, and how many seeds it takes to tell.

Evidence against a bound is one-sided, of the same t. A pair of one-sided tests at 2.5 % and the interval
say the same, but for where BCa reaches farther, which only makes the interval more careful.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, isnan, sqrt

from scipy.special import nctdtr, stdtr, stdtrit

from skipscope.analysis.statistics import LEVEL, Estimate

MOST_SEEDS = 1_000
"""More are not asked for: it is then said that seeds will not settle it."""


def p_above(effect: Estimate, bound: float) -> float:
    """One-sided: how probable so large an effect is or a larger one, if the true one is `bound`."""
    if effect.exact or not effect.error:
        certain = effect.exact or effect.n > 1
        return 0.0 if certain and effect.value > bound else 1.0
    return float(stdtr(effect.freedom, (bound - effect.value) / effect.error))


def p_below(effect: Estimate, bound: float) -> float:
    """The same for so small an effect."""
    return p_above(replace(effect, value=-effect.value), -bound)


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p of each member of a family (Holm 1979): at most 0.05 where the step-down test rejects."""
    adjusted, so_far = {}, 0.0
    for place, (name, p) in enumerate(sorted(ps.items(), key=lambda item: (item[1], item[0]))):
        so_far = max(so_far, min(1.0, (len(ps) - place) * p))
        adjusted[name] = so_far
    return {name: adjusted[name] for name in ps}


def power(gap: float, error: float, freedom: float, *, level: float = LEVEL) -> float:
    """Probability that an interval of 1 - `level` leaves out a bound that is `gap` from the true effect."""
    if not error:
        return float(gap != 0)
    shift, critical = abs(gap) / error, stdtrit(freedom, 1 - level / 2)
    missed = nctdtr(freedom, shift, critical)
    # scipy gives NaN where the probability is too small for it: the shift is far beyond the critical value
    return float(shift > critical if isnan(missed) else 1 - missed)


def seeds_needed(
    gap: float, spread: float, *, images_error: float = 0.0, least: int = 2, level: float = LEVEL
) -> int | None:
    """With how many pairs an interval of 1 - `level` would leave out a bound in 80 % of cases.

    If the true effect and spread are what they seem. None where more seeds do not help: the effect seems to
    be the bound itself, the test images leave it open, or it would take more than `MOST_SEEDS`.

    Args:
        gap: from the effect to the bound.
        spread: standard deviation of a pair's difference.
        images_error: the standard error that more seeds do not take away.
        least: the answer is this or more.
        level: one minus the interval's.
    """

    def enough(n: int) -> bool:
        return power(gap, sqrt(spread**2 / n + images_error**2), n - 1, level=level) >= 0.8

    low, high = max(least, 2), MOST_SEEDS
    if not isfinite(gap) or low > high or not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
