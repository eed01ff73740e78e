"""Paired effects: against scipy, against the definition, and what is promised of order, sign and unit."""

from math import inf, isclose, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from skipscope.analysis.statistics import (
    Estimate,
    combined,
    exactly,
    over_seeds,
    over_seeds_and_images,
    slopes,
    widened,
)

ROOT_2 = sqrt(2)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_an_interval_is_students(n: int) -> None:
    d = np.random.default_rng(n).normal(1, 2, n)
    found = over_seeds(dict(enumerate(d)))
    for alpha in (0.05, 0.01):
        theirs = stats.t.interval(1 - alpha, n - 1, d.mean(), d.std(ddof=1) / sqrt(n))
        assert found.at(alpha) == pytest.approx(theirs)
    assert (found.low, found.high) == found.at(0.05)
    assert (found.value, found.spread) == pytest.approx((d.mean(), d.std(ddof=1)))
    assert (found.n, found.freedom, found.dropped) == (n, n - 1, 0)
    assert found.skew == pytest.approx(stats.skew(d, bias=False) if n > 2 else 0)


@given(
    st.lists(st.floats(-1e3, 1e3, allow_subnormal=False), min_size=2, max_size=7),
    st.randoms(use_true_random=False),
)
def test_order_and_sign_change_no_bit(values: list[float], chance: object) -> None:
    found = over_seeds(dict(enumerate(values)))
    chance.shuffle(values)
    assert over_seeds(dict(enumerate(values))) == found
    mirrored = over_seeds({seed: -value for seed, value in enumerate(values)})
    assert mirrored == found.mirrored
    assert found.low <= found.value <= found.high


def test_one_pair_has_no_bounds_and_none_no_effect() -> None:
    found = over_seeds({0: 1.5})
    assert (found.value, found.low, found.high, found.n, found.error) == (1.5, -inf, inf, 1, 0)
    assert over_seeds({}) is None
    assert over_seeds({0: None, 1: nan, 2: inf}) is None


def test_pairs_that_could_not_be_measured_are_counted() -> None:
    found = over_seeds({0: 1.0, 1: None, 2: 3.0, 3: -inf})
    assert (found.value, found.n, found.dropped) == (2.0, 2, 2)


def test_equal_differences_have_a_point_as_their_interval() -> None:
    exact = over_seeds(dict.fromkeys(range(6), 0.25))
    assert (exact.low, exact.high, exact.spread) == (0.25, 0.25, 0)


def test_what_is_counted_is_a_point() -> None:
    assert exactly(0.8) == Estimate(value=0.8, low=0.8, high=0.8, n=1, exact=True)


def test_seeds_and_images_agree_with_seeds_where_images_all_fare_alike() -> None:
    rows = np.array([0.2, -0.1, 0.4, 0.3, 0.0, 0.25])
    both = over_seeds_and_images(np.repeat(rows[:, None], 50, axis=1))
    alone = over_seeds(dict(enumerate(rows)))
    assert both.images_error == 0
    assert (both.low, both.high, both.freedom) == pytest.approx((alone.low, alone.high, alone.freedom))


def test_images_are_drawn_too() -> None:
    """S I differences of variance seeds + images + rest: the error is what theory says (Owen 2007)."""
    rng = np.random.default_rng(5)
    seeds, images = 8, 400
    of_seeds, of_images, rest = 0.02, 0.3, 0.5
    errors = []
    for _ in range(60):
        table = (
            rng.normal(0, of_seeds, (seeds, 1))
            + rng.normal(0, of_images, (1, images))
            + rng.normal(0, rest, (seeds, images))
        )
        found = over_seeds_and_images(table)
        errors.append(found.error**2)
        assert found.images_error**2 <= found.error**2
    theory = of_seeds**2 / seeds + of_images**2 / images + rest**2 / (seeds * images)
    # the mean of 60 estimates of a variance with some tens of degrees of freedom
    assert np.mean(errors) == pytest.approx(theory, rel=0.15)


def test_seeds_and_images_of_the_other_sign_are_the_mirror_image() -> None:
    table = np.random.default_rng(1).integers(-1, 2, (5, 60)).astype(float)
    found = over_seeds_and_images(table)
    assert over_seeds_and_images(-table) == found.mirrored
    assert over_seeds_and_images(table[::-1, ::-1]) == found


def test_too_little_for_seeds_and_images() -> None:
    assert over_seeds_and_images(np.zeros((0, 5))) is None
    assert over_seeds_and_images(np.zeros((5, 0))) is None
    one = over_seeds_and_images(np.array([[0.0, 1.0]]))
    assert (one.value, one.low, one.high, one.n) == (0.5, -inf, inf, 1)
    same = over_seeds_and_images(np.ones((4, 3)))
    assert (same.low, same.value, same.high) == (1, 1, 1)


def test_images_that_were_not_kept_widen_the_interval() -> None:
    found = over_seeds({0: 1.0, 1: 2.0, 2: 4.0, 3: 2.5})
    wide = widened(found, 0.7)
    assert wide.error == pytest.approx(sqrt(found.error**2 + 0.49))
    assert wide.low < found.low
    assert wide.high > found.high
    assert wide.freedom > found.freedom
    one = over_seeds({0: 1.0})
    assert widened(one, 0.7) == one
    certain = widened(over_seeds({0: 1.0, 1: 1.0}), 0.5)
    assert (certain.low, certain.high) == pytest.approx((1 - 0.98, 1 + 0.98), abs=1e-3)  # a normal's 1.96


def test_differences_are_of_common_seeds() -> None:
    treated, control = {0: 3.0, 1: 5.0, 2: None}, {1: 1.0, 2: 2.0, 7: 0.0}
    assert combined([(1.0, treated), (-1.0, control)]) == {1: 4.0, 2: None}
    assert combined([]) == {}


def test_slopes_are_least_squares() -> None:
    rng = np.random.default_rng(0)
    depths = [8.0, 20.0, 32.0, 56.0]
    values = {depth: {seed: rng.normal() for seed in range(3)} for depth in depths}
    found = slopes(values)
    for seed in range(3):
        expected = np.polyfit(depths, [values[depth][seed] for depth in depths], 1)[0]
        assert isclose(found[seed], expected, rel_tol=1e-9)
    assert slopes({8.0: {0: 1.0}}) == {}
    assert set(slopes({8.0: {0: 1.0}, 20.0: {0: 2.0, 1: 3.0}})) == {0}
