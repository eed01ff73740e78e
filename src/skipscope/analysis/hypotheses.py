"""Tests effects against bounds, corrects after Holm, and computes power and the seeds that a test needs.

A pair of one-sided t tests at 2.5 % agrees with the 95 % interval, and at any other level with the interval
of that level.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from math import isfinite, isnan, sqrt

from scipy.special import chdtri, nctdtr, stdtr, stdtrit

from skipscope.analysis.statistics import ALPHA, Estimate

MOST_SEEDS = 1_000
"""If a test needs more, seeds are said not to settle it."""


def p_above(effect: Estimate, bound: float) -> float:
    """One-sided p: probability of an effect this large or larger if the true one is `bound`."""
    if effect.exact or not effect.error:
        certain = effect.exact or effect.n > 1
        return 0.0 if certain and effect.value > bound else 1.0
    return float(stdtr(effect.freedom, (bound - effect.value) / effect.error))


def p_below(effect: Estimate, bound: float) -> float:
    """One-sided p: probability of an effect this small or smaller if the true one is `bound`."""
    return p_above(replace(effect, value=-effect.value), -bound)


def holm(ps: Mapping[str, float]) -> dict[str, float]:
    """Adjusted p of each member of a family (Holm 1979): at most 0.05 where the step-down test rejects."""
    ranked = sorted(ps, key=lambda name: (ps[name], name))
    steps = (min(1.0, (len(ps) - rank) * ps[name]) for rank, name in enumerate(ranked))
    adjusted = dict(zip(ranked, accumulate(steps, max), strict=True))
    return {name: adjusted[name] for name in ps}


def holm_levels(ps: Mapping[str, float]) -> dict[str, float]:
    """The level at which Holm's procedure tests each member of a family: 0.05 / (m - rank + 1).

    The procedure stops at the first p above its level. Those that it does not reach are given the level at
    which it stopped: p is above that for all of them, so that an interval of the member's level excludes the
    bound if, and only if, the member's hypothesis is rejected.
    """
    levels: dict[str, float] = {}
    stopped = False
    level = ALPHA
    for rank, name in enumerate(sorted(ps, key=lambda name: (ps[name], name))):
        level = level if stopped else ALPHA / (len(ps) - rank)
        stopped = stopped or ps[name] > level
        levels[name] = level
    return {name: levels[name] for name in ps}


def spread_interval(spread: float, freedom: float) -> tuple[float, float]:
    """The 95 % interval of a standard deviation of normal differences, from the chi-square distribution."""
    low, high = (sqrt(freedom / float(chdtri(freedom, p))) for p in (ALPHA / 2, 1 - ALPHA / 2))
    return spread * low, spread * high


def power(gap: float, error: float, freedom: float, *, level: float = ALPHA) -> float:
    """Probability that a 1 - `level` interval excludes a bound at distance `gap` from the true effect."""
    if not error:
        return float(gap != 0)
    shift, critical = abs(gap) / error, stdtrit(freedom, 1 - level / 2)
    missed = nctdtr(freedom, shift, critical)
    # scipy gives NaN if the probability is too small: the shift is far beyond the critical value
    return float(shift > critical if isnan(missed) else 1 - missed)


def seeds_needed(
    gap: float, spread: float, *, images_error: float = 0.0, least: int = 2, level: float = ALPHA
) -> int | None:
    """Number of pairs with which a 1 - `level` interval excludes a bound in 80 % of cases.

    Assumes that effect and spread are as estimated. None if more seeds do not help: the effect seems to equal
    the bound, the test images alone leave it open, or it would take more than `MOST_SEEDS`.

    Args:
        gap: distance from the effect to the bound.
        spread: standard deviation of a pair's difference.
        images_error: standard error due to the test images, which more seeds do not reduce.
        least: smallest number to return.
        level: one minus the interval's coverage.
    """

    def enough(n: int) -> bool:
        return power(gap, sqrt(spread**2 / n + images_error**2), n - 1, level=level) >= 0.8

    low, high = max(least, 2), MOST_SEEDS
    if not isfinite(gap) or low > high or not enough(high):
        return None
    return low + bisect_left(range(low, high), x=True, key=enough)
