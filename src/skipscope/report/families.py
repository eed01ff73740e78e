"""Tells which family of our networks a model is of, and which arms of a large study stand for all."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from skipscope.analysis.tables import ArmSummary
from skipscope.records.printed import anatomy_of
from skipscope.spec import UserNetwork
from skipscope.spec.derived import CONTROLS

FAMILIES = ("se_resnet_static", "se_resnet_half", "se_resnet", "densenet", "chain", "resnet", "plain", "cnn")
AS_IN_A_PAPER = re.compile(r"[a-z_]+\d")
"""Matches `resnet20` and `densenet_bc100_k12`, but not `resnet_nopool`, a classroom network's variant."""
MOST = 6
"""Networks that are drawn and described one by one."""


class Family(NamedTuple):
    """A network's family, and whether it is built as in a paper or as the classroom's."""

    name: str
    kind: Literal["paper", "classroom"]


def family_of(model: str) -> Family | None:
    """Finds a network's family; None of a user's own."""
    if UserNetwork.parse(model) is not None:  # its file may be called resnet.py
        return None
    stem = re.sub(r"\d+|_pool", "", model)
    name = "plain" if model in CONTROLS else next((name for name in FAMILIES if stem.startswith(name)), None)
    if name is None:
        return None
    return Family(name, "paper" if AS_IN_A_PAPER.match(model) else "classroom")


def told_apart(summaries: Sequence[ArmSummary]) -> list[ArmSummary]:
    """Selects arms that differ in their network; of more than `MOST` networks, the deepest of each family.

    A user's own network is a family of its own. A control waits for the chapter that explains, unless there
    would be one network without it.
    """
    models = {each.model: each for each in reversed(summaries) if each.network is not None}
    found = [each for each in summaries if models.get(each.model) is each]
    assigned = [each for each in found if CONTROLS.get(each.model) not in models]
    found = assigned if len(assigned) > 1 else found
    if len(found) <= MOST:
        return found
    deepest: dict[object, ArmSummary] = {}
    for each in found:
        family = family_of(each.model)
        key = family.name if family else each.model
        if key not in deepest or _depth(each) > _depth(deepest[key]):
            deepest[key] = each
    return list(deepest.values())[:MOST]


def _depth(summary: ArmSummary) -> int:
    return anatomy_of(summary.network).depth if summary.network else 0
