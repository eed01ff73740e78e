"""How often intervals hold the true effect: the table in `skipscope.analysis.statistics`, made again.

    python benchmarks/coverage.py [COMPARISONS]

Per cent of so many simulated comparisons (10,000 unless told: Monte-Carlo error at most 0.5 points) by the
BCa bootstrap alone, by Student's t alone and by what is drawn; then the same for test accuracies, of which
images are drawn anew with the seeds.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from skipscope.analysis.statistics import Estimate, bca, over_seeds, over_seeds_and_images

Floats = NDArray[np.float64]
PAIRS = (5, 8, 10, 20)


def wild(rng: np.random.Generator, n: int) -> Floats:
    """One run in ten strays ten times as far."""
    return rng.normal(size=n) * np.where(rng.random(n) < 0.1, 10, 1)


DIFFERENCES: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "two normals (A/A)": lambda rng, n: rng.normal(size=n) - rng.normal(size=n),
    "two uniforms (A/A)": lambda rng, n: rng.uniform(size=n) - rng.uniform(size=n),
    "two lognormals (A/A)": lambda rng, n: rng.lognormal(size=n) - rng.lognormal(size=n),
    "normals, one in ten wild (A/A)": lambda rng, n: wild(rng, n) - wild(rng, n),
    "two coins (A/A)": lambda rng, n: rng.integers(0, 2, n) - rng.integers(0, 2, n).astype(float),
    "gamma(4), skewed": lambda rng, n: rng.gamma(4, size=n) - 4,
    "exponential, very skewed": lambda rng, n: rng.exponential(size=n) - 1,
}


def covered(draw: Callable[[np.random.Generator, int], Floats], n: int, comparisons: int) -> list[float]:
    """Shares of intervals with 0 in them: BCa, t, drawn."""
    rng = np.random.default_rng(n)
    held = np.zeros(3)
    for _ in range(comparisons):
        d = draw(rng, n)
        found = over_seeds(dict(enumerate(d)))
        if found is None:
            continue
        reach = stdtrit(n - 1, 0.975) * found.error
        ends = bca(found.value, np.sort(d)) if found.error else (found.value, found.value)
        held += [
            ends[0] <= 0 <= ends[1],
            abs(found.value) <= reach,
            found.low <= 0 <= found.high,
        ]
    return list(100 * held / comparisons)


def right(rng: np.random.Generator, seeds: int, images: int, own: float) -> Floats:
    """Whether two networks, on average as good, are right: S I differences.

    Images are hard or easy for both, and, by `own`, for one of them; seeds are good or bad.
    """
    hard = rng.normal(1.6, 1.0, images)
    between = rng.normal(0, own, images)
    arms = [hard + between / 2, hard - between / 2]
    thresholds = [arm + rng.normal(0, 0.03, (seeds, 1)) for arm in arms]
    one, other = ((rng.normal(0, 0.7, (seeds, images)) < t).astype(float) for t in thresholds)
    return one - other


def covered_images(seeds: int, images: int, own: float, comparisons: int) -> tuple[float, float]:
    """Share of intervals with 0 in them over seeds and images, and over seeds alone."""
    rng = np.random.default_rng(seeds)
    held = np.zeros(2)
    for _ in range(comparisons):
        table = right(rng, seeds, images, own)
        both, alone = over_seeds_and_images(table), over_seeds(dict(enumerate(table.mean(1))))
        held += [covers(both), covers(alone)]
    one, other = 100 * held / comparisons
    return float(one), float(other)


def covers(found: Estimate | None) -> bool:
    """Whether 0 is in the interval."""
    return found is not None and found.low <= 0 <= found.high


def main() -> None:
    """Prints both tables."""
    comparisons = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{'differences of':32s}{'BCa, n = 5, 8, 10, 20':26s}{'t':26s}drawn")
    for name, draw in DIFFERENCES.items():
        columns = zip(*(covered(draw, n, comparisons) for n in PAIRS), strict=True)
        print(f"{name:32s}" + "".join(f"{' '.join(f'{x:5.1f}' for x in column):26s}" for column in columns))
    print("\ntest accuracies, 2,000 images: over seeds and images; over seeds alone")
    for own in (0.0, 0.5, 1.5):
        pairs = [covered_images(n, 2_000, own, comparisons // 5) for n in PAIRS]
        text = "   ".join(
            f"n = {n}: {both:.1f} {alone:.1f}" for n, (both, alone) in zip(PAIRS, pairs, strict=True)
        )
        print(f"images' own difference {own}: {text}")


if __name__ == "__main__":
    main()
