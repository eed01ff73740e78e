"""Judges claims by measured effects.

**Verdicts.** A claim names a direction and a bound, the smallest effect size of interest (SESOI), before any
run. It is *supported* if the whole interval lies beyond the bound, *contradicted* if the whole interval
lies on the other side of it (an effect too small to matter contradicts too), else *inconclusive*. Effect and
bound are compared on the part's scale (`scales.py`).

**Error rates.** Each verdict excludes one side, which is a one-sided test at 2.5 % against an effect of
exactly the bound:

- *Supported* is false if the true effect is the bound or less. At the bound that happens in at most 2.5 %,
  at no effect at all in far less.
- *Contradicted* is false if the true effect is the bound or more; at the bound in at most 2.5 %. At no effect
  it is right: an effect of 0 **is** too small to matter. An A/A comparison whose seeds agree closely is
  therefore nearly always contradicted, and that is no false positive.
- A/A must therefore show, if the bound is not 0: at no effect, *supported* in at most 5 %; with the bound
  itself added to one arm, **any** verdict in at most 5 %, since both are false at the bound. If the bound is
  0 the two are the same.
- A claim that networks differ in either direction (`apart`) is falsely supported if the true difference is
  within the bounds: in at most 5 % if they are 0, else in hardly more than 2.5 %.

**Several claims.** A family is a group of claims (shortcuts, concatenation, gates, course). Each claim has
one p, twice the smaller of its two one-sided ones; Holm's step-down test over the family's p allows all of
its verdicts together a probability of 5 % of any false one, direction included. Of m claims that of rank k
is tested at 0.05 / (m - k + 1), and what is drawn and printed is the interval of that level
(`hypotheses.holm_levels`), so that no verdict contradicts the interval beside it. Claims without a test (too
few pairs, exact, not measured, confounded) are not counted.

**Several quantities.** A claim that needs all its parts is supported if each part is (the largest p: an
intersection-union test needs no correction, Berger 1982) and contradicted if any is (the smallest p times
their number). For a claim that needs any part it is the reverse. So a part is tested at the claim's level,
divided by the number of parts where it alone would decide, which is on one side of its bound; its interval
is of the level of the side on which its estimate lies. Parts that do not count are controls and context: they
are shown with their 95 % interval and its verdict, and decide nothing.

**Few pairs.** A verdict needs five pairs (`MINIMUM_SEEDS`), or ten of an arm measured as it is, with neither
a control nor its own start to subtract (`MINIMUM_ALONE`). Counts need one.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from math import isfinite
from typing import get_args

from skipscope.analysis.hypotheses import holm, holm_levels, p_above, p_below
from skipscope.analysis.scales import Scale, bound_on, readable
from skipscope.analysis.statistics import ALPHA, Estimate
from skipscope.claims.catalogue import Claim, Part
from skipscope.claims.model import (
    MINIMUM_ALONE,
    MINIMUM_SEEDS,
    ClaimResult,
    Direction,
    Effect,
    Finding,
    Group,
    Measurement,
    Needs,
    Verdict,
)
from skipscope.claims.outlook import outlook


def p_values(direction: Direction, bound: float, effect: Estimate) -> tuple[float, float]:
    """P for and against an effect beyond the bound, both on the effect's scale, and both two-sided.

    At most `alpha` where the 1 - `alpha` interval decides.
    """
    if direction == "below":
        return p_values("above", -bound, effect.mirrored)
    if direction == "within":
        apart, inside = p_values("apart", bound, effect)
        return inside, apart
    if effect.exact:
        beyond = effect.value > bound or (direction == "apart" and effect.value < -bound)
        return (0.0, 1.0) if beyond else (1.0, 0.0)
    above = 2 * p_above(effect, bound)
    if direction == "above":
        return min(1.0, above), min(1.0, 2 * p_below(effect, bound))
    below = 2 * p_below(effect, -bound)
    inside = 2 * max(p_below(effect, bound), p_above(effect, -bound))
    return min(1.0, above, below), min(1.0, inside)


def judge(claim: Claim, measured: Sequence[Measurement], *, data: str = "") -> ClaimResult:
    """Judges a claim, not yet corrected for its family (see `corrected`).

    Raises:
        KeyError: a measurement is of a part that the claim does not have.
    """
    findings = tuple(_finding(claim.parts[each.part], each) for each in measured)
    p = _p([finding for finding in findings if finding.counts], claim.needs)
    result = ClaimResult(
        id=claim.id,
        group=claim.group,
        edition=claim.edition,
        needs=claim.needs,
        verdict="inconclusive",
        findings=findings,
        p=p,
        adjusted_p=p,
        family=int(p is not None),
        data=data,
    )
    return _settled(result)


def corrected(results: Iterable[ClaimResult]) -> tuple[ClaimResult, ...]:
    """The results, each verdict corrected by Holm for the other claims of its group."""
    results = tuple(results)
    found: dict[str, dict[str, float]] = {}
    for group in get_args(Group):
        ps = {each.id: each.p for each in results if each.group == group and each.p is not None}
        levels, adjusted = holm_levels(ps), holm(ps)
        found |= {id: {"level": levels[id], "adjusted_p": adjusted[id], "family": len(ps)} for id in ps}
    return tuple(
        _settled(each.model_copy(update=found[each.id])) if each.id in found else each for each in results
    )


def _p(counted: Sequence[Finding], needs: Needs) -> float | None:
    """P of the verdict that the parts that count point to; None if none was tested or all are exact."""
    tested = [finding for finding in counted if finding.p_for is not None]
    if not tested or all(finding.exact for finding in counted):
        return None
    p_for, p_against = [f.p_for or 0.0 for f in tested], [f.p_against or 0.0 for f in tested]
    of_all, of_any = (p_for, p_against) if needs == "all" else (p_against, p_for)
    # that all hold takes a test of each, and that any does a correction for their number
    every = max(of_all) if len(tested) == len(counted) else 1.0
    return min(1.0, every, len(counted) * min(of_any))


def _finding(part: Part, measured: Measurement) -> Finding:
    effect = measured.effect
    p_for = p_against = None
    if effect is not None and _is_tested(measured, effect):
        bound = bound_on(part.scale, part.bound, level=effect.level)
        p_for, p_against = p_values(part.direction, bound, effect)
    return Finding(
        part=part.id,
        counts=part.counts and not measured.context,
        comparison=str(measured.comparison),
        factor=measured.comparison.factor,
        arms=measured.comparison.arms,
        direction=part.direction,
        bound=part.bound,
        exact=part.exact,
        verdict="inconclusive",
        effect=None if effect is None else _effect(effect, part),
        measured=effect,
        p_for=p_for,
        p_against=p_against,
        confounds=measured.confounds,
        runs=measured.runs,
        missing=measured.missing,
        hint=measured.hint,
        lost=measured.lost,
        at_loss=measured.at_loss,
    )


def _is_tested(measured: Measurement, effect: Estimate) -> bool:
    """Whether there are enough pairs, all with a value, and nothing confounds them."""
    least = MINIMUM_ALONE if effect.level else MINIMUM_SEEDS
    enough = effect.exact or (effect.n >= least and not effect.dropped)
    return enough and not measured.confounds


def _effect(effect: Estimate, part: Part) -> Effect:
    """The estimate in the part's unit, with its 95 % interval."""
    low, high = _ends(effect, part.scale, ALPHA)
    return Effect(
        estimate=readable(part.scale, effect.value, level=effect.level),
        low=low,
        high=high,
        adjusted_low=low,
        adjusted_high=high,
        n=effect.n,
        unit=part.unit,
        scale=part.scale,
        ratio=part.scale != "linear" and not effect.level,
        spread=effect.spread,
        images_error=effect.images_error,
        error=effect.error,
        freedom=effect.freedom,
        skew=effect.skew,
        dropped=effect.dropped,
    )


def _ends(effect: Estimate, scale: Scale, alpha: float) -> tuple[float | None, float | None]:
    """The 1 - `alpha` interval as a reader reads it; None where it has no end."""
    low, high = (
        readable(scale, end, level=effect.level) if isfinite(end) else None for end in effect.at(alpha)
    )
    return low, high


def _settled(result: ClaimResult) -> ClaimResult:
    """The result with the verdicts, intervals and outlook that follow from its level."""
    parts = len(result.counted)
    findings = tuple(_tested(finding, result, parts) for finding in result.findings)
    verdicts = {finding.verdict for finding in findings if finding.counts}
    result = result.model_copy(update={"findings": findings, "verdict": _together(verdicts, result.needs)})
    told = tuple(outlook(finding, result) for finding in findings)
    return result.model_copy(update={"findings": told})


def decided(ps: Sequence[tuple[float, float]], needs: Needs, level: float) -> Verdict:
    """The verdict of parts that were all tested, from p for and against each, at the level of their claim."""
    verdicts = {_decided(*each, _level(each, needs, level, len(ps))) for each in ps}
    return _together(verdicts, needs)


def _tested(finding: Finding, result: ClaimResult, parts: int) -> Finding:
    """The finding judged at the level of its claim, with the interval of that level."""
    p_for, p_against, effect = finding.p_for, finding.p_against, finding.effect
    if effect is None or p_for is None or p_against is None or finding.measured is None:
        open_ = "not_measured" if effect is None else "confounded" if finding.confounds else "inconclusive"
        return finding.model_copy(update={"verdict": open_})
    ps = p_for, p_against
    level = _level(ps, result.needs, result.level, parts) if finding.counts else ALPHA
    low, high = _ends(finding.measured, effect.scale, level)
    shown = effect.model_copy(update={"adjusted_low": low, "adjusted_high": high, "level": 1 - level})
    return finding.model_copy(update={"verdict": _decided(*ps, level), "effect": shown})


def _level(ps: tuple[float, float], needs: Needs, level: float, parts: int) -> float:
    """The level at which a part is tested on the side of its bound on which its estimate lies."""
    claimed = ps[0] <= ps[1]
    alone = claimed == (needs == "any")  # on this side one part decides by itself
    return level / parts if alone else level


def _decided(p_for: float, p_against: float, level: float) -> Verdict:
    if min(p_for, p_against) > level:
        return "inconclusive"
    return "supported" if p_for <= p_against else "contradicted"


def _together(verdicts: AbstractSet[Verdict], needs: Needs) -> Verdict:
    """The verdict that those of the parts that count make together."""
    whole: Verdict
    part: Verdict
    whole, part = ("supported", "contradicted") if needs == "all" else ("contradicted", "supported")
    if part in verdicts:
        return part
    if verdicts == {whole}:
        return whole
    if "confounded" in verdicts:
        return "confounded"
    return "not_measured" if verdicts <= {"not_measured"} else "inconclusive"
