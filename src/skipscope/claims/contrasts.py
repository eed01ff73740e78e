"""Contrasts turn a quantity of several arms into an effect.

A contrast takes the evidence, the name of a quantity and a comparison. It is None if a run that it needs is
missing. The values are on the scale of the part that asks (`asked.py`). `CONTRASTS` names them for the
claims' TOML.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skipscope.analysis.statistics import (
    BySeed,
    Estimate,
    combined,
    exactly,
    over_seeds,
    over_seeds_and_images,
    slopes,
    widened,
)
from skipscope.claims import structure
from skipscope.claims.curves import Terms, crossing, reached
from skipscope.claims.designs import agreement_over_ceiling, rate_over_arm
from skipscope.claims.evidence import Evidence
from skipscope.records.network_card import NetworkCard
from skipscope.spec.comparison import Arms, Comparison

Contrast = Callable[[Evidence, str, Comparison], Estimate | None]


def weighted(terms: Callable[[Comparison], Terms], *, images: bool = False) -> Contrast:
    """Weighted sum of the arms' values, over seeds; of accuracies over `images` as well."""

    def contrast(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
        series, weights = evidence.series(quantity), terms(comparison)
        values = combined([(weight, series.get(arm, {})) for weight, arm in weights])
        found = (
            over_images(evidence, quantity, values, dict.fromkeys(values, weights))
            if images
            else over_seeds(values)
        )
        level = abs(sum(weight for weight, _ in weights)) > 0.5  # of differences it is 0, else 1
        return found and replace(found, level=level)

    return contrast


def seed_by_seed(of: Callable[[Any, Any], float | None]) -> Contrast:
    """A function of both arms' values, for each seed that both have; mean over the pairs."""

    def contrast(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
        series = evidence.series(quantity)
        found = []
        for treated, control in zip(comparison.treated, comparison.control, strict=True):
            one, other = series.get(treated, {}), series.get(control, {})
            values = {seed: of(one[seed], other[seed]) for seed in one.keys() & other.keys()}
            found.append((1 / len(comparison.treated), values))
        return over_seeds(combined(found))

    return contrast


def slope_over(scale: Callable[[float], float]) -> Contrast:
    """Slope against the scaled depth: treated minus control, or treated alone."""

    def contrast(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
        series, terms = evidence.series(quantity), []
        for sign, arms in ((1.0, comparison.treated), (-1.0, comparison.control)):
            if arms:
                depths = map(scale, evidence.depths(arms))
                curve = {depth: series.get(arm, {}) for depth, arm in zip(depths, arms, strict=True)}
                terms.append((sign, slopes(curve)))
        return over_seeds(combined(terms))

    return contrast


def _paired(comparison: Comparison) -> Terms:
    share = 1 / len(comparison.treated)
    treated = [(share, arm) for arm in comparison.treated]
    return [*treated, *((-share, arm) for arm in comparison.control)]


def _growth_beyond(one: Arms, other: Arms) -> Terms:
    """What depth (or the other factor of a 2 x 2 design) adds to one side minus what it adds to the other."""
    return [(1.0, one[-1]), (-1.0, other[-1]), (-1.0, one[0]), (1.0, other[0])]


def _common(treated: Mapping[str, float] | None, control: Mapping[str, float] | None) -> float | None:
    if treated is None or control is None:
        return None
    shared = treated.keys() & control.keys()
    return math.fsum(treated[name] - control[name] for name in shared) / len(shared) if shared else None


def time_to_loss(column: int) -> Contrast:
    """Log2 of the time to a training loss, treated over control, in epochs (column 0) or seconds (1).

    For each seed the loss is the lowest that both reach.
    """

    def log_ratio(one: list[list[float]], other: list[list[float]]) -> float | None:
        target = max(min(loss for *_, loss in curve) for curve in (one, other))
        mine, theirs = (reached(curve, target, column) for curve in (one, other))
        return math.log2(mine / theirs) if mine and theirs else None

    return seed_by_seed(log_ratio)


mean_difference = weighted(_paired)
"""Treated minus control, mean over the pairs; without a control the mean of the treated arms."""
accuracy_difference = weighted(_paired, images=True)
"""Test accuracy in percentage points, treated minus control, mean over the pairs."""
growth = weighted(lambda pairs: [(1.0, pairs.treated[-1]), (-1.0, pairs.treated[0])])
"""What depth adds to treated, from the least to the greatest."""
deep_minus_shallow = weighted(lambda pairs: _growth_beyond(pairs.control, pairs.treated))
"""What depth adds to control minus what it adds to treated, from the least to the greatest depth."""
growth_of_difference = weighted(lambda pairs: _growth_beyond(pairs.treated, pairs.control))
"""What depth adds to treated minus what it adds to control: how much the difference grows."""
same_blocks = seed_by_seed(_common)
"""Treated minus control, mean over the modules that have a value in both."""
interaction = weighted(lambda pairs: _growth_beyond(pairs.treated[:2], pairs.control[:2]), images=True)
"""Interaction of the two factors of a 2 x 2 design: the second pair's difference minus the first's."""
slope = slope_over(lambda depth: depth / 10)
"""Per ten layers."""


def over_images(
    evidence: Evidence, quantity: str, values: BySeed, terms: Mapping[int, Terms]
) -> Estimate | None:
    """Mean over seeds of a function of test accuracies, resampling both seeds and test images.

    Runs that do not say which images they classify correctly are treated as if arms erred independently.

    Args:
        evidence: which images each run classifies correctly.
        quantity: the accuracies, in per cent.
        values: the function's value for each seed; None where there is none.
        terms: for each seed with a value, the arms and the derivatives by their accuracies (the weights
            themselves where the value is a weighted sum).
    """
    effect = over_seeds(values)
    if effect is None:
        return None
    seeds = sorted(seed for seed, value in values.items() if value is not None)
    rights = {arm: evidence.right(arm) for seed in seeds for _, arm in terms[seed]}
    if not all(seed in rights[arm] for seed in seeds for _, arm in terms[seed]):
        return widened(effect, math.sqrt(_independent_variance(evidence, quantity, terms, seeds)))
    table = []  # contribution of each image to each seed's value, which is their mean
    for seed in seeds:
        shown = np.sum([100 * weight * rights[arm][seed] for weight, arm in terms[seed]], axis=0)
        table.append(shown + (values[seed] - shown.mean()))
    found = over_seeds_and_images(np.array(table))
    return None if found is None else replace(found, dropped=effect.dropped)


def _independent_variance(
    evidence: Evidence, quantity: str, terms: Mapping[int, Terms], seeds: Sequence[int]
) -> float:
    """The variance due to test images if arms err independently, and each on the same images in all seeds."""
    series, found = evidence.series(quantity), 0.0
    for arm in dict.fromkeys(arm for seed in seeds for _, arm in terms[seed]):
        weight = np.mean([sum(each for each, of in terms[seed] if of == arm) for seed in seeds])
        error = np.mean([series[arm][seed] * (100 - series[arm][seed]) for seed in seeds])
        found += float(weight**2 * error) / evidence.test_images
    return found


def growth_per_ten_layers(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """What the step from the least to the greatest depth adds to treated, per ten layers of the step."""
    arms = comparison.treated[0], comparison.treated[-1]
    series, (shallow, deep) = evidence.series(quantity), evidence.depths(arms)
    share = 10 / (deep - shallow)
    return over_seeds(combined([(share, series.get(arms[1], {})), (-share, series.get(arms[0], {}))]))


def counted(count: Callable[[NetworkCard], int]) -> Contrast:
    """Per cent by which a count of the network grows, exactly; of several pairs the largest."""

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


def parameters_needed(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Log2 of the parameters that treated networks need for control's accuracy, over control's own.

    Interpolated for each seed between treated networks of several sizes. There is no value if control is less
    accurate than the smallest of them or more accurate than all: the answer lies outside the measured range.
    The variance due to test images follows from the derivatives by each accuracy.
    """
    series = evidence.series(quantity)
    if not set(comparison.arms) <= evidence.cards.keys():
        return None
    sizes = {arm: math.log2(evidence.cards[arm].params) for arm in comparison.arms}
    control = comparison.control[0]
    arms = sorted(comparison.treated, key=lambda arm: sizes[arm])
    common = set.intersection(*(set(series.get(arm, {})) for arm in comparison.arms))
    needed: dict[int, float | None] = {}
    terms: dict[int, Terms] = {}
    for seed in common:
        size, slopes = crossing([(arm, sizes[arm], series[arm][seed]) for arm in arms], series[control][seed])
        needed[seed] = None if size is None else size - sizes[control]
        terms[seed] = [*slopes, (-sum(slope for slope, _ in slopes), control)]
    return over_images(evidence, quantity, needed, terms)


CONTRASTS: Mapping[str, Contrast] = {
    "mean_difference": mean_difference,
    "slope": slope,
    "deep_minus_shallow": deep_minus_shallow,
    "growth": growth,
    "growth_per_ten_layers": growth_per_ten_layers,
    "growth_of_difference": growth_of_difference,
    "same_blocks": same_blocks,
    "agreement_over_ceiling": agreement_over_ceiling,
    "rate_over_arm": rate_over_arm,
    "accuracy_difference": accuracy_difference,
    "interaction": interaction,
    "extra_parameters": counted(lambda card: card.params),
    "extra_arithmetic": counted(lambda card: card.macs),
    "extra_memory": counted(structure.kept),
    "parameters_needed": parameters_needed,
    "epochs_to_loss": time_to_loss(0),
    "seconds_to_loss": time_to_loss(1),
}
"""By name, as the claims' TOML has it."""

ON_LOG_SCALE: frozenset[Contrast] = frozenset({agreement_over_ceiling})
"""Those that are the logarithm of a ratio, whatever the values' own scale."""
