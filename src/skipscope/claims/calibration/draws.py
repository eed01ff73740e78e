"""Draws of a pair's difference: distributions that intervals are tried on, and any spread and skewness."""

from collections.abc import Callable, Mapping
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Differences of S studies with n pairs each, S x n, from a generator and that shape; their mean is 0."""

COLLAPSE, SHARE = 10.0, 0.1
"""A run that collapses: how far off, in standard deviations of the others, and how often."""
SYMMETRIC = 0.05
"""A skewness nearer to 0 than this is drawn as a normal."""


def collapsing(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Normal differences of which one in ten is of a run that collapsed."""
    gone = rng.random(shape) < SHARE
    return rng.normal(size=shape) - COLLAPSE * gone + COLLAPSE * SHARE


DISTRIBUTIONS: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "t with 3 degrees of freedom": lambda rng, shape: rng.standard_t(3, size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "lognormal": lambda rng, shape: rng.lognormal(size=shape) - exp(0.5),
    "one in ten collapses": collapsing,
}
"""By name, from the mildest."""


def skewed(rng: np.random.Generator, shape: tuple[int, int], *, spread: float, skew: float) -> Floats:
    """Differences with mean 0, this standard deviation and this skewness: a shifted gamma distribution."""
    if abs(skew) < SYMMETRIC:
        return spread * rng.normal(size=shape)
    k = 4 / skew**2
    drawn: Floats = np.sign(skew) * spread * (rng.gamma(k, size=shape) - k) / sqrt(k)
    return drawn
