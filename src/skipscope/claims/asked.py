"""Gives a part of a claim its quantity as asked: at a moment, on a scale, less the network's own start.

Quantities that move with how much was learnt are taken **at equal training loss**: where each run first fell
below the lowest level that all arms of the comparison have reached in every seed (`analysis.equal_loss`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from skipscope.analysis.equal_loss import common_level, snapshot_at, were_comparable
from skipscope.analysis.per_run import Series
from skipscope.analysis.scales import onto
from skipscope.claims.catalogue import Part
from skipscope.claims.evidence import Evidence
from skipscope.claims.model import Lost
from skipscope.spec.comparison import Comparison

Steps = dict[tuple[str, int], int]
"""By arm and seed, how many training steps were made."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The evidence as a part asks for it, or why there is none."""

    evidence: Evidence
    """Its series of the part's quantity is on the part's scale."""
    at_loss: float | None = None
    """The training loss at which arms are compared; None if they are compared at the start or the end."""
    missing: str = ""
    """What the runs lack, in words."""
    lost: Lost = ""
    """Why the quantity is not to be compared in these runs, whatever is measured of them."""
    arms: tuple[str, ...] = ()
    """The arms of which that is so."""


def asked(part: Part, evidence: Evidence, comparison: Comparison) -> Asked:
    """The part's quantity for the arms of a comparison."""
    if not part.quantity:
        return Asked(evidence=evidence)
    if poor := _inaccurate(part, evidence, comparison.arms):
        return Asked(evidence=evidence, lost="too_inaccurate", arms=poor)
    if part.moment != "equal_loss":
        recorded = evidence.series if part.moment == "end" else evidence.series_at_start
        return Asked(evidence=_on_scale(part, evidence, recorded(part.quantity)))
    return _at_equal_loss(part, evidence, comparison.arms)


def _at_equal_loss(part: Part, evidence: Evidence, arms: tuple[str, ...]) -> Asked:
    """The quantity at the lowest level that all arms have reached, and at which all were measured.

    Networks are measured where comparisons of the study need it. An arm by itself is in several of them, so
    the lowest level that it has reached need not be one at which it was measured.
    """
    ladder = evidence.study.snapshots.losses if evidence.study.snapshots else ()
    lowest = common_level(evidence.runs, arms, ladder)
    if ladder and lowest is None and were_comparable(evidence.runs, arms, ladder):
        return Asked(evidence=evidence, lost="loss_too_high", arms=arms)
    if lowest is None:
        return Asked(evidence=evidence, missing="weights at a training loss that all arms reach")
    for level in (level for level in sorted(ladder) if level >= lowest):
        series = evidence.series_after(part.quantity, _steps(evidence, arms, level))
        if all(series.get(arm) for arm in arms):
            break
    else:
        level, series = lowest, {}
    if part.max_loss is not None and level > part.max_loss:
        return Asked(evidence=evidence, at_loss=level, lost="loss_too_high", arms=arms)
    return Asked(evidence=_on_scale(part, evidence, series), at_loss=level)


def moments_of(part: Part, evidence: Evidence) -> Iterator[tuple[float, Steps]]:
    """Yields the levels at which a part of equal loss is asked, with when the runs of a pair came to them."""
    ladder = evidence.study.snapshots.losses if evidence.study.snapshots else ()
    for whole in part.comparisons(evidence):
        for pair in whole.pairs:
            level = common_level(evidence.runs, pair.arms, ladder)
            if level is not None:
                yield level, _steps(evidence, pair.arms, level)


def _inaccurate(part: Part, evidence: Evidence, arms: Iterable[str]) -> tuple[str, ...]:
    """The arms with a run whose validation accuracy is not above what the part needs."""
    least = part.min_accuracy
    if least is None:
        return ()
    results = {arm: [run.result for run in evidence.done.get(arm, {}).values()] for arm in arms}
    return tuple(arm for arm in results if any(r and r.val_accuracy <= least for r in results[arm]))


def _steps(evidence: Evidence, arms: Iterable[str], level: float) -> Steps:
    """When each run of these arms first fell below the level."""
    return {
        (arm, seed): kept.step
        for arm in arms
        for seed, run in evidence.runs.get(arm, {}).items()
        if (kept := snapshot_at(run, level))
    }


def _on_scale(part: Part, evidence: Evidence, series: Series) -> Evidence:
    """The evidence with this series for the part's quantity, on its scale and less its start."""
    if part.scale == "linear" and not part.minus_start and part.moment == "end":
        return evidence
    scaled = series if part.contrast_scales else _scaled(part, series)
    if part.minus_start:
        scaled = _less(scaled, _scaled(part, evidence.series_at_start(part.quantity)))
    return evidence.replaced(part.quantity, scaled)


def _scaled(part: Part, series: Series) -> Series:
    if part.scale == "linear":
        return series
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
