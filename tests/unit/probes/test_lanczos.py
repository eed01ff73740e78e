"""The largest eigenvalue by Lanczos' iteration, of matrices whose eigenvalues are known."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from skipscope.probes import curvature
from skipscope.probes.curvature import largest


def diagonal(values: list[float]) -> Callable[[Tensor], Tensor]:
    return lambda v: torch.tensor(values, dtype=v.dtype) * v


@pytest.mark.parametrize(
    ("values", "top"),
    [
        ([5.0, 2.0, -1.0, 0.0], 5.0),
        ([-5.0, 2.0, 1.0, -1.0], 2.0),  # what is farthest from 0 is negative: not what is looked for
        ([-5.0, -2.0, -1.0], -1.0),
        ([3.0], 3.0),
        ([-3.0], -3.0),
    ],
)
def test_the_largest_is_the_most_positive(values: list[float], top: float) -> None:
    found = largest(diagonal(values), torch.ones(len(values), dtype=torch.float64))
    # as many steps as values are exact, up to rounding
    assert found.residual <= curvature.TOLERANCE
    assert found.value == pytest.approx(top, rel=1e-3)
    assert found.iterations <= len(values)


def test_it_is_found_where_many_are_close_below_it() -> None:
    """A hundredth apart, as a trained network's are not: 25 steps of power iteration would be far from it."""
    values = [1 - 0.01 * k for k in range(100)]
    start = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = largest(diagonal(values), start)
    assert found.residual <= curvature.TOLERANCE
    # within the residual of an eigenvalue, and above all of power iteration's
    assert found.value == pytest.approx(1, abs=curvature.TOLERANCE)
    v = start
    for _ in range(found.iterations):
        v = diagonal(values)(v)
        v = v / v.norm()
    assert found.value > v.dot(diagonal(values)(v))


def test_what_is_not_finite_ends_the_search() -> None:
    top = largest(lambda v: v * math.nan, torch.ones(3))
    assert math.isnan(top.value)
    assert top.iterations == 1


@settings(max_examples=30)
@given(
    values=st.lists(st.integers(-20, 20), min_size=2, max_size=12, unique=True),
    scale=st.sampled_from([1e-3, 0.5, 7.0, 1e4]),
    seed=st.integers(0, 2**31),
)
def test_a_scaled_loss_has_a_scaled_curvature_found_in_as_many_steps(
    values: list[int], scale: float, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    basis, _ = torch.linalg.qr(
        torch.randn(len(values), len(values), generator=generator, dtype=torch.float64)
    )
    h = basis @ torch.tensor(values, dtype=torch.float64).diag() @ basis.T
    start = torch.randn(len(values), generator=generator, dtype=torch.float64)
    one, other = largest(lambda v: h @ v, start), largest(lambda v: scale * (h @ v), start)
    assert other.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-9 * scale)
    assert min(abs(value - one.value) for value in values) <= one.residual * abs(one.value) + 1e-9


def test_of_a_matrix_of_zeros_it_is_zero_at_once() -> None:
    top = largest(diagonal([0.0, 0.0]), torch.ones(2))
    assert (top.value, top.residual, top.iterations) == (0, 0, 1)
