"""From effects to verdicts.

**What counts as shown.** A claim names a direction and a bound, its smallest effect worth having (SESOI),
before any run. It is *supported* if the whole 95 % interval lies beyond the bound, *contradicted* if the
whole interval lies on this side of it (an effect too small to matter contradicts too), else *inconclusive*.

**What may go wrong, and how often.** Each verdict leaves out one side, which is a one-sided test at 2.5 %
against an effect of exactly the bound:

- *Supported* is false if the true effect is the bound or less. At the bound that happens in at most 2.5 %,
  at no effect at all in far less.
- *Contradicted* is false if the true effect is the bound or more; at the bound in at most 2.5 %. At no effect
  it is not false but right: an effect of 0 **is** too small to matter. An A/A comparison whose seeds agree
  closely is therefore contradicted in nearly all cases, and that is no false alarm.
- So what A/A must show, where the bound is not 0, is this: at no effect, *supported* in at most 5 %; with the
  bound itself added to one arm, **any** verdict in at most 5 %, since at the bound both are false. Where the
  bound is 0 the two are the same.
- A claim that networks differ, in whichever direction (`apart`), is false when supported if the true
  difference is within the bounds: at most 5 % where they are 0, else hardly more than 2.5 %.
- What it takes to see an effect of twice the SESOI in 80 % of cases is in `power_at_twice`.

**Several claims.** A family is a group of claims (shortcuts, concatenation, gates, course). Each claim has
one p, twice the smaller of its two one-sided ones; Holm's step-down test over the family's p allows all of
its verdicts together 5 % of a false one, direction included. A verdict needs both: the interval, which is
drawn at 95 % whatever else was claimed (so that it means the same in every report), and the family's
correction. Where the interval alone would do and the correction does not, the claim is inconclusive, and
says so. The other way round does not happen: a t that passes Holm's level lies within t's 95 %, and where
BCa reaches farther the interval decides. Claims that make no test (too few seeds, exact, not measured,
confounded) are not counted.

**Several quantities.** Of a claim that needs all its parts, supported means that each part is (the largest p:
an intersection-union test needs no correction, Berger 1982) and contradicted that any is (the smallest p,
times their number). Of a claim that some part suffices for, it is the other way round. Parts that do not
count are controls and context: they are shown with the verdict of their own interval, and decide nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, Literal

from skipscope.analysis.hypotheses import holm, p_above, p_below, power, seeds_needed
from skipscope.analysis.statistics import LEVEL, Estimate
from skipscope.claims.catalogue import Claim, Part
from skipscope.claims.model import (
    MINIMUM_SEEDS,
    ClaimResult,
    Effect,
    Finding,
    Group,
    Measurement,
    Verdict,
)


def p_values(part: Part, effect: Estimate) -> tuple[float, float]:
    """P for and against the part, on the scale of two-sided tests: at most 0.05 where the interval decides.

    1 where the drawn interval does not lie wholly on that side.
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
    """The claim's verdict, not yet corrected for its family (see `corrected`).

    Raises:
        KeyError: something was measured of a part that the claim does not have.
    """
    findings = tuple(_finding(claim.parts[each.part], each) for each in measured)
    counted = [finding for finding in findings if finding.counts]
    tested = [finding for finding in counted if finding.p_for is not None]
    result = ClaimResult(id=claim.id, group=claim.group, verdict="not_measured", findings=findings, data=data)
    whole = len(tested) == len(counted)
    p_for, p_against = [f.p_for or 0.0 for f in tested], [f.p_against or 0.0 for f in tested]
    if claim.needs == "all":
        ps = _every(p_for, whole=whole), _any(p_against, len(counted))
    else:
        ps = _any(p_for, len(counted)), _every(p_against, whole=whole)
    verdict: Verdict = _untested(counted)
    p = min(ps)
    if not tested:
        return _with_seeds(result.model_copy(update={"verdict": verdict}))
    towards: Literal["supported", "contradicted"] = "supported" if ps[0] <= ps[1] else "contradicted"
    found: dict[str, Any] = {
        "verdict": towards if p <= LEVEL else verdict,
        "towards": towards if p < 1 else "",
    }
    if not all(finding.exact for finding in counted):  # of what is counted there is no chance, and no test
        found |= {"p": p, "adjusted_p": p, "family": 1}
    return _with_seeds(result.model_copy(update=found))


def corrected(results: Iterable[ClaimResult]) -> tuple[ClaimResult, ...]:
    """The same, each verdict corrected by Holm for its group's other claims."""
    results = tuple(results)
    families: dict[Group, dict[str, float]] = {}
    for result in results:
        if result.p is not None:
            families.setdefault(result.group, {})[result.id] = result.p
    adjusted = {group: holm(ps) for group, ps in families.items()}
    return tuple(_with_family(result, adjusted.get(result.group, {})) for result in results)


def power_at_twice(bound: float, spread: float, *, n: int, family: int = 1) -> float:
    """Probability that a true effect of twice the bound is found beyond it.

    Args:
        bound: the SESOI.
        spread: standard deviation of a pair's difference, in the same unit.
        n: pairs.
        family: claims tested together; the worst place in Holm's order is assumed.
    """
    return power(bound, spread / n**0.5, n - 1, level=LEVEL / family)


def _finding(part: Part, measured: Measurement) -> Finding:
    effect = measured.effect
    enough = effect is not None and (effect.exact or (effect.n >= MINIMUM_SEEDS and not effect.dropped))
    p_for, p_against = p_values(part, effect) if effect is not None and enough else (None, None)
    if measured.confounds:
        p_for = p_against = None
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
    if p_for is not None and p_for <= LEVEL:
        return "supported"
    return "contradicted" if p_against is not None and p_against <= LEVEL else "inconclusive"


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
    """With what its open findings want for."""
    findings = tuple(
        finding.model_copy(update={"more_seeds": _more_seeds(finding, result)}) for finding in result.findings
    )
    return result.model_copy(update={"findings": findings})


def _more_seeds(finding: Finding, result: ClaimResult) -> int | None:
    effect, bound = finding.effect, finding.bound
    if effect is None or effect.dropped or finding.verdict == "confounded":
        return None
    settled = result.verdict in ("supported", "contradicted") or not finding.counts
    if finding.exact or (finding.verdict != "inconclusive" and settled):
        return 0
    if finding.direction in ("apart", "within") and effect.estimate < 0:
        bound = -bound
    wanted = max(0, MINIMUM_SEEDS - effect.n)
    if effect.n < 2:
        return wanted
    needed = seeds_needed(
        effect.estimate - bound,
        effect.spread,
        images_error=effect.images_error,
        least=effect.n + max(1, wanted),
        level=LEVEL / max(1, result.family) if finding.counts else LEVEL,
    )
    return None if needed is None else needed - effect.n


def _every(ps: Sequence[float], *, whole: bool) -> float:
    """P that all hold: each does; 1 if not all were tested."""
    return max(ps) if ps and whole else 1.0


def _any(ps: Sequence[float], number: int) -> float:
    """P that some hold, of so many that could have."""
    return min(1.0, number * min(ps)) if ps else 1.0


def _untested(counted: Sequence[Finding]) -> Verdict:
    """The verdict where the tests do not suffice for another."""
    verdicts = {finding.verdict for finding in counted}
    if "confounded" in verdicts:
        return "confounded"
    return "not_measured" if verdicts <= {"not_measured"} else "inconclusive"


def _with_family(result: ClaimResult, adjusted: Mapping[str, float]) -> ClaimResult:
    if result.id not in adjusted:
        return result  # it made no test
    p = adjusted[result.id]
    update: dict[str, Any] = {"adjusted_p": p, "family": len(adjusted)}
    if p > LEVEL and result.verdict in ("supported", "contradicted"):
        update["verdict"] = _untested([finding for finding in result.findings if finding.counts])
    return _with_seeds(result.model_copy(update=update))
