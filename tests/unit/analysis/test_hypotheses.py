"""One-sided tests, Holm's correction by hand, and how many seeds it takes."""

from math import inf

import numpy as np
import pytest
from scipy import stats

from skipscope.analysis.hypotheses import (
    holm,
    holm_levels,
    p_above,
    p_below,
    power,
    seeds_needed,
    spread_interval,
)
from skipscope.analysis.statistics import exactly, over_seeds


def test_they_are_students() -> None:
    d = np.random.default_rng(0).normal(0.4, 1, 9)
    found = over_seeds(dict(enumerate(d)))
    above = stats.ttest_1samp(d, 0.1, alternative="greater").pvalue
    assert p_above(found, 0.1) == pytest.approx(above)
    assert p_below(found, 0.1) == pytest.approx(1 - above)


def test_what_is_certain_needs_no_test() -> None:
    assert (p_above(exactly(2.0), 1.0), p_above(exactly(2.0), 2.0), p_below(exactly(2.0), 3.0)) == (0, 1, 0)
    same = over_seeds({0: 2.0, 1: 2.0})
    assert (p_above(same, 1.0), p_below(same, 1.0)) == (0, 1)
    one = over_seeds({0: 2.0})  # a single pair is no certainty
    assert (p_above(one, 1.0), p_below(one, 3.0)) == (1, 1)


def test_holm_by_hand() -> None:
    # sorted: 0.005 x 4 = 0.02; 0.011 x 3 = 0.033; 0.02 x 2 = 0.04; 0.02 x 1, but no less than before it
    found = holm({"a": 0.02, "b": 0.005, "c": 0.02, "d": 0.011})
    assert found == pytest.approx({"a": 0.04, "b": 0.02, "c": 0.04, "d": 0.033})
    assert list(found) == ["a", "b", "c", "d"]
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_the_level_of_a_step_decides_as_holm_does() -> None:
    """An interval of a member's level excludes the bound if, and only if, Holm rejects the member."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        ps = {str(k): float(p) for k, p in enumerate(rng.random(6) ** 4 / 2)}
        levels, adjusted = holm_levels(ps), holm(ps)
        assert {name: ps[name] <= levels[name] for name in ps} == {
            name: adjusted[name] <= 0.05 for name in ps
        }
    assert holm_levels({"a": 0.001, "b": 0.02, "c": 0.9}) == pytest.approx(
        {"a": 0.05 / 3, "b": 0.05 / 2, "c": 0.05}
    )
    # the first stops it: the others would pass their own levels, and are shown at the one at which it stopped
    assert set(holm_levels({"a": 0.03, "b": 0.031, "c": 0.04}).values()) == {0.05 / 3}
    assert holm_levels({}) == {}


def test_the_interval_of_a_spread_is_of_chi_square() -> None:
    low, high = spread_interval(2.0, 4)
    assert (4 * 4 / low**2, 4 * 4 / high**2) == pytest.approx(tuple(stats.chi2.ppf([0.975, 0.025], 4)))


def test_power_is_what_simulation_says() -> None:
    rng = np.random.default_rng(0)
    n, gap, spread = 6, 1.2, 1.0
    draws = rng.normal(gap, spread, (20_000, n))
    errors = draws.std(1, ddof=1) / np.sqrt(n)
    found = (draws.mean(1) - stats.t.ppf(0.975, n - 1) * errors > 0).mean()
    # 20,000 draws: a standard error of 0.3 points
    assert power(gap, spread / np.sqrt(n), n - 1) == pytest.approx(found, abs=0.012)
    assert power(gap, 0.0, n - 1) == 1
    assert power(0.0, 0.0, n - 1) == 0
    assert power(gap, 0.5, n - 1, level=0.01) < power(gap, 0.5, n - 1)


def test_seeds_needed_are_the_fewest() -> None:
    needed = seeds_needed(1.0, 1.0)
    assert power(1.0, 1 / needed**0.5, needed - 1) >= 0.8
    assert power(1.0, 1 / (needed - 1) ** 0.5, needed - 2) < 0.8
    assert seeds_needed(1.0, 1.0, least=40) == 40
    assert seeds_needed(1.0, 1.0, level=0.005) > needed


@pytest.mark.parametrize(("gap", "spread", "needed"), [(0.284, 0.169, 8), (5.65, 4.5, 11)])
def test_a_power_too_near_to_one_to_be_told_from_it_is_one(gap: float, spread: float, needed: int) -> None:
    assert seeds_needed(gap, spread, least=6, level=0.01) == needed
    powers = [power(gap, spread / n**0.5, n - 1, level=0.01) for n in range(2, 1_001)]
    assert powers == sorted(powers)
    assert powers[-1] == 1


def test_seeds_needed_are_what_one_finds_by_trying_each() -> None:
    for ratio in (0.3, 0.7, 1.2, 2.0, 4.0):
        tried = next(n for n in range(6, 1_001) if power(ratio, 1 / n**0.5, n - 1, level=0.01) >= 0.8)
        assert seeds_needed(ratio, 1.0, least=6, level=0.01) == tried


def test_where_seeds_do_not_help_none_are_asked_for() -> None:
    assert seeds_needed(0.0, 1.0) is None  # the effect seems to be the bound
    assert seeds_needed(1.0, 0.1, images_error=2.0) is None  # the images leave it open
    assert seeds_needed(0.001, 1.0) is None  # thousands
    assert seeds_needed(inf, 1.0) is None
    assert seeds_needed(1.0, 1.0, least=2_000) is None
