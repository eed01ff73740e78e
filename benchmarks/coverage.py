"""Coverage of the intervals: by simulation.

    python benchmarks/coverage.py [COMPARISONS]

Prints the per cent of simulated comparisons (default 10,000: Monte-Carlo error at most 0.5 points) whose
interval contains the true effect; then the same for test accuracies, drawing images anew as well as seeds.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from skipscope.analysis.statistics import Estimate, over_seeds, over_seeds_and_images

Floats = NDArray[np.float64]
PAIRS = (5, 8, 10, 20)


def wild(rng: np.random.Generator, n: int) -> Floats:
    """Normal values; one in ten has ten times the deviation."""
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


def covered(draw: Callable[[np.random.Generator, int], Floats], n: int, comparisons: int) -> float:
    """Per cent of intervals that contain 0."""
    rng = np.random.default_rng(n)
    held = sum(covers(over_seeds(dict(enumerate(draw(rng, n))))) for _ in range(comparisons))
    return 100 * held / comparisons


def right(rng: np.random.Generator, seeds: int, images: int, own: float) -> Floats:
    """Draws which images two equally accurate networks classify correctly: S x I differences.

    Images are hard or easy for both and, with standard deviation `own`, for one of them; seeds vary too.
    """
    hard = rng.normal(1.6, 1.0, images)
    between = rng.normal(0, own, images)
    arms = [hard + between / 2, hard - between / 2]
    thresholds = [arm + rng.normal(0, 0.03, (seeds, 1)) for arm in arms]
    one, other = ((rng.normal(0, 0.7, (seeds, images)) < t).astype(float) for t in thresholds)
    return one - other


def covered_images(seeds: int, images: int, own: float, comparisons: int) -> tuple[float, float]:
    """Per cent of intervals that contain 0: over seeds and images, and over seeds alone."""
    rng = np.random.default_rng(seeds)
    held = np.zeros(2)
    for _ in range(comparisons):
        table = right(rng, seeds, images, own)
        both, alone = over_seeds_and_images(table), over_seeds(dict(enumerate(table.mean(1))))
        held += [covers(both), covers(alone)]
    one, other = 100 * held / comparisons
    return float(one), float(other)


def covers(found: Estimate | None) -> bool:
    """Whether the interval contains 0."""
    return found is not None and found.low <= 0 <= found.high


def main() -> None:
    """Print both tables."""
    comparisons = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{'differences of':32s}n = 5, 8, 10, 20")
    for name, draw in DIFFERENCES.items():
        print(f"{name:32s}" + " ".join(f"{covered(draw, n, comparisons):5.1f}" for n in PAIRS))
    print("\ntest accuracies, 2,000 images: over seeds and images; over seeds alone")
    for own in (0.0, 0.5, 1.5):
        pairs = [covered_images(n, 2_000, own, comparisons // 5) for n in PAIRS]
        text = "   ".join(
            f"n = {n}: {both:.1f} {alone:.1f}" for n, (both, alone) in zip(PAIRS, pairs, strict=True)
        )
        print(f"images' own difference {own}: {text}")


if __name__ == "__main__":
    main()
