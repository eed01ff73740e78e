"""Judges claims by measured effects.

**Verdicts.** A claim names a direction and a bound, the smallest effect size of interest (SESOI), before any
run. It is *supported* if the whole 95 % interval lies beyond the bound, *contradicted* if the whole interval
lies on the other side of it (an effect too small to matter contradicts too), else *inconclusive*.

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
its verdicts together a probability of 5 % of any false one, direction included. A verdict needs both the 95 %
interval, which does not depend on other claims (so that it means the same in every report), and the
family's correction. If only the interval suffices, the claim is inconclusive. The reverse does not happen: a
t that passes Holm's level lies within t's 95 %, and the interval decides if BCa is wider. Claims without a
test (too few seeds, exact, not measured, confounded) are not counted.

**Several quantities.** A claim that needs all its parts is supported if each part is (the largest p: an
intersection-union test needs no correction, Berger 1982) and contradicted if any is (the smallest p times
their number). For a claim that needs any part it is the reverse. Parts that do not count are controls and
context: they are shown with the verdict of their own interval and decide nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, get_args

from skipscope.analysis.hypotheses import holm, p_above, p_below, seeds_needed
from skipscope.analysis.statistics import ALPHA, Estimate
from skipscope.claims.catalogue import Claim, Part
from skipscope.claims.model import MINIMUM_SEEDS, ClaimResult, Effect, Finding, Group, Measurement, Verdict


def p_values(part: Part, effect: Estimate) -> tuple[float, float]:
    """P for and against the part, on the two-sided scale: at most 0.05 where the interval decides.

    It is 1 unless the whole interval lies on that side.
    """
    b = part.bound
    if part.direction == "below":
        return p_values(part.model_copy(update={"direction": "above", "bound": -b}), effect.mirrored)
    if part.direction == "within":
        apart, inside = p_values(part.model_copy(update={"direction": "apart"}), effect)
        return inside, apart
    if effect.exact:
        beyond = effect.value > b or (part.direction == "apart" and effect.value < -b)
        return (0.0, 1.0) if beyond else (1.0, 0.0)
    above = 2 * p_above(effect, b) if effect.low > b else 1.0
    if part.direction == "above":
        return above, 2 * p_below(effect, b) if effect.high < b else 1.0
    below = 2 * p_below(effect, -b) if effect.high < -b else 1.0
    inside = 2 * max(p_below(effect, b), p_above(effect, -b)) if -b < effect.low <= effect.high < b else 1.0
    return min(above, below), inside


def judge(claim: Claim, measured: Sequence[Measurement], *, data: str = "") -> ClaimResult:
    """Judges a claim, not yet corrected for its family (see `corrected`).

    Raises:
        KeyError: a measurement is of a part that the claim does not have.
    """
    findings = tuple(_finding(claim.parts[each.part], each) for each in measured)
    counted = [finding for finding in findings if finding.counts]
    tested = [finding for finding in counted if finding.p_for is not None]
    p_for, p_against = [f.p_for or 0.0 for f in tested], [f.p_against or 0.0 for f in tested]
    of_all, of_any = (p_for, p_against) if claim.needs == "all" else (p_against, p_for)
    # p that all parts hold, which takes a test of each, and p that at least one does
    every = max(of_all) if tested and len(tested) == len(counted) else 1.0
    any_ = min(1.0, len(counted) * min(of_any)) if tested else 1.0
    ps = (every, any_) if claim.needs == "all" else (any_, every)
    verdict = _untested(counted)
    if min(ps) <= ALPHA:
        verdict = "supported" if ps[0] <= ps[1] else "contradicted"
    # counts involve no chance, so no test
    p = min(ps) if tested and not all(finding.exact for finding in counted) else None
    given = {"p": p, "adjusted_p": p, "family": int(p is not None), "data": data}
    result = ClaimResult(id=claim.id, group=claim.group, verdict=verdict, findings=findings, **given)
    return _with_seeds(result)


def corrected(results: Iterable[ClaimResult]) -> tuple[ClaimResult, ...]:
    """The results, each verdict corrected by Holm for the other claims of its group."""
    results = tuple(results)
    tested = [(each.group, each.id, each.p) for each in results if each.p is not None]
    adjusted = {group: holm({id: p for of, id, p in tested if of == group}) for group in get_args(Group)}
    return tuple(_with_family(result, adjusted[result.group]) for result in results)


def _finding(part: Part, measured: Measurement) -> Finding:
    effect = measured.effect
    enough = effect is not None and (effect.exact or (effect.n >= MINIMUM_SEEDS and not effect.dropped))
    tested = enough and not measured.confounds
    p_for, p_against = p_values(part, effect) if effect is not None and tested else (None, None)
    return Finding(
        part=part.id,
        counts=part.counts and not measured.context,
        comparison=str(measured.comparison),
        factor=measured.comparison.factor,
        arms=measured.comparison.arms,
        direction=part.direction,
        bound=part.bound,
        exact=part.exact,
        verdict=_own_verdict(measured, p_for, p_against),
        effect=None if effect is None else _effect(effect, part.unit),
        p_for=p_for,
        p_against=p_against,
        confounds=measured.confounds,
        runs=measured.runs,
        missing=measured.missing,
        hint=measured.hint,
        lost=measured.lost,
    )


def _own_verdict(measured: Measurement, p_for: float | None, p_against: float | None) -> Verdict:
    if measured.effect is None:
        return "not_measured"
    if measured.confounds:
        return "confounded"
    if p_for is not None and p_for <= ALPHA:
        return "supported"
    return "contradicted" if p_against is not None and p_against <= ALPHA else "inconclusive"


def _effect(effect: Estimate, unit: str) -> Effect:
    low, high = (end if isfinite(end) else None for end in (effect.low, effect.high))
    return Effect(
        estimate=effect.value,
        low=low,
        high=high,
        n=effect.n,
        unit=unit,
        spread=effect.spread,
        images_error=effect.images_error,
        dropped=effect.dropped,
    )


def _with_seeds(result: ClaimResult) -> ClaimResult:
    """The result with the number of further seeds for each finding."""
    findings = (each.model_copy(update={"more_seeds": _more_seeds(each, result)}) for each in result.findings)
    return result.model_copy(update={"findings": tuple(findings)})


def _more_seeds(finding: Finding, result: ClaimResult) -> int | None:
    effect = finding.effect
    if effect is None or effect.dropped or finding.verdict == "confounded":
        return None
    settled = result.verdict in ("supported", "contradicted") or not finding.counts
    if finding.exact or (finding.verdict != "inconclusive" and settled):
        return 0
    mirrored = finding.direction in ("apart", "within") and effect.estimate < 0
    wanted = max(0, MINIMUM_SEEDS - effect.n)
    if effect.n < 2:
        return wanted
    needed = seeds_needed(
        effect.estimate + (finding.bound if mirrored else -finding.bound),
        effect.spread,
        images_error=effect.images_error,
        least=effect.n + max(1, wanted),
        level=ALPHA / max(1, result.family) if finding.counts else ALPHA,
    )
    return None if needed is None else needed - effect.n


def _untested(counted: Sequence[Finding]) -> Verdict:
    """The verdict if no test is significant."""
    verdicts = {finding.verdict for finding in counted}
    if "confounded" in verdicts:
        return "confounded"
    return "not_measured" if verdicts <= {"not_measured"} else "inconclusive"


def _with_family(result: ClaimResult, adjusted: Mapping[str, float]) -> ClaimResult:
    if result.id not in adjusted:
        return result  # no test was made
    p = adjusted[result.id]
    update: dict[str, Any] = {"adjusted_p": p, "family": len(adjusted)}
    if p > ALPHA and result.verdict in ("supported", "contradicted"):
        update["verdict"] = _untested(result.counted)
    return _with_seeds(result.model_copy(update=update))
