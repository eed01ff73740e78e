"""Says what networks cost: counted from their cards, timed by this workspace's own runs."""

from collections.abc import Iterable
from statistics import median

import polars as pl

from skipscope.records.network_card import NetworkCard
from skipscope.report.handin.prose import Prose


def card_of(prose: Prose, arm: str) -> NetworkCard | None:
    """Returns the card of a network of this workspace's study; None if it has no such arm."""
    return next((each.network for each in prose.context.tables.summaries if each.arm == arm), None)


def params_of(prose: Prose, arm: str) -> int | None:
    """Returns a network's parameters, from this workspace or from any reference study."""
    if (card := card_of(prose, arm)) is not None:
        return card.params
    arms = (each for study in prose.evidence.reference.values() for each in study.arms)
    return next((each.parameters for each in arms if each.arm == arm and each.parameters), None)


def seconds_of(prose: Prose, arm: str) -> str | None:
    """Writes how long a run of this workspace took, training and validation, mean over seeds."""
    summary = next((each for each in prose.context.tables.summaries if each.arm == arm), None)
    found = summary.range_over_seeds("seconds") if summary else None
    return prose.context.words.duration(found.mean) if found else None


def steps_to(prose: Prose, loss: float, arms: Iterable[str]) -> dict[str, int]:
    """Returns the step at which the smoothed training loss first fell below this, median over seeds.

    An arm of which a seed never came so far is left out, and so are runs on other data than CIFAR-10.
    """
    table = prose.context.tables.steps.filter(pl.col("counted"))
    if not prose.evidence.on_cifar10:
        return {}
    found: dict[str, int] = {}
    for arm in arms:
        runs = table.filter(pl.col("arm") == arm).group_by("seed", maintain_order=True)
        first = runs.agg(step=pl.col("step").filter(pl.col("smoothed") < loss).min())["step"].to_list()
        if first and None not in first:
            found[arm] = round(median(first))
    return found
