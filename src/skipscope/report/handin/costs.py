"""Says what networks cost: counted from their cards, timed by this workspace's own runs."""

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
