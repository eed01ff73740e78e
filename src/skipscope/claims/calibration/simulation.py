"""Studies that were never run: every arm draws from one distribution, so that no arm differs from another.

Of test accuracies it is one curve, against parameters. What a claim says of them is a false alarm. An effect
is planted by shifting what a contrast came to, which is what shifting an arm's runs by it would come to; of
the parameters that it takes to come to an accuracy, which have no value outside of the curve, by shifting the
runs themselves.

A run's number is a seed's own, which all arms of that seed share, and noise. The noise is such that the
difference of two runs spreads by a given share of the smallest effect worth having.
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import cache
from math import log2, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipscope.analysis.statistics import Estimate
from skipscope.claims import structure
from skipscope.claims.catalogue import catalogue
from skipscope.claims.contrasts import Contrast, parameters_needed, ranked, slope, slope_by_doubling
from skipscope.claims.evaluate import QUESTIONS
from skipscope.claims.evidence import Evidence, Planned, Series
from skipscope.claims.model import Part
from skipscope.claims.question import Question
from skipscope.records.schema import NetworkCard
from skipscope.spec import StudySpec, network_name
from skipscope.spec.comparison import Comparison

TEST_IMAGES, ACCURACY = 2_000, 0.6
POINTS_A_DOUBLING, PARAMETERS = 1.07, 270_000
"""Of test accuracy with each doubling of parameters (He et al. 2015, Table 6, resnet20 to resnet56)."""
CLASSES, IMAGES, EPOCHS = 10, 200, 5
"""Of the orders of learning, and of the curves."""
Parts = Mapping[str, Mapping[str, Part]]


def parts() -> Parts:
    """Every claim's parts, by id."""
    return {listed.id: {part.id: part for part in listed.claim.part} for listed in catalogue()}


def worth_having() -> dict[str, float]:
    """Of each quantity the smallest effect that a part takes for worth having, between two runs."""
    known, found = parts(), dict[str, float]()
    for id, questions in QUESTIONS.items():
        for question in questions:
            part = known[id][question.part]
            if question.by not in (slope, slope_by_doubling) or question.quantity == "branches":
                found[question.quantity] = min(abs(part.bound), found.get(question.quantity, np.inf))
    return found


class Simulated(Planned):
    """A study of which every arm is the same."""

    def __init__(
        self, study: StudySpec, cards: Mapping[str, NetworkCard], rng: np.random.Generator, *, share: float
    ) -> None:
        """`share` of the effect worth having is what the difference of two runs spreads by."""
        super().__init__(study)
        self.cards, self.rng, self.share = cards, rng, share
        self.worth = worth_having()
        self.drawn: dict[str, Series] = {}
        self._right: dict[str, dict[int, NDArray[np.bool_]]] = {}

    @property
    def data(self) -> str:
        """No data set."""
        return "simulated"

    @property
    def command(self) -> str:
        """None makes it again."""
        return ""

    @property
    def test_images(self) -> int:
        """As many as are drawn."""
        return TEST_IMAGES

    def series(self, quantity: str) -> Series:
        """Drawn when it is asked for first."""
        if quantity not in self.drawn:
            self.drawn[quantity] = self._draw(quantity)
        return self.drawn[quantity]

    def right(self, arm: str) -> dict[int, NDArray[np.bool_]]:
        """Which test images its runs classify rightly, as their accuracies say."""
        self.series("test accuracy")
        return self._right.get(arm, {})

    def _draw(self, quantity: str) -> Series:
        start = quantity.endswith("at the start")
        arms = [arm for arm in (self.models if start else self.trained_arms) if self._applies(quantity, arm)]
        seeds = max(self.study.seeds, self.study.initial_seeds if start else 0)
        shape = len(arms), seeds
        scale = self.share * self.worth[quantity]
        noise = scale / sqrt(2) * self.rng.normal(size=shape)
        common = scale * self.rng.normal(size=seeds)
        if quantity in _ORDERS:
            return self._ordered(_ORDERS[quantity], arms, seeds)
        make = _MADE.get(quantity, _number)
        found = {
            arm: {seed: make(self, noise[place, seed], common[seed]) for seed in range(seeds)}
            for place, arm in enumerate(arms)
        }
        if quantity == "test accuracy":
            found = self._tested(found)
        return found

    def moved(self, quantity: str, arms: tuple[str, ...], by: float) -> "Simulated":
        """The same draws, with these arms' higher by so much."""
        found, known = copy(self), self.series(quantity)
        raised = {arm: {seed: value + by for seed, value in known[arm].items()} for arm in arms}
        found.drawn = self.drawn | {quantity: {**known, **raised}}
        return found

    def _for_its_size(self, arm: str) -> float:
        """Percentage points that its parameters bring: all networks lie on one curve."""
        return POINTS_A_DOUBLING * log2(self.cards[arm].params / PARAMETERS)

    def _applies(self, quantity: str, arm: str) -> bool:
        """Whether there is such a thing in its network: gates, layers that read several sources."""
        if quantity.startswith("reuse"):
            return structure.concatenation(self.cards[arm]) != "none"
        if "gates" in quantity or quantity in ("class share", "saturation"):
            return structure.gate(self.cards[arm]) != "none"
        return True

    def _ordered(self, of: int, arms: list[str], seeds: int) -> Series:
        """Orders that all have in common, and noise that is each run's own."""
        return {
            arm: {seed: list(order) for seed, order in enumerate(orders)}
            for arm, orders in zip(arms, _orders(self.rng, of, (len(arms), seeds)), strict=True)
        }

    def _tested(self, accuracies: Mapping[str, Mapping[int, float]]) -> dict[str, dict[int, float]]:
        """Which images are right, hard ones less often, alike for all; accuracies are what comes of it."""
        hard = self.rng.normal(size=TEST_IMAGES)
        for arm, runs in accuracies.items():
            self._right[arm] = {}
            for seed, drawn in runs.items():
                accuracy = drawn + self._for_its_size(arm)
                ease = hard + self.rng.normal(size=TEST_IMAGES)
                shown = np.zeros(TEST_IMAGES, dtype=bool)
                shown[np.argsort(ease)[: round(np.clip(accuracy, 0, 100) / 100 * TEST_IMAGES)]] = True
                self._right[arm][seed] = shown
        return {
            arm: {seed: 100 * float(right.mean()) for seed, right in runs.items()}
            for arm, runs in self._right.items()
        }


Make = Callable[[Simulated, float, float], Any]


def _number(_study: Simulated, noise: float, common: float) -> Any:
    return common + noise


def _accuracy(_study: Simulated, noise: float, common: float) -> Any:
    return 100 * ACCURACY + common + noise


def _speed(_study: Simulated, noise: float, common: float) -> Any:
    return 100 * float(np.exp(0.01 * (common / 10 + noise)))


def _curve(_study: Simulated, noise: float, common: float) -> Any:
    """A loss that falls as a power of time; the noise is in how fast, as log2."""
    pace = 2 ** (0.1 * common + noise)
    return [[float(e), 10.0 * e, 2.3 * (1 + pace * e) ** -0.8] for e in range(EPOCHS + 1)]


_MADE: Mapping[str, Make] = {
    "test accuracy": _accuracy,
    "images per second": _speed,
    "loss curve": _curve,
}
_ORDERS = {"class order": CLASSES, "image order": IMAGES}


def _orders(rng: np.random.Generator, of: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """How late each of so many is learnt: in common, and as much as a third of that a run's own."""
    return rng.normal(size=of) + rng.normal(size=(*shape, of)) / 3


@cache
def centre(quantity: str) -> float:
    """What the rank correlation of two such orders comes to, on average: where no effect is planted."""
    if quantity not in _ORDERS:
        return 0.0
    rng = np.random.default_rng(0)
    found = [ranked(*(list(o) for o in _orders(rng, _ORDERS[quantity], (2,)))) for _ in range(500)]
    return float(np.mean([value for value in found if value is not None]))


def null(part: Part, *, alone: bool) -> float:
    """The effect where no arm differs; of what is asked of single networks, or holds at 0, the bound."""
    holds_at_0 = {
        "above": part.bound < 0,
        "below": part.bound > 0,
        "apart": False,
        "within": True,
    }[part.direction]
    return part.bound if alone or holds_at_0 else 0.0


def at_bound(part: Part, **_: bool) -> float:
    """The smallest effect worth having itself: neither verdict is right."""
    return part.bound


def beyond(part: Part, **_: bool) -> float:
    """As far beyond the bound as that is from 0: twice the smallest effect worth having."""
    towards = {"above": 1, "below": -1, "apart": 1, "within": -1}[part.direction]
    return part.bound + towards * abs(part.bound)


def planted(effect: Callable[..., float]) -> dict[str, tuple[Question, ...]]:
    """The questions, each answered as if `effect(part, alone=...)` were there."""
    known = parts()
    return {
        id: tuple(
            replace(question, by=_shifted(question.by, known[id][question.part], effect))
            for question in questions
        )
        for id, questions in QUESTIONS.items()
    }


def _shifted(by: Contrast, part: Part, effect: Callable[..., float]) -> Contrast:
    def contrast(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
        if by is parameters_needed and isinstance(evidence, Simulated):
            points = -effect(part, alone=False) * POINTS_A_DOUBLING
            return by(evidence.moved(quantity, comparison.treated, points), quantity, comparison)
        found = by(evidence, quantity, comparison)
        if found is None or found.exact:
            return found
        by_so_much = effect(part, alone=comparison.alone)
        by_so_much -= centre(quantity)
        return replace(
            found,
            value=found.value + by_so_much,
            low=found.low + by_so_much,
            high=found.high + by_so_much,
        )

    return contrast


def cards_of(study: StudySpec, describe: Callable[[str], NetworkCard]) -> dict[str, NetworkCard]:
    """The networks of a study by arm, as `describe` (`anatomy.describe`) says they are."""
    models = {arm.label: arm.model for arm in study.arm}
    models |= {network_name(model): model for model in study.initial}
    return {arm: describe(model) for arm, model in models.items()}
