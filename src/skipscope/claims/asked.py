"""Gives a part of a claim its quantity as it asks for it: on its scale, less the network's own start."""

from skipscope.analysis.quantities import Series
from skipscope.analysis.scales import onto
from skipscope.claims.catalogue import Part
from skipscope.claims.evidence import Evidence


def asked(part: Part, evidence: Evidence) -> Evidence:
    """The evidence with the part's quantity on its scale; as it was recorded if that is all it asks."""
    if not part.quantity or (part.scale == "linear" and not part.minus_start) or part.contrast_scales:
        return evidence
    series = _scaled(part, evidence.series(part.quantity))
    if part.minus_start:
        series = _less(series, _scaled(part, evidence.series_at_start(part.quantity)))
    return evidence.replaced(part.quantity, series)


def _scaled(part: Part, series: Series) -> Series:
    return {
        arm: {seed: onto(part.scale, value) for seed, value in runs.items()} for arm, runs in series.items()
    }


def _less(trained: Series, start: Series) -> Series:
    """Trained minus start, for runs that have both; None where either has no value."""
    found: dict[str, dict[int, float | None]] = {}
    for arm in trained.keys() & start.keys():
        one, other = trained[arm], start[arm]
        found[arm] = {
            seed: None if one[seed] is None or other[seed] is None else one[seed] - other[seed]
            for seed in sorted(one.keys() & other.keys())
        }
    return found
