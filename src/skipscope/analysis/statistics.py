"""Estimates paired effects with their intervals.

**The pair.** Arms of one seed see the same images in the same order, so an effect is the mean over seeds of
(treated - control), or of a network's (trained - its own start). `over_seeds` takes such differences;
`over_seeds_and_images` takes them image by image for test accuracies, which vary with the choice of test
images as well as with the seed.

**The interval** is Student's t, on the scale on which the differences are about symmetric (`scales.py`). No
bootstrap of the mean reaches 95 % with five seeds: its ends lie between the smallest and the largest
difference, and all of five fall on one side of a symmetric centre with probability 2 x 0.5^5 = 6 % (BCa at
n = 5 covers 83 % of normal differences). docs/statistics.md has the coverage of t, simulated
(`skipscope calibrate --coverage`).

Shapes: S seeds, I test images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, inf, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Floats = NDArray[np.float64]
BySeed = Mapping[int, float | None]
"""A quantity by seed; None or not finite if it could not be measured."""

ALPHA = 0.05
"""One minus the coverage of intervals; also the error rate of all verdicts of a family together."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An effect estimated from n pairs."""

    value: float
    low: float
    high: float
    """End of the 95 % interval: infinite from a single pair, a point if the quantity is exact."""
    n: int
    """Pairs."""
    spread: float = 0.0
    """Standard deviation of a pair's difference."""
    error: float = 0.0
    """Standard error of the value: due to seeds, and to test images if they were resampled."""
    freedom: float = 0.0
    """Degrees of freedom of the error; 0 if no spread is known."""
    images_error: float = 0.0
    """Part of the error due to test images, which more seeds do not reduce."""
    dropped: int = 0
    """Pairs without a finite difference, which count in nothing above."""
    exact: bool = False
    level: bool = False
    """Whether it is a mean of arms as they are, from which nothing was subtracted."""
    skew: float = 0.0
    """Skewness of a pair's difference (adjusted Fisher-Pearson); 0 from fewer than three pairs."""

    def at(self, alpha: float) -> tuple[float, float]:
        """Ends of the 1 - `alpha` interval."""
        if self.exact or not self.error:
            return self.low, self.high
        reach = float(stdtrit(self.freedom, 1 - alpha / 2)) * self.error
        return self.value - reach, self.value + reach

    @property
    def mirrored(self) -> "Estimate":
        """The estimate of the negative effect."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low, skew=-self.skew)


def exactly(value: float) -> Estimate:
    """The estimate of a counted quantity, such as a number of parameters."""
    return Estimate(value=value, low=value, high=value, n=1, exact=True)


def over_seeds(differences: BySeed) -> Estimate | None:
    """Mean difference of paired runs; None without a finite one.

    Args:
        differences: treated minus control, by seed. The order of seeds changes no bit.
    """
    d = np.array([value for value in differences.values() if value is not None and isfinite(value)])
    if not len(d):
        return None
    n, dropped = len(d), len(differences) - len(d)
    # fsum rounds once: neither the order of seeds nor the sign changes a bit
    value = fsum(d) / n
    if n == 1:
        return Estimate(value=value, low=-inf, high=inf, n=1, dropped=dropped)
    spread = sqrt(_variance(d))
    return _interval(
        Estimate(
            value=value,
            low=value,
            high=value,
            n=n,
            spread=spread,
            error=spread / sqrt(n),
            freedom=n - 1,
            dropped=dropped,
            skew=_skewness(d),
        )
    )


def over_seeds_and_images(right: Floats) -> Estimate | None:
    """Mean of S x I differences (whether image i is right in seed s), both drawn anew.

    With crossed levels the mean's variance is seeds / S + images / I + rest / (S I). The variance of row
    means over S contains the first and last term, that of column means over I the last two; the rest,
    estimated from the residuals, is subtracted once. Resampling rows and columns independently counts the
    rest three times (Owen 2007, theorem 3.1), which makes intervals with 10,000 images nearly twice as long
    as necessary. Degrees of freedom after Satterthwaite (1946).
    """
    seeds, images = right.shape
    if not seeds or not images:
        return None
    rows = right.mean(1)
    value = fsum(rows) / seeds
    if seeds == 1 or images == 1:
        return Estimate(value=value, low=-inf, high=inf, n=seeds)
    # images with equal results are grouped, so that the order of sums has no influence
    columns, counts = np.unique(right.mean(0).round(9), return_counts=True)
    across, down = fsum((rows - value) ** 2), fsum(counts * (columns - value) ** 2)
    rest = float((right**2).sum()) - seeds * images * value**2 - images * across - seeds * down
    rest = max(0.0, rest) / ((seeds - 1) * (images - 1)) / (seeds * images)
    of_seeds, of_columns = across / (seeds - 1) / seeds, down / (images - 1) / images
    of_images = max(0.0, of_columns - rest)
    error = sqrt(of_seeds + of_images)
    freedom = error**4 / (of_seeds**2 / (seeds - 1) + of_images**2 / (images - 1)) if error else seeds - 1
    return _interval(
        Estimate(
            value=value,
            low=value,
            high=value,
            n=seeds,
            spread=sqrt(across / (seeds - 1)),
            error=error,
            freedom=freedom,
            images_error=sqrt(of_images),
            skew=_skewness(rows),
        )
    )


def widened(effect: Estimate, images_error: float) -> Estimate:
    """The effect over seeds, widened by an independent standard error due to test images.

    For accuracies without a record of which images are right. Degrees of freedom after Satterthwaite, as if
    the images' share were known.
    """
    if effect.n < 2:
        return effect
    error = sqrt(effect.error**2 + images_error**2)
    freedom = effect.freedom * (error / effect.error) ** 4 if effect.error else inf
    return _interval(replace(effect, error=error, freedom=min(freedom, 1e9), images_error=images_error))


def combined(terms: Sequence[tuple[float, BySeed]]) -> dict[int, float | None]:
    """Weighted sum by seed, for the seeds that all terms have; None where a term is not finite."""
    common = set.intersection(*(set(values) for _, values in terms)) if terms else set()
    sums: dict[int, float | None] = {}
    for seed in sorted(common):
        values = ((weight, values[seed]) for weight, values in terms)
        known = [weight * x for weight, x in values if x is not None and isfinite(x)]
        sums[seed] = sum(known) if len(known) == len(terms) else None
    return sums


def slopes(values: Mapping[float, BySeed]) -> dict[int, float | None]:
    """Least-squares slope of a quantity against its key (depth), by seed.

    Only for seeds with a run at every point, so that all slopes are over the same points; empty if there are
    fewer than two points.
    """
    points = np.array(sorted(values), dtype=float)
    if len(points) < 2:
        return {}
    weights = (points - points.mean()) / ((points - points.mean()) ** 2).sum()
    return combined([(float(w), values[x]) for w, x in zip(weights, sorted(values), strict=True)])


def _variance(x: Floats) -> float:
    """Unbiased variance; 0 if all are equal up to rounding."""
    found = fsum((x - fsum(x) / len(x)) ** 2) / (len(x) - 1)
    return found if found > (1e-12 * float(np.abs(x).max())) ** 2 else 0.0


def _skewness(x: Floats) -> float:
    """Adjusted Fisher-Pearson skewness (Joanes and Gill 1998, G1); 0 from fewer than three numbers."""
    n, variance = len(x), _variance(x) if len(x) > 2 else 0.0
    if not variance:
        return 0.0
    d = (x - fsum(x) / n) / variance**0.5  # before the third power, which may underflow
    third: float = fsum(d * d * d)
    return third * n / ((n - 1) * (n - 2))


def _interval(found: Estimate) -> Estimate:
    """The estimate with the ends of its 95 % interval."""
    low, high = found.at(ALPHA)
    return replace(found, low=low, high=high)


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of `n` independent trials (Wilson 1927).

    For a test accuracy it covers the choice of test images, not the seed.
    """
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
