"""Summarises a long line as buckets: of each its lowest, highest and mean value. Pure functions.

A bucket of one point is that point. Merging buckets is exact, so a page may merge what it was sent:
`static/buckets.js` does the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 1000
"""Buckets of a line: each is drawn as two points, its lowest and its highest."""
DIGITS = 6
"""Significant digits that are sent."""


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Buckets of a line, in its order."""

    step: NDArray[np.int64]
    """The last step of each."""
    count: NDArray[np.int64]
    """How many steps have a value."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]

    def columns(self) -> dict[str, list[Any]]:
        """Returns what is sent as JSON; null where no step has a value."""
        whole = {"step": self.step.tolist(), "count": self.count.tolist()}
        return whole | {name: rounded(getattr(self, name)) for name in ("low", "high", "mean")}


def starts(points: int, most: int = MOST) -> NDArray[np.int64]:
    """Returns where each bucket begins, if so many points are shared out among at most `most` of them."""
    size = max(1, -(-points // most))
    return np.arange(0, points, size)


def bucketed(step: NDArray[np.int64], value: NDArray[np.float64], most: int = MOST) -> Buckets:
    """Summarises a line; values that are not finite count as none."""
    value = np.where(np.isfinite(value), value, np.nan)
    if not len(step):
        return Buckets(step=step, count=step, low=value, high=value, mean=value)
    first = starts(len(step), most)
    last = np.append(first[1:], len(step)) - 1
    known = ~np.isnan(value)
    count = np.add.reduceat(known.astype(np.int64), first)
    total = np.add.reduceat(np.where(known, value, 0.0), first)
    mean = np.divide(total, count, out=np.full(len(first), np.nan), where=count > 0)
    return Buckets(
        step=step[last],
        count=count,
        low=np.fmin.reduceat(value, first),
        high=np.fmax.reduceat(value, first),
        mean=mean,
    )


def rounded(values: NDArray[np.float64]) -> list[float | None]:
    """Rounds to the digits that are sent; None for what is not finite, which JSON lacks."""
    return [float(f"{each:.{DIGITS}g}") if np.isfinite(each) else None for each in values]
