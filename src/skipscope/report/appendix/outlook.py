"""Says in a sentence or two what would settle an inconclusive claim, and at what cost."""

from skipscope.claims.model import ClaimResult, SeedsNeeded
from skipscope.report.context import Context
from skipscope.report.words import Inline, count, percent


def outlook_of(context: Context, result: ClaimResult) -> list[Inline]:
    """Returns its power at the spread that was observed, then the seeds still needed and their time."""
    if result.verdict != "inconclusive" or result.lacks_more_than_seeds:
        return []
    return [*_power(context, result), *_seeds(context, result)]


def _power(context: Context, result: ClaimResult) -> list[Inline]:
    if result.power is None:
        return []
    return [context.words("explanation.power", power=percent(result.power))]


def _seeds(context: Context, result: ClaimResult) -> list[Inline]:
    words, seeds = context.words, result.seeds
    if seeds is None:
        near = any(
            f.verdict == "inconclusive" and f.effect and f.effect.low is not None for f in result.counted
        )
        return [words("explanation.seeds_hopeless")] if near else []
    told = _seeds_between(context, seeds)
    if result.minutes is None:
        return [words("explanation.seeds", seeds=told)]
    return [words("explanation.seeds_timed", seeds=told, minutes=_between(context, *result.minutes))]


def _seeds_between(context: Context, seeds: SeedsNeeded) -> Inline:
    if seeds.most is None:
        return context.words("explanation.seeds_from", number=seeds.least)
    if seeds.most == seeds.least:
        return context.words("explanation.seeds_exactly", number=seeds.least)
    return context.words("explanation.seeds_between", least=seeds.least, most=seeds.most)


def _between(context: Context, least: float, most: float | None) -> str:
    """Writes a range of whole numbers."""
    if most is None:
        return context.words("explanation.range_from", least=count(least))
    if round(least) == round(most):
        return count(least)
    return context.words("explanation.range_between", least=count(least), most=count(most))
