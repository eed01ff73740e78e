"""Says what an open finding would take: its power at the spread observed, and the seeds it still needs."""

from math import log

from skipscope.analysis.hypotheses import power, seeds_needed, spread_interval
from skipscope.analysis.scales import bound_on
from skipscope.analysis.statistics import Estimate
from skipscope.claims.model import MINIMUM_ALONE, MINIMUM_SEEDS, ClaimResult, Finding, SeedsNeeded


def outlook(finding: Finding, result: ClaimResult) -> Finding:
    """The finding of a judged claim with its power and the seeds that would settle it."""
    effect = finding.measured
    if effect is None or finding.effect is None:
        return finding
    update: dict[str, object] = {"power": power_of(finding)}
    settled = result.verdict in ("supported", "contradicted") or finding.verdict != "inconclusive"
    if finding.exact or settled:
        gone = effect.dropped or finding.verdict == "confounded"
        update |= {"more_seeds": None if gone and not finding.exact else 0, "seeds": None}
    elif not effect.dropped:
        seeds = _seeds(finding, effect)
        wanted = max(0, least_pairs(effect) - effect.n)
        update |= {"more_seeds": wanted if effect.n < 2 else seeds and seeds.likely, "seeds": seeds}
    return finding.model_copy(update=update)


def power_of(finding: Finding) -> float | None:
    """Probability that as many pairs support it if the effect is twice the smallest worth having.

    At the spread that was observed and the level of the finding's interval (noncentral t). None where that
    spread is unknown, or nothing is worth having.
    """
    effect = finding.measured
    if effect is None or finding.effect is None or finding.exact or effect.n < 2:
        return None
    gap = gap_at_twice(finding)
    if not gap:
        return None
    if effect.n < least_pairs(effect) or effect.dropped:
        return 0.0
    found = power(gap, effect.error, effect.freedom, level=1 - finding.effect.level)
    # an effect of 0 has to be told from either bound
    return max(0.0, 2 * found - 1) if finding.direction == "within" else found


def gap_at_twice(finding: Finding) -> float:
    """Distance on the scale from the bound to twice the smallest effect worth having.

    For a level on a scale of ratios that is twice the bound's value, or twice its odds.
    """
    scale, level = finding.effect.scale if finding.effect else "linear", finding.measured
    if level is not None and level.level and scale != "linear":
        return log(2)
    return abs(bound_on(scale, finding.bound, level=False))


def _seeds(finding: Finding, effect: Estimate) -> SeedsNeeded | None:
    """The range of further seeds; None if not even the least spread leaves a number of them."""
    if effect.n < 2 or finding.effect is None:
        return None
    bound = bound_on(finding.effect.scale, finding.bound, level=effect.level)
    mirrored = finding.direction in ("apart", "within") and effect.value < 0
    gap, least = effect.value + (bound if mirrored else -bound), effect.n + 1
    least = max(least, least_pairs(effect))
    low, high = spread_interval(effect.spread, effect.n - 1)
    few, likely, many = (
        seeds_needed(
            gap, spread, images_error=effect.images_error, least=least, level=1 - finding.effect.level
        )
        for spread in (low, effect.spread, high)
    )
    if few is None:
        return None
    return SeedsNeeded(
        least=few - effect.n,
        likely=None if likely is None else likely - effect.n,
        most=None if many is None else many - effect.n,
    )


def least_pairs(effect: Estimate) -> int:
    """The fewest pairs that a verdict takes: more of arms that are measured as they are."""
    return MINIMUM_ALONE if effect.level else MINIMUM_SEEDS
