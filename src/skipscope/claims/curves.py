"""Reads numbers off curves and orders: where a curve reaches a level, how well two orders agree."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Terms = Sequence[tuple[float, str]]
"""Weights and arms of a weighted sum."""


def crossing(curve: list[tuple[str, float, float]], level: float) -> tuple[float | None, Terms]:
    """Size at which a curve of (arm, size, accuracy) first reaches `level`, with its derivatives.

    The size is None if the curve starts above the level or ends below it. The derivatives are by the
    accuracies; the one by the level is minus their sum.
    """
    for (small, x, low), (large, further, high) in pairwise(curve):
        if low <= level <= high and low < high:
            part, slope = (level - low) / (high - low), (further - x) / (high - low)
            return x + (further - x) * part, [(-slope * (1 - part), small), (-slope * part, large)]
        if low >= level:
            return (x if low == level else None), []
    return None, []


def reached(curve: list[list[float]], target: float, column: int) -> float | None:
    """When a curve of (epoch, seconds, loss) first falls to `target`, interpolating log(loss)."""
    for before, after in pairwise(curve):
        if after[2] <= target:
            if not 0 < target <= before[2]:
                return before[column]
            fall = math.log(before[2] / after[2]) if after[2] < before[2] else 0.0
            part = math.log(before[2] / target) / fall if fall else 1.0
            return before[column] + part * (after[column] - before[column])
    return None


def ranked(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's correlation; None if either does not vary, or has a value that is not finite."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (one, other))
    if len(x) != len(y) or len(x) < 2 or not np.isfinite([x, y]).all() or not np.ptp(x) or not np.ptp(y):
        return None
    # as scipy's spearmanr, without its p-value and the second that importing it takes
    return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; ties share their mean rank."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[index]
    return ranks
