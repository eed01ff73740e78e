"""Estimates paired effects with their 95 % intervals.

**The pair.** Arms of one seed see the same images in the same order, so an effect is the mean over seeds of
(treated - control). `over_seeds` takes such differences; `over_seeds_and_images` takes them image by image
for test accuracies, which vary with the choice of test images as well as with the seed.

**The interval** (95 %) is at each end the wider of two: the BCa bootstrap over the pairs (Efron 1987) and
Student's t. BCa alone does not reach 95 % with few seeds: it lies between the smallest and the largest
difference, and all of five fall on one side of a symmetric centre with probability 2 x 0.5^5 = 6 %. No
bootstrap of the mean, however calibrated, covers 95 % at n = 5. Coverage in 20,000 simulated
comparisons each (`benchmarks/coverage.py`; Monte-Carlo error 0.2 points):

    differences of                  BCa, n = 5, 8, 10, 20    Student's t             the interval
    two normals (A/A)               85.4 89.2 90.6 93.0      95.0 95.1 95.1 95.1     95.1 95.2 95.2 95.3
    two lognormals (A/A)            78.0 82.4 83.0 85.8      97.2 97.2 97.2 96.1     97.2 97.3 97.2 96.2
    normals, one in ten wild (A/A)  80.4 82.1 81.3 80.9      96.7 97.3 97.6 98.1     96.7 97.3 97.6 98.1
    gamma(4), skewed                83.5 87.5 89.1 92.3      92.6 93.0 93.1 93.9     92.7 93.2 93.4 94.6
    exponential, very skewed        81.3 85.4 87.1 91.2      88.2 89.6 90.0 92.2     88.2 90.2 90.9 93.8

Under A/A a difference is X - X', hence symmetric, and t keeps its level or is conservative. BCa helps when
differences are skewed, which takes one skewed arm; ratios are therefore compared as logarithms. Widening
BCa's level by n (Hesterberg 2015, section 5.3) reached 92 %, and the studentised bootstrap 96 %, with
unbounded intervals where resamples are constant.

Shapes: S seeds, I test images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import fsum, inf, isfinite, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtrit

Floats = NDArray[np.float64]
BySeed = Mapping[int, float | None]
"""A quantity by seed; None or not finite if it could not be measured."""

RESAMPLES = 9_999
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

    @property
    def mirrored(self) -> "Estimate":
        """The estimate of the negative effect."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)


def exactly(value: float) -> Estimate:
    """The estimate of a counted quantity, such as a number of parameters."""
    return Estimate(value=value, low=value, high=value, n=1, exact=True)


def over_seeds(differences: BySeed) -> Estimate | None:
    """Mean difference of paired runs; None without a finite one.

    Args:
        differences: treated minus control, by seed. The order of seeds changes no bit.
    """
    d = np.sort([value for value in differences.values() if value is not None and isfinite(value)])
    if not len(d):
        return None
    dropped = len(differences) - len(d)
    if len(d) == 1:
        return Estimate(value=float(d[0]), low=-inf, high=inf, n=1, dropped=dropped)
    negated, d = _sorted_sign(d)
    n, value, spread = len(d), fsum(d) / len(d), sqrt(_variance(d))
    error = spread / sqrt(n)
    low, high = _interval(value, error, n - 1, d)
    found = Estimate(
        value=value, low=low, high=high, n=n, spread=spread, error=error, freedom=n - 1, dropped=dropped
    )
    return found.mirrored if negated else found


def over_seeds_and_images(right: Floats) -> Estimate | None:
    """Mean of S x I differences (whether image i is right in seed s), resampling both levels.

    With crossed levels the mean's variance is seeds / S + images / I + rest / (S I). The variance of row
    means over S contains the first and last term, that of column means over I the last two; the rest,
    estimated from the residuals, is subtracted once. Resampling rows and columns independently counts the
    rest three times (Owen 2007, theorem 3.1), which makes intervals with 10,000 images nearly twice as long
    as necessary. The bootstrap resamples rows, and column means shrunk to the images' own variance. Degrees
    of freedom after Satterthwaite (1946).
    """
    seeds, images = right.shape
    if not seeds or not images:
        return None
    rows = np.sort(right.mean(1))
    if seeds == 1 or images == 1:
        return Estimate(value=fsum(rows) / seeds, low=-inf, high=inf, n=seeds)
    negated, rows = _sorted_sign(rows)
    value = fsum(rows) / seeds
    # group images with equal results, so that the order of sums has no influence
    fared = right.mean(0).round(9)
    columns, counts = np.unique(-fared if negated else fared, return_counts=True)
    across, down = fsum((rows - value) ** 2), float(counts @ (columns - value) ** 2)
    rest = float((right**2).sum()) - seeds * images * value**2 - images * across - seeds * down
    rest = max(0.0, rest) / ((seeds - 1) * (images - 1)) / (seeds * images)
    of_seeds, of_columns = across / (seeds - 1) / seeds, down / (images - 1) / images
    of_images = max(0.0, of_columns - rest)
    error = sqrt(of_seeds + of_images)
    freedom = error**4 / (of_seeds**2 / (seeds - 1) + of_images**2 / (images - 1)) if error else seeds - 1
    kept = sqrt(of_images / of_columns) if of_columns else 1.0
    deviations = np.repeat(kept * (columns - value), counts)
    low, high = _interval(value, error, freedom, rows, deviations)
    found = Estimate(value=value, low=low, high=high, n=seeds, error=error, freedom=freedom)
    found = replace(found, spread=sqrt(across / (seeds - 1)), images_error=sqrt(of_images))
    return found.mirrored if negated else found


def widened(effect: Estimate, images_error: float) -> Estimate:
    """The effect over seeds, widened by an independent standard error due to test images.

    For accuracies without a record of which images are right. Degrees of freedom after Satterthwaite, as if
    the images' share were known.
    """
    if effect.n < 2:
        return effect
    error = sqrt(effect.error**2 + images_error**2)
    freedom = effect.freedom * (error / effect.error) ** 4 if effect.error else inf
    reach = float(stdtrit(min(freedom, 1e9), 1 - ALPHA / 2)) * error
    return replace(
        effect,
        low=min(effect.low, effect.value - reach),
        high=max(effect.high, effect.value + reach),
        error=error,
        freedom=min(freedom, 1e9),
        images_error=images_error,
    )


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


def bca(value: float, rows: Floats, *others: Floats) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated 95 % interval (Efron 1987, eq. 2.3).

    For one level it agrees with scipy.stats.bootstrap (tested), which cannot resample crossed levels.

    Args:
        value: the mean of rows.
        rows: S numbers, at least two of them different.
        others: deviations from that mean at a further level, resampled independently and added.
    """
    drawn = _draws(len(rows)) @ rows
    for deviations in others:
        drawn = drawn + _resampled_means(deviations)
    near = 1e-9 * float(np.abs(drawn - value).max())  # resamples that equal the estimate count half
    share = (np.mean(drawn < value - near) + np.mean(drawn <= value + near)) / 2
    bias = ndtri(np.clip(share, 1 / (2 * RESAMPLES), 1 - 1 / (2 * RESAMPLES)))
    influences = [rows - value, *others]
    unit = max(float(np.abs(x).max()) for x in influences)  # cubes of small numbers would underflow
    influences = [x / unit for x in influences]
    third = sum(fsum(x**3) / len(x) ** 3 for x in influences)
    second = sum(fsum(x**2) / len(x) ** 2 for x in influences)
    acceleration = third / (6 * second**1.5)
    z = bias + ndtri([ALPHA / 2, 1 - ALPHA / 2])
    low, high = np.quantile(drawn, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def _sorted_sign(x: Floats) -> tuple[bool, Floats]:
    """The sorted numbers or their sorted negatives, whichever is greater, and whether it is the negatives.

    The estimate of the negative effect is thus the exact mirror image.
    """
    negated = -x[::-1]
    return (True, negated) if tuple(x) < tuple(negated) else (False, x)


def _variance(x: Floats) -> float:
    """Unbiased variance; 0 if all are equal up to rounding."""
    found = fsum((x - fsum(x) / len(x)) ** 2) / (len(x) - 1)
    return found if found > (1e-12 * float(np.abs(x).max())) ** 2 else 0.0


def _interval(value: float, error: float, freedom: float, *levels: Floats) -> tuple[float, float]:
    """Interval of a mean with independent levels: sorted rows, and deviations of images, if any."""
    if not error:
        return value, value
    reach = float(stdtrit(freedom, 1 - ALPHA / 2)) * error
    low, high = bca(value, *levels) if _variance(levels[0]) else (value, value)
    return min(value - reach, low), max(value + reach, high)


@cache
def _draws(n: int) -> Floats:
    """Resampling weights: how often each of n is drawn, over n; the same at every call."""
    return np.random.default_rng(0).multinomial(n, [1 / n] * n, RESAMPLES) / n


def _resampled_means(x: Floats) -> Floats:
    """Means of resamples of many numbers with few distinct values."""
    values, counts = np.unique(x, return_counts=True)
    drawn = np.random.default_rng(1).multinomial(len(x), counts / len(x), RESAMPLES)
    return drawn @ values / len(x)


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of `n` independent trials (Wilson 1927).

    For a test accuracy it covers the choice of test images, not the seed.
    """
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
