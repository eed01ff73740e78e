"""Coverage of the interval function, simulated: the table of docs/statistics.md.

`skipscope calibrate --coverage` prints it. The function is the one in use, `analysis.statistics.over_seeds`,
and for test accuracies `over_seeds_and_images`.
"""

from collections.abc import Callable, Iterable

import numpy as np

from skipscope.analysis.statistics import Estimate, over_seeds, over_seeds_and_images
from skipscope.claims.calibration.draws import DISTRIBUTIONS, Floats
from skipscope.spec.values import Frozen

PAIRS = (5, 10, 20)
STUDIES = 20_000
"""Simulated studies of each distribution and number of pairs: a standard error of 0.15 points at 95 %."""
IMAGES, IMAGES_SHARE = 1_000, 50
"""Test images of a simulated accuracy; a fiftieth of the studies, since each is 1,000 times as large."""
ACCURACY = "test accuracy, images drawn anew"


class Coverage(Frozen):
    """How often the 95 % interval contains the truth."""

    differences: str
    """Their distribution."""
    pairs: int
    studies: int
    covered: float
    """Share of intervals that contain the truth, 0..1."""
    above: float
    """Share of intervals that lie wholly above the truth."""
    below: float


def coverage(studies: int = STUDIES, *, on_event: Callable[[], object] = lambda: None) -> list[Coverage]:
    """Simulates each distribution at each number of pairs; the same numbers at every call.

    Args:
        studies: simulated studies of each; a fiftieth of them of test accuracies.
        on_event: called after each distribution and number of pairs.
    """
    found: list[Coverage] = []
    for name, draw in DISTRIBUTIONS.items():
        for n in PAIRS:
            rng = np.random.default_rng([n, *name.encode()])
            found.append(_of(name, n, (over_seeds(dict(enumerate(d))) for d in draw(rng, (studies, n)))))
            on_event()
    for n in PAIRS:
        rng = np.random.default_rng([n, *ACCURACY.encode()])
        tables = (right(rng, n, IMAGES) for _ in range(max(1, studies // IMAGES_SHARE)))
        found.append(_of(ACCURACY, n, map(over_seeds_and_images, tables)))
        on_event()
    return found


def _of(name: str, n: int, estimates: Iterable[Estimate | None]) -> Coverage:
    """The shares of these intervals that contain a truth of 0, or lie on either side of it."""
    ends = np.array([(each.low, each.high) for each in estimates if each is not None])
    above, below = float((ends[:, 0] > 0).mean()), float((ends[:, 1] < 0).mean())
    return Coverage(
        differences=name, pairs=n, studies=len(ends), covered=1 - above - below, above=above, below=below
    )


def right(rng: np.random.Generator, seeds: int, images: int) -> Floats:
    """Draws which images two equally accurate networks classify correctly: S x I differences.

    Images are hard or easy for both and, half as much, for one of them; seeds vary too.
    """
    hard = rng.normal(1.6, 1.0, images)
    between = rng.normal(0, 0.5, images)
    thresholds = [arm + rng.normal(0, 0.03, (seeds, 1)) for arm in (hard + between / 2, hard - between / 2)]
    one, other = ((rng.normal(0, 0.7, (seeds, images)) < t).astype(float) for t in thresholds)
    difference: Floats = one - other
    return difference
