"""From a quantity of several arms to an effect: how arms of one comparison are set against each other.

A contrast takes the evidence, the name of a quantity and a comparison. It gives None where a run that it
needs is missing.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis.statistics import (
    BySeed,
    Estimate,
    combined,
    differences,
    exactly,
    interaction,
    over_seeds,
    over_seeds_and_images,
    slopes,
    widened,
)
from skipscope.claims.evidence import Evidence, Series
from skipscope.records.schema import NetworkCard
from skipscope.spec.comparison import Comparison

Contrast = Callable[[Evidence, str, Comparison], Estimate | None]
LAYERS = 10
"""Slopes against depth are given for so many layers."""


def pairs(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Treated minus control, mean over the pairs; without control the treated arms' own mean."""
    series = evidence.series(quantity)
    share = 1 / len(comparison.treated)
    terms = [(share, series.get(arm, {})) for arm in comparison.treated]
    return over_seeds(combined([*terms, *((-share, series.get(arm, {})) for arm in comparison.control)]))


def slope(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Rise per ten layers: of treated minus that of control, or of treated alone."""
    return _slope(evidence, quantity, comparison, lambda depth: depth / LAYERS)


def slope_by_doubling(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Rise with each doubling of depth."""
    return _slope(evidence, quantity, comparison, math.log2)


def _slope(
    evidence: Evidence, quantity: str, comparison: Comparison, at: Callable[[float], float]
) -> Estimate | None:
    series = evidence.series(quantity)
    curves = [
        slopes(
            {at(depth): series.get(arm, {}) for depth, arm in zip(evidence.depths(arms), arms, strict=True)}
        )
        for arms in (comparison.treated, comparison.control)
        if arms
    ]
    return over_seeds(combined(list(zip((1.0, -1.0), curves, strict=False))))


def deep_minus_shallow(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """What control gains from the least to the greatest depth, minus what treated does."""
    series = evidence.series(quantity)
    deep, shallow = (
        (series.get(comparison.control[at], {}), series.get(comparison.treated[at], {})) for at in (-1, 0)
    )
    return over_seeds(interaction(deep, shallow))


def growth(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """What treated gains from the least to the greatest depth."""
    series, arms = evidence.series(quantity), comparison.treated
    return over_seeds(differences(series.get(arms[-1], {}), series.get(arms[0], {})))


def tested(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Test accuracy in percentage points, treated minus control, mean over the pairs."""
    share = 1 / len(comparison.treated)
    terms = [(share, arm) for arm in comparison.treated]
    return _tested(evidence, quantity, [*terms, *((-share, arm) for arm in comparison.control)])


def two_by_two(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Whether the two factors of a 2 x 2 work together: the second pair's difference minus the first's."""
    treated, control = comparison.treated, comparison.control
    terms = [(1.0, treated[1]), (-1.0, control[1]), (-1.0, treated[0]), (1.0, control[0])]
    return _tested(evidence, quantity, terms)


Terms = Sequence[tuple[float, str]]
"""Arms, each with what a percentage point of its test accuracy adds."""


def _tested(evidence: Evidence, quantity: str, terms: Terms) -> Estimate | None:
    series = evidence.series(quantity)
    values = combined([(weight, series.get(arm, {})) for weight, arm in terms])
    return over_images(evidence, quantity, values, dict.fromkeys(values, terms))


def over_images(
    evidence: Evidence, quantity: str, values: BySeed, terms: Mapping[int, Terms]
) -> Estimate | None:
    """The mean over seeds of what is made of test accuracies: seeds and images are both drawn anew.

    Where it was not kept which images are right, images are reckoned with as if arms erred independently.

    Args:
        evidence: has the answers.
        quantity: the accuracies, in per cent.
        values: of each seed; None where there is none.
        terms: of each seed that has one; exact where the value is a sum of accuracies, else its derivatives.
    """
    effect = over_seeds(values)
    seeds = sorted(seed for seed, value in values.items() if value is not None)
    rights = {arm: evidence.right(arm) for seed in seeds for _, arm in terms[seed]}
    if effect is None:
        return None
    if not all(seed in rights[arm] for seed in seeds for _, arm in terms[seed]):
        return widened(effect, math.sqrt(_apart(evidence, quantity, terms, seeds)))
    table = np.array(
        [
            _by_image(values[seed], [(weight, rights[arm][seed]) for weight, arm in terms[seed]])
            for seed in seeds
        ]
    )
    found = over_seeds_and_images(table)
    return None if found is None else replace(found, dropped=effect.dropped)


def _by_image(value: float | None, terms: Sequence[tuple[float, NDArray[np.bool_]]]) -> NDArray[np.float64]:
    """What each image makes of the value, which is their mean."""
    shown = np.sum([100 * weight * right for weight, right in terms], axis=0)
    return np.asarray(shown + (value - shown.mean()), dtype=np.float64)


def _apart(evidence: Evidence, quantity: str, terms: Mapping[int, Terms], seeds: Sequence[int]) -> float:
    """The variance that images add if arms err independently, and each alike in all its seeds."""
    series, found = evidence.series(quantity), 0.0
    for arm in dict.fromkeys(arm for seed in seeds for _, arm in terms[seed]):
        weight = np.mean([sum(each for each, of in terms[seed] if of == arm) for seed in seeds])
        error = np.mean([series[arm][seed] * (100 - series[arm][seed]) for seed in seeds])
        found += float(weight**2 * error) / evidence.test_images
    return found


def counted(count: Callable[[NetworkCard], int]) -> Contrast:
    """How many per cent more of something a network has, exactly: of several pairs the largest."""

    def contrast(evidence: Evidence, _quantity: str, comparison: Comparison) -> Estimate | None:
        cards = evidence.cards
        if not comparison.control or not all(arm in cards for arm in comparison.arms):
            return None
        ratios = (
            count(cards[one]) / count(cards[other])
            for one, other in zip(comparison.treated, comparison.control, strict=True)
        )
        return exactly(100 * (max(ratios) - 1))

    return contrast


def per_image(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """How many per cent more time a training image takes."""
    series = evidence.series(quantity)
    ratios = []
    for one, other in zip(comparison.treated, comparison.control, strict=True):
        mine, theirs = series.get(one, {}), series.get(other, {})
        ratios.append({seed: 100 * (theirs[seed] / mine[seed] - 1) for seed in mine if seed in theirs})
    return over_seeds(combined([(1 / len(ratios), ratio) for ratio in ratios]))


def parameters_needed(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Log2 of the parameters with which treated networks come to control's accuracy, over control's.

    Of each seed, interpolated between treated networks of several sizes. A control that is less accurate than
    the smallest of them, or more accurate than all, has no value: how many parameters it would take lies
    outside of what was measured. Of the images, which move all accuracies a little, the derivatives tell.
    """
    series = evidence.series(quantity)
    sizes = {arm: math.log2(evidence.cards[arm].params) for arm in comparison.arms if arm in evidence.cards}
    if len(sizes) < len(comparison.arms):
        return None
    control = comparison.control[0]
    arms = sorted(comparison.treated, key=lambda arm: sizes[arm])
    common = set.intersection(*(set(series.get(arm, {})) for arm in comparison.arms))
    needed: dict[int, float | None] = {}
    terms: dict[int, Terms] = {}
    for seed in common:
        size, slopes = _crossing(
            [(arm, sizes[arm], series[arm][seed]) for arm in arms], series[control][seed]
        )
        needed[seed] = None if size is None else size - sizes[control]
        terms[seed] = [*slopes, (-sum(slope for slope, _ in slopes), control)]
    return over_images(evidence, quantity, needed, terms)


def _crossing(curve: list[tuple[str, float, float]], level: float) -> tuple[float | None, Terms]:
    """Where a curve of (arm, size, accuracy) first comes to `level`, and its derivatives by these accuracies.

    None if it begins above, or ends below it. The derivative by the level is less their sum.
    """
    for (small, x, low), (large, further, high) in pairwise(curve):
        if low <= level <= high and low < high:
            part, slope = (level - low) / (high - low), (further - x) / (high - low)
            return x + (further - x) * part, [(-slope * (1 - part), small), (-slope * part, large)]
        if low >= level:
            return (x if low == level else None), []
    return None, []


def time_to_loss(column: int) -> Contrast:
    """Log2 of the time to a training loss, treated over control: in epochs (column 0) or seconds (1).

    The loss is, of each seed, the lowest that both come to.
    """

    def contrast(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
        series = evidence.series(quantity)
        one, other = series.get(comparison.treated[0], {}), series.get(comparison.control[0], {})
        found: dict[int, float | None] = {}
        for seed in sorted(one.keys() & other.keys()):
            target = max(min(loss for *_, loss in curve[seed]) for curve in (one, other))
            mine, theirs = (reached(curve[seed], target, column) for curve in (one, other))
            found[seed] = math.log2(mine / theirs) if mine and theirs else None
        return over_seeds(found)

    return contrast


def reached(curve: list[list[float]], target: float, column: int) -> float | None:
    """When a curve of (epoch, seconds, loss) first comes down to `target`, its logarithm interpolated."""
    for before, after in pairwise(curve):
        if after[2] <= target:
            if not 0 < target <= before[2]:
                return before[column]
            part = (
                math.log(before[2] / target) / math.log(before[2] / after[2]) if after[2] < before[2] else 1.0
            )
            return before[column] + part * (after[column] - before[column])
    return None


def spread(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """How much farther seeds stray from their arm's median, treated minus control (Brown, Forsythe 1974)."""
    series = evidence.series(quantity)
    strays = [_strays(series.get(arms[0], {})) for arms in (comparison.treated, comparison.control)]
    return over_seeds(differences(*strays))


def _strays(values: Mapping[int, float]) -> BySeed:
    if len(values) < 2:
        return {}
    median = float(np.median(list(values.values())))
    return {seed: abs(value - median) for seed, value in values.items()}


def agreement(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Rank correlation between two arms' orders (Spearman), of equal seeds."""
    series = evidence.series(quantity)
    one, other = series.get(comparison.treated[0], {}), series.get(comparison.control[0], {})
    return over_seeds({seed: ranked(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())})


def with_itself(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """The same between an arm's seeds and the next ones: what chance alone leaves of it; mean over arms."""
    return over_seeds(
        combined(
            [
                (1 / len(comparison.treated), _with_the_next(evidence.series(quantity), arm))
                for arm in comparison.treated
            ]
        )
    )


def _with_the_next(series: Series, arm: str) -> BySeed:
    orders = series.get(arm, {})
    return {one: ranked(orders[one], orders[other]) for one, other in pairwise(sorted(orders))}


def ranked(one: list[float], other: list[float]) -> float | None:
    """Spearman's correlation; None if either does not vary."""
    if len(one) != len(other) or len(set(one)) < 2 or len(set(other)) < 2:
        return None
    # as scipy's spearmanr, without its p-value and the second that importing it takes
    ranks = np.column_stack([pl.Series(each, dtype=pl.Float64).rank().to_numpy() for each in (one, other)])
    return float(np.asarray(np.corrcoef(ranks, rowvar=False))[1, 0])
