"""Contrasts of whole designs: agreement over its ceiling, and how much a factor explains of what varies."""

from collections.abc import Mapping, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from skipscope.analysis.statistics import Estimate, combined, over_seeds
from skipscope.claims.curves import ranked
from skipscope.claims.evidence import Evidence
from skipscope.spec.comparison import Comparison

Floats = NDArray[np.float64]


def agreement_over_ceiling(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Log of how well two arms' orders agree, over the agreement that their own seeds allow; mean over pairs.

    The ceiling is the root of the two arms' agreements with themselves across seeds. Orders of different
    seeds are compared throughout, since runs of one seed share the order of images as well. Every run is in
    many of these correlations, so seeds are not pairs: the estimate is of jackknife pseudo-values (Quenouille
    1956; Tukey 1958), one a seed. None from fewer than three seeds with an order in both arms.
    """
    series = evidence.series(quantity)
    share = 1 / len(comparison.treated)
    pairs = zip(comparison.treated, comparison.control, strict=True)
    pseudo = [(share, _pseudo_values(series.get(one, {}), series.get(other, {}))) for one, other in pairs]
    return over_seeds(combined(pseudo))


def _pseudo_values(
    one: Mapping[int, Sequence[float]], other: Mapping[int, Sequence[float]]
) -> dict[int, float | None]:
    """Jackknife pseudo-values of the log ratio by seed; empty if there are fewer than three seeds."""
    seeds = sorted(seed for seed in one.keys() & other.keys() if ranked(one[seed], other[seed]) is not None)
    n = len(seeds)
    if n < 3:
        return {}
    within = [_correlations(arm, arm, seeds) for arm in (one, other)]
    across = _correlations(one, other, seeds)
    whole = _log_ratio(across, *within)
    found: dict[int, float | None] = {}
    for index, seed in enumerate(seeds):
        rest = np.delete(np.arange(n), index)
        left = _log_ratio(*(table[np.ix_(rest, rest)] for table in (across, *within)))
        found[seed] = None if whole is None or left is None else n * whole - (n - 1) * left
    return found


def _correlations(
    one: Mapping[int, Sequence[float]], other: Mapping[int, Sequence[float]], seeds: Sequence[int]
) -> Floats:
    """Rank correlations of each seed's order in one arm with each in the other: S x S."""
    return np.array([[ranked(one[row], other[column]) or 0.0 for column in seeds] for row in seeds])


def _log_ratio(across: Floats, one: Floats, other: Floats) -> float | None:
    """Log of the mean over different seeds of one table, over the geometric mean of those of two others."""
    different = ~np.eye(len(across), dtype=bool)
    cross, *own = (float(table[different].mean()) for table in (across, one, other))
    return log(cross) - sum(map(log, own)) / 2 if min(cross, *own) > 0 else None


def rate_over_arm(evidence: Evidence, quantity: str, comparison: Comparison) -> Estimate | None:
    """Share of a seed's variance that the log learning rate explains, minus the share that the arm explains.

    Over pairs at several rates: treated and control at the first, at the second and so on. The rate explains
    by its regression line, the arm by the difference of its means; as both arms have the same rates, the two
    are independent and each has one degree of freedom. Between -1 and 1.
    """
    series = evidence.series(quantity)
    rates = [evidence.learning_rates(arms) for arms in (comparison.treated, comparison.control)]
    if rates[0] != rates[1] or len(set(rates[0])) < 2:
        return None
    arms = (*comparison.treated, *comparison.control)
    seeds = set.intersection(*(set(series.get(arm, {})) for arm in arms))
    table = {seed: [series[arm][seed] for arm in arms] for seed in sorted(seeds)}
    return over_seeds({seed: _explained(values, rates[0]) for seed, values in table.items()})


def _explained(values: Sequence[float | None], rates: Sequence[float]) -> float | None:
    """The difference of the two shares in one seed; None if a value is missing or none differ."""
    if any(value is None for value in values):
        return None
    y = np.array(values, dtype=float).reshape(2, len(rates))
    x = np.log(rates) - np.log(rates).mean()
    deviations = y - y.mean()
    total = float((deviations**2).sum())
    line = float((deviations @ x).sum()) ** 2 / (2 * float(x @ x))
    arm = len(rates) * float((deviations.mean(1) ** 2).sum())
    return (line - arm) / total if total else None
