"""Simulates studies in which every arm draws from one distribution, so that no arm differs from another.

Test accuracies lie on one curve against parameters. Any verdict on them is a false positive. An effect is
planted by shifting the estimate of a contrast, which equals shifting an arm's runs; for the parameters needed
for an accuracy, which have no value outside the curve, the runs themselves are shifted.

A run's number is the sum of a seed effect, shared by all arms of that seed, and noise. The noise is scaled so
that the standard deviation of a paired difference is a given share of the smallest effect worth having.
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import cache
from math import log2, sqrt
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.analysis.quantities import Series
from skipscope.analysis.statistics import Estimate
from skipscope.claims import structure
from skipscope.claims.catalogue import Claim, Part, catalogue
from skipscope.claims.contrasts import parameters_needed, slope, slope_by_doubling
from skipscope.claims.curves import ranked
from skipscope.claims.evidence import Evidence, Planned
from skipscope.claims.measurements import shipped
from skipscope.records.schema import NetworkCard
from skipscope.spec import StudySpec, network_name
from skipscope.spec.comparison import Comparison

TEST_IMAGES, ACCURACY = 2_000, 0.6
POINTS_A_DOUBLING, PARAMETERS = 1.07, 270_000
"""Percentage points of test accuracy per doubling of parameters (He et al. 2015, Table 6, resnet20 to
resnet56), and the parameters at which accuracy is `ACCURACY`."""
CLASSES, IMAGES, EPOCHS = 10, 200, 5
"""Lengths of the learning orders and of the loss curves."""


@cache
def smallest_effects() -> Mapping[str, float]:
    """The smallest effect worth having of each quantity, between two runs."""
    found: dict[str, float] = {}
    for part in (part for claim in catalogue().values() for part in claim.parts.values()):
        if part.contrast not in (slope, slope_by_doubling) or part.quantity == "branches":
            found[part.quantity] = min(abs(part.bound), found.get(part.quantity, np.inf))
    return found


class Simulated(Planned):
    """A study whose arms are all the same."""

    def __init__(
        self, study: StudySpec, cards: Mapping[str, NetworkCard], rng: np.random.Generator, *, share: float
    ) -> None:
        """`share`: standard deviation of a paired difference, over the smallest effect worth having."""
        super().__init__(study)
        self.data, self.test_images = "simulated", TEST_IMAGES
        self.cards, self.rng, self.share = cards, rng, share
        self.drawn: dict[str, Series] = {}
        self._right: dict[str, dict[int, NDArray[np.bool_]]] = {}

    def series(self, quantity: str) -> Series:
        """A quantity of every arm, drawn at the first call."""
        if quantity not in self.drawn:
            self.drawn[quantity] = self._draw(quantity)
        return self.drawn[quantity]

    def right(self, arm: str) -> dict[int, NDArray[np.bool_]]:
        """Which test images the runs of an arm classify correctly, in accord with their accuracies."""
        self.series("test accuracy")
        return self._right.get(arm, {})

    def _draw(self, quantity: str) -> Series:
        start = quantity.endswith("at the start")
        arms = [arm for arm in (self.models if start else self.trained_arms) if self._applies(quantity, arm)]
        seeds = max(self.study.seeds, self.study.initial_seeds if start else 0)
        scale = self.share * smallest_effects()[quantity]
        noise = scale / sqrt(2) * self.rng.normal(size=(len(arms), seeds))
        common = scale * self.rng.normal(size=seeds)
        if quantity in _ORDERS:
            orders = _orders(self.rng, _ORDERS[quantity], (len(arms), seeds))
            return {arm: dict(enumerate(runs.tolist())) for arm, runs in zip(arms, orders, strict=True)}
        make: Make = _MADE.get(quantity, add)
        found = {
            arm: {seed: make(common[seed], noise[index, seed]) for seed in range(seeds)}
            for index, arm in enumerate(arms)
        }
        return self._tested(found) if quantity == "test accuracy" else found

    def raised(self, quantity: str, arms: tuple[str, ...], by: float) -> "Simulated":
        """The same draws, with the quantity of these arms raised by a constant."""
        found, known = copy(self), self.series(quantity)
        higher = {arm: {seed: value + by for seed, value in known[arm].items()} for arm in arms}
        found.drawn = self.drawn | {quantity: {**known, **higher}}
        return found

    def _applies(self, quantity: str, arm: str) -> bool:
        """Whether the network has what the quantity describes: gates, or layers that read several sources."""
        if quantity.startswith("reuse"):
            return structure.concatenation(self.cards[arm]) != "none"
        of_gates = "gates" in quantity or quantity in ("class share", "saturation")
        return not of_gates or structure.gates(self.cards[arm]) != "none"

    def _tested(self, accuracies: Mapping[str, Mapping[int, float]]) -> dict[str, dict[int, float]]:
        """Draws which images are right (the same ones are hard for all arms); returns the accuracies."""
        hard = self.rng.normal(size=TEST_IMAGES)
        for arm, runs in accuracies.items():
            size = POINTS_A_DOUBLING * log2(self.cards[arm].params / PARAMETERS)  # all lie on one curve
            self._right[arm] = {}
            for seed, drawn in runs.items():
                ease = hard + self.rng.normal(size=TEST_IMAGES)
                shown = self._right[arm][seed] = np.zeros(TEST_IMAGES, dtype=bool)
                shown[np.argsort(ease)[: round(np.clip(drawn + size, 0, 100) / 100 * TEST_IMAGES)]] = True
        return {
            arm: {seed: 100 * float(right.mean()) for seed, right in runs.items()}
            for arm, runs in self._right.items()
        }


Make = Callable[[float, float], Any]


def _curve(common: float, noise: float) -> list[list[float]]:
    """A loss that falls as a power of time; the noise is in log2 of its speed."""
    pace = 2 ** (0.1 * common + noise)
    return [[float(e), 10.0 * e, 2.3 * (1 + pace * e) ** -0.8] for e in range(EPOCHS + 1)]


_MADE: Mapping[str, Make] = {
    "test accuracy": lambda common, noise: 100 * ACCURACY + common + noise,
    "loss curve": _curve,
}
"""What the common and the run's own noise make of a quantity, other than their sum."""
_ORDERS = {"class order": CLASSES, "image order": IMAGES}


def _orders(rng: np.random.Generator, of: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How late each item is learnt: a common part, and noise of each run with a third of its spread."""
    return rng.normal(size=of) + rng.normal(size=(*shape, of)) / 3


@cache
def centre(quantity: str) -> float:
    """Mean rank correlation of two such orders, when no effect is planted; 0 for other quantities."""
    if quantity not in _ORDERS:
        return 0.0
    rng = np.random.default_rng(0)
    found = [ranked(*_orders(rng, _ORDERS[quantity], (2,)).tolist()) for _ in range(500)]
    return float(np.mean([value for value in found if value is not None]))


def is_unpaired(part: Part) -> bool:
    """Whether a part is measured on networks without a control."""
    return any(each.alone for each in part.comparisons(shipped(part.study)))


def no_effect(part: Part, *, unpaired: bool) -> float:
    """The effect if no arm differs; for single networks, and for parts that hold at 0, the bound."""
    b = part.bound
    holds_at_0 = {"above": b < 0, "below": b > 0, "apart": False, "within": True}[part.direction]
    return b if unpaired or holds_at_0 else 0.0


def at_bound(part: Part, **_: bool) -> float:
    """The smallest effect worth having itself: neither verdict is right."""
    return part.bound


def twice(part: Part, **_: bool) -> float:
    """As far beyond the bound as the bound is from 0: twice the smallest effect worth having."""
    towards = {"above": 1, "below": -1, "apart": 1, "within": -1}[part.direction]
    return part.bound + towards * abs(part.bound)


def planted(effect: Callable[..., float]) -> list[Claim]:
    """The claims, with contrasts that measure as if `effect(part, unpaired=...)` were true."""
    return [
        claim.model_copy(update={"parts": {id: _shifted(part, effect) for id, part in claim.parts.items()}})
        for claim in catalogue().values()
    ]


def _shifted(part: Part, effect: Callable[..., float]) -> Part:
    def contrast(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
        if part.contrast is parameters_needed and isinstance(evidence, Simulated):
            points = -effect(part, unpaired=False) * POINTS_A_DOUBLING
            evidence = evidence.raised(quantity, comparison.treated, points)
            return parameters_needed(evidence, quantity, comparison)
        found = part.contrast(evidence, quantity, comparison)
        if found is None or found.exact:
            return found
        shift = effect(part, unpaired=comparison.alone) - centre(quantity)
        moved = replace(found, value=found.value + shift, level=False)
        return replace(moved, low=found.low + shift, high=found.high + shift)

    return part.model_copy(update={"contrast": contrast, "scale": "linear"})


def cards_of(study: StudySpec, describe: Callable[[str], NetworkCard]) -> dict[str, NetworkCard]:
    """The networks of a study by arm, described by `describe` (`anatomy.describe`)."""
    models = {arm.label: arm.model for arm in study.arm} | {network_name(m): m for m in study.initial}
    return {arm: describe(model) for arm, model in models.items()}
