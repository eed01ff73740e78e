"""Long lines in few points: nothing that stands out is lost, and merging is exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skipscope.live.buckets import MOST, bucketed

VALUES = arrays(np.float64, st.integers(0, 400), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(VALUES, st.integers(1, 60))
def test_extremes_counts_and_means_are_kept(values: np.ndarray, most: int) -> None:
    step = np.arange(1, len(values) + 1)
    found = bucketed(step, values, most)
    assert len(found.step) <= most
    known = values[~np.isnan(values)]
    assert found.count.sum() == len(known)
    assert list(found.step) == sorted(set(found.step))
    if len(values):
        assert found.step[-1] == len(values)
    if len(known):
        assert np.nanmin(found.low) == known.min()
        assert np.nanmax(found.high) == known.max()
        mean = np.nansum(found.mean * found.count) / found.count.sum()
        assert mean == pytest.approx(known.mean(), rel=1e-9, abs=1e-6)
    assert np.all((found.low <= found.high) | np.isnan(found.low))


@given(VALUES, st.integers(1, 60))
def test_a_bucket_is_its_own_points_alone(values: np.ndarray, most: int) -> None:
    step = np.arange(1, len(values) + 1)
    found = bucketed(step, values, most)
    before = 0
    for last, low, high in zip(found.step, found.low, found.high, strict=True):
        part = values[before:last]
        part = part[~np.isnan(part)]
        assert (len(part) == 0) == bool(np.isnan(low))
        if len(part):
            assert (low, high) == (part.min(), part.max())
        before = int(last)


def test_a_short_line_is_itself() -> None:
    values = np.array([3.0, np.nan, 1.0])
    columns = bucketed(np.array([1, 2, 5]), values).columns()
    assert columns == {
        "step": [1, 2, 5],
        "count": [1, 0, 1],
        "low": [3.0, None, 1.0],
        "high": [3.0, None, 1.0],
        "mean": [3.0, None, 1.0],
    }


def test_a_hundred_thousand_steps_are_two_thousand_points_at_most() -> None:
    losses = np.random.default_rng(0).normal(size=100_000)
    losses[31_415] = 99
    found = bucketed(np.arange(1, 100_001), losses)
    assert len(found.step) <= MOST
    assert found.high.max() == 99
