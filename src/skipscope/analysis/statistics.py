"""Paired effects: how large, how surely, and whether beyond the smallest that is worth having.

**The pair.** Arms of one seed see the same images in the same order, so an effect is the mean over seeds of
(treated - control). `over_seeds` takes such differences; `over_seeds_and_images` takes them image by image,
for test accuracies, which the choice of test images leaves open as well as the seed does.

**The interval** has 95 %, and at each end is the farther of two: the BCa bootstrap over the pairs (Efron
1987), and Student's t. BCa alone cannot keep the promise at few seeds. It lies between the smallest and the
largest difference, and all of five fall on one side of a symmetric centre with probability 2 x 0.5^5 =
6 %: no bootstrap of the mean, however calibrated, covers 95 % at n = 5. Coverage in 20,000 simulated
comparisons each (`benchmarks/coverage.py`; Monte-Carlo error 0.2 points):

    differences of                  BCa, n = 5, 8, 10, 20    Student's t             what is drawn
    two normals (A/A)               85.4 89.2 90.6 93.0      95.0 95.1 95.1 95.1     95.1 95.2 95.2 95.3
    two lognormals (A/A)            78.0 82.4 83.0 85.8      97.2 97.2 97.2 96.1     97.2 97.3 97.2 96.2
    normals, one in ten wild (A/A)  80.4 82.1 81.3 80.9      96.7 97.3 97.6 98.1     96.7 97.3 97.6 98.1
    gamma(4), skewed                83.5 87.5 89.1 92.3      92.6 93.0 93.1 93.9     92.7 93.2 93.4 94.6
    exponential, very skewed        81.3 85.4 87.1 91.2      88.2 89.6 90.0 92.2     88.2 90.2 90.9 93.8

Under A/A a difference is X - X', hence symmetric, and t holds its level or is careful. BCa adds what t lacks
when differences are skewed. Skewed differences need two arms of which one is skewed; quantities that are
ratios are therefore compared as logarithms. Widening BCa's level by n (Hesterberg 2015, section 5.3) reached
92 %, and the studentised bootstrap 96 % with intervals of no bound where resamples are constant.

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
"""A quantity of each seed's run; None or not finite where it could not be measured."""

RESAMPLES = 9_999
LEVEL = 0.05
"""One minus the interval's, and the error that all verdicts of a family together are allowed."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An effect, as far as n pairs tell it."""

    value: float
    low: float
    high: float
    """A 95 % interval: infinite from a single pair, a point where the quantity is exact."""
    n: int
    """Pairs."""
    spread: float = 0.0
    """Standard deviation of a pair's difference."""
    error: float = 0.0
    """Standard error of the value: of the seeds', and of the test images' where they were drawn anew."""
    freedom: float = 0.0
    """Its degrees of freedom; 0 where no spread is known."""
    images_error: float = 0.0
    """The part of it that more seeds would not take away."""
    dropped: int = 0
    """Pairs without a finite difference, which are in nothing above."""
    exact: bool = False

    @property
    def mirrored(self) -> "Estimate":
        """With the other sign."""
        return replace(self, value=-self.value, low=-self.high, high=-self.low)


def exactly(value: float) -> Estimate:
    """Of a quantity that is counted, not drawn: the number of parameters."""
    return Estimate(value=value, low=value, high=value, n=1, exact=True)


def over_seeds(differences: BySeed, *, resolution: float = 0.0) -> Estimate | None:
    """The mean difference of paired runs; None without a finite one.

    Args:
        differences: treated minus control, by seed. The order of seeds is of no influence on any bit.
        resolution: the step in which each arm's values come (1 epoch; 1/5,000 of an accuracy). Equal
            differences then do not pass for certainty: the variance of two roundings, step^2 / 6, is added.
            With 0, equal differences are taken at their word, and the interval is a point.
    """
    d = np.sort([value for value in differences.values() if value is not None and isfinite(value)])
    if not len(d):
        return None
    dropped = len(differences) - len(d)
    if len(d) == 1:
        return Estimate(value=float(d[0]), low=-inf, high=inf, n=1, dropped=dropped)
    turned, d = _turned(d)
    spread = sqrt(_variance(d) + resolution**2 / 6)
    error = spread / sqrt(len(d))
    value = fsum(d) / len(d)
    low, high = _interval(value, error, len(d) - 1, [d])
    found = Estimate(
        value=value,
        low=low,
        high=high,
        n=len(d),
        spread=spread,
        error=error,
        freedom=len(d) - 1,
        dropped=dropped,
    )
    return found.mirrored if turned else found


def over_seeds_and_images(right: Floats) -> Estimate | None:
    """The mean of S I differences (of whether image i is right in seed s): both levels are drawn anew.

    With crossed levels the mean's variance is seeds / S + images / I + rest / (S I). The variance of row
    means over S holds the first and last term, that of column means over I the last two; the rest, estimated
    from what neither explains, is taken off once. Resampling rows and columns freely instead counts the rest
    three times (Owen 2007, theorem 3.1), which with 10,000 images makes intervals near twice as long as
    they need be. The bootstrap draws rows, and column means shrunken to the images' own variance. Degrees of
    freedom after Satterthwaite (1946).
    """
    seeds, images = right.shape
    if not seeds or not images:
        return None
    rows = np.sort(right.mean(1))
    if seeds == 1 or images == 1:
        return Estimate(value=fsum(rows) / seeds, low=-inf, high=inf, n=seeds)
    turned, rows = _turned(rows)
    value = fsum(rows) / seeds
    # images that fared alike, together, whatever the order of sums made of them: theirs is of no influence
    fared = right.mean(0).round(9)
    columns, counts = np.unique(-fared if turned else fared, return_counts=True)
    across, down = _squares(rows - value), float(counts @ (columns - value) ** 2)
    rest = float((right**2).sum()) - seeds * images * value**2 - images * across - seeds * down
    rest = max(0.0, rest) / ((seeds - 1) * (images - 1)) / (seeds * images)
    of_seeds, of_columns = across / (seeds - 1) / seeds, down / (images - 1) / images
    of_images = max(0.0, of_columns - rest)
    error = sqrt(of_seeds + of_images)
    freedom = error**4 / (of_seeds**2 / (seeds - 1) + of_images**2 / (images - 1)) if error else seeds - 1
    kept = sqrt(of_images / of_columns) if of_columns else 1.0
    deviations = np.repeat(kept * (columns - value), counts)
    low, high = _interval(value, error, freedom, [rows, deviations])
    found = Estimate(
        value=value,
        low=low,
        high=high,
        n=seeds,
        spread=sqrt(across / (seeds - 1)),
        error=error,
        freedom=freedom,
        images_error=sqrt(of_images),
    )
    return found.mirrored if turned else found


def widened(effect: Estimate, images_error: float) -> Estimate:
    """The effect over seeds, with the standard error that its test images add, drawn independently.

    For accuracies of which it is not known image by image who was right. Degrees of freedom after
    Satterthwaite, as if the images' share were known.
    """
    if effect.n < 2:
        return effect
    error = sqrt(effect.error**2 + images_error**2)
    freedom = effect.freedom * (error / effect.error) ** 4 if effect.error else inf
    reach = float(stdtrit(min(freedom, 1e9), 1 - LEVEL / 2)) * error
    return replace(
        effect,
        low=min(effect.low, effect.value - reach),
        high=max(effect.high, effect.value + reach),
        error=error,
        freedom=min(freedom, 1e9),
        images_error=images_error,
    )


def differences(treated: BySeed, control: BySeed) -> dict[int, float | None]:
    """Treated minus control, for the seeds that both have; None where either is not finite."""
    return combined([(1.0, treated), (-1.0, control)])


def combined(terms: Sequence[tuple[float, BySeed]]) -> dict[int, float | None]:
    """A weighted sum, seed by seed, for the seeds that all terms have: a difference of differences."""
    common = set.intersection(*(set(values) for _, values in terms)) if terms else set()
    sums: dict[int, float | None] = {}
    for seed in sorted(common):
        values = [values[seed] for _, values in terms]
        known = [value for value in values if value is not None and isfinite(value)]
        whole = len(known) == len(values)
        sums[seed] = sum(weight * x for (weight, _), x in zip(terms, known, strict=True)) if whole else None
    return sums


def interaction(deep: tuple[BySeed, BySeed], shallow: tuple[BySeed, BySeed]) -> dict[int, float | None]:
    """(treated - control) when deep minus the same when shallow; each is (treated, control)."""
    return combined([(1.0, deep[0]), (-1.0, deep[1]), (-1.0, shallow[0]), (1.0, shallow[1])])


def slopes(values: Mapping[float, BySeed]) -> dict[int, float | None]:
    """Each seed's least-squares slope of a quantity against what it is keyed by (depth).

    For the seeds that were run at every one of at least two points, so that slopes are over the same points.
    """
    points = np.array(sorted(values), dtype=float)
    if len(points) < 2:
        return {}
    weights = (points - points.mean()) / ((points - points.mean()) ** 2).sum()
    return combined([(float(w), values[x]) for w, x in zip(weights, sorted(values), strict=True)])


def bca(value: float, rows: Floats, *others: Floats) -> tuple[float, float]:
    """Ends of the bias-corrected and accelerated 95 % interval (Efron 1987, eq. 2.3).

    scipy.stats.bootstrap gives the same for one level (a test holds it), and cannot draw crossed ones.

    Args:
        value: the mean of rows.
        rows: S numbers, of which at least two differ.
        others: deviations from that mean at a further level, drawn independently of the rows and added.
    """
    drawn = _draws(len(rows)) @ rows
    for deviations in others:
        drawn = drawn + _resampled_means(deviations)
    near = 1e-9 * float(np.abs(drawn - value).max())  # resamples that equal the estimate count half
    share = (np.mean(drawn < value - near) + np.mean(drawn <= value + near)) / 2
    bias = ndtri(np.clip(share, 1 / (2 * RESAMPLES), 1 - 1 / (2 * RESAMPLES)))
    influences = [rows - value, *others]
    unit = max(float(np.abs(x).max()) for x in influences)  # cubes of small numbers would come to 0
    influences = [x / unit for x in influences]
    third = sum(fsum(x**3) / len(x) ** 3 for x in influences)
    second = sum(_squares(x) / len(x) ** 2 for x in influences)
    acceleration = third / (6 * second**1.5)
    z = bias + ndtri([LEVEL / 2, 1 - LEVEL / 2])
    low, high = np.quantile(drawn, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def _turned(x: Floats) -> tuple[bool, Floats]:
    """The numbers in order, or their negatives: whichever is greater.

    So an effect of the other sign is the mirror image, bit by bit.
    """
    turned = -x[::-1]
    return (True, turned) if tuple(x) < tuple(turned) else (False, x)


def _variance(x: Floats) -> float:
    """Unbiased; 0 where all are equal but for rounding."""
    found = _squares(x - fsum(x) / len(x)) / (len(x) - 1)
    return found if found > (1e-12 * float(np.abs(x).max())) ** 2 else 0.0


def _squares(x: Floats) -> float:
    return fsum(x**2)


def _interval(value: float, error: float, freedom: float, levels: Sequence[Floats]) -> tuple[float, float]:
    """Of a mean whose levels are drawn independently: rows in order, and deviations of images, if any."""
    if not error:
        return value, value
    reach = float(stdtrit(freedom, 1 - LEVEL / 2)) * error
    low, high = value - reach, value + reach
    rows, *others = levels
    if _variance(rows):
        ends = bca(value, rows, *others)
        low, high = min(low, ends[0]), max(high, ends[1])
    return low, high


@cache
def _draws(n: int) -> Floats:
    """How often each of n is in a resample, over n: the same at every call."""
    return np.random.default_rng(0).multinomial(n, [1 / n] * n, RESAMPLES) / n


def _resampled_means(x: Floats) -> Floats:
    """Means of resamples of many numbers that take few values."""
    values, counts = np.unique(x, return_counts=True)
    drawn = np.random.default_rng(1).multinomial(len(x), counts / len(x), RESAMPLES)
    return drawn @ values / len(x)


def wilson(share: float, n: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval of a share of `n` independent trials, 95 % unless told (Wilson 1927).

    Of a test accuracy it holds what the choice of test images leaves open; it knows nothing of the seed.
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)
