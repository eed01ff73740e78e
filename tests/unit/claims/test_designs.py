"""Contrasts of whole designs: agreement over its ceiling, and what the rate explains beside the arm."""

from math import exp, log

import numpy as np
import pytest
from made_up_evidence import evidence
from scipy.stats import spearmanr

from skipscope.analysis.statistics import Estimate
from skipscope.claims.designs import agreement_over_ceiling, rate_over_arm
from skipscope.spec.comparison import Comparison

PAIR = Comparison(treated="resnet8", control="plain8", factor="network")
RATES = (0.02, 0.05, 0.1, 0.2)


def orders(rng: np.random.Generator, seeds: int, *, own: float, items: int = 60) -> dict[str, dict]:
    """Orders of two arms: a common part, a part of each arm (`own`), and noise of each run."""
    common = rng.normal(size=items)
    arms = {arm: common + own * rng.normal(size=items) for arm in ("resnet8", "plain8")}
    return {
        arm: {seed: (shape + rng.normal(size=items)).tolist() for seed in range(seeds)}
        for arm, shape in arms.items()
    }


def agreement(values: dict[str, dict]) -> Estimate | None:
    return agreement_over_ceiling(evidence("resnet8", "plain8").replaced("q", values), "q", PAIR)


def test_agreement_is_told_in_shares_of_its_ceiling() -> None:
    values = orders(np.random.default_rng(0), 5, own=0.7)

    def mean(one: str, other: str) -> float:
        pairs = [(s, t) for s in range(5) for t in range(5) if s != t]
        return np.mean([spearmanr(values[one][s], values[other][t]).statistic for s, t in pairs])

    expected = mean("resnet8", "plain8") / np.sqrt(mean("resnet8", "resnet8") * mean("plain8", "plain8"))
    found = agreement(values)
    assert found.n == 5
    # the jackknife takes a bias of order 1/n away, which here is a few hundredths
    assert exp(found.value) == pytest.approx(expected, abs=0.03)
    assert exp(found.value) < 0.95


def test_its_interval_covers_arms_that_learn_alike() -> None:
    """Where the arms share everything but noise, the ratio is 1."""
    rng = np.random.default_rng(1)
    found = [agreement(orders(rng, 6, own=0.0, items=40)) for _ in range(60)]
    # 60 studies: a standard error of 2.8 points
    assert np.mean([each.low <= 0 <= each.high for each in found]) >= 0.88
    assert np.mean([each.value for each in found]) == pytest.approx(0, abs=0.03)


def test_too_few_seeds_and_no_agreement_have_no_ratio() -> None:
    rng = np.random.default_rng(2)
    assert agreement(orders(rng, 2, own=0.0)) is None
    values = orders(rng, 4, own=0.0)
    values["plain8"] = {seed: [-x for x in order] for seed, order in values["plain8"].items()}
    assert agreement(values) is None  # they agree on the contrary
    short = orders(rng, 4, own=0.0)
    short["plain8"][0] = [1.0] * 60
    assert agreement(short).n == 3  # an order without differences is none


def rated(values: dict[str, dict], rates: tuple[float, ...] = RATES) -> Estimate | None:
    arms = [
        {"model": model, "name": f"{model}_{rate:g}".replace(".", "_"), "recipe": {"learning_rate": rate}}
        for model in ("resnet8", "plain8")
        for rate in rates
    ]
    found = evidence(arm=arms).replaced("q", values)
    labels = [arm["name"] for arm in arms]
    pairs = Comparison(
        treated=tuple(labels[: len(rates)]),
        control=tuple(labels[len(rates) :]),
        factor="shortcut",
        across="rate",
    )
    return rate_over_arm(found, "q", pairs)


def names(model: str) -> list[str]:
    return [f"{model}_{rate:g}".replace(".", "_") for rate in RATES]


@pytest.mark.parametrize(("slope", "step", "expected"), [(1.0, 0.0, 1.0), (0.0, 1.0, -1.0), (0.0, 0.0, None)])
def test_the_rate_or_the_arm_explains_everything(slope: float, step: float, expected: float | None) -> None:
    values = {
        name: {seed: slope * log(rate) + step * (model == "plain8") + seed for seed in range(3)}
        for model in ("resnet8", "plain8")
        for name, rate in zip(names(model), RATES, strict=True)
    }
    found = rated(values)
    if expected is None:
        assert found is None  # nothing varies within a seed
    else:
        assert (found.value, found.n) == (pytest.approx(expected), 3)


def test_shares_are_those_of_a_regression() -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=(2, 4)) + np.log(RATES)
    values = {
        name: {0: float(y[row, column])}
        for row, model in enumerate(("resnet8", "plain8"))
        for column, name in enumerate(names(model))
    }
    x = np.tile(np.log(RATES), 2)
    line = np.corrcoef(x, y.ravel())[0, 1] ** 2
    arm = np.corrcoef(np.repeat([0, 1], 4), y.ravel())[0, 1] ** 2
    assert rated(values).value == pytest.approx(line - arm)
    values[names("plain8")[0]] = {0: None}
    assert rated(values) is None


def test_rates_that_differ_between_arms_explain_nothing() -> None:
    values = {name: {0: 1.0} for model in ("resnet8", "plain8") for name in names(model)}
    unequal = Comparison(
        treated=tuple(names("resnet8")), control=tuple(reversed(names("plain8"))), factor="shortcut"
    )
    arms = [
        {"model": model, "name": name, "recipe": {"learning_rate": rate}}
        for model in ("resnet8", "plain8")
        for name, rate in zip(names(model), RATES, strict=True)
    ]
    assert rate_over_arm(evidence(arm=arms).replaced("q", values), "q", unequal) is None
