"""Changes to a network as one asks for them: data, checked against what the network has."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, assert_never

from pydantic import Field

from skipscope.anatomy.calls import Edit
from skipscope.errors import UnknownName
from skipscope.models.registry import build
from skipscope.probes import gates
from skipscope.probes.base import View
from skipscope.probes.evaluation import observe
from skipscope.probes.interventions import (
    Possible,
    cutting,
    deletion,
    edits_modules,
    gating,
    possible,
    scaling,
    together,
)
from skipscope.probes.reinitialisation import blocks_of, put_back
from skipscope.spec.values import Frozen

Name = Annotated[str, Field(max_length=300)]


class Delete(Frozen):
    """Removes a block."""

    kind: Literal["delete"]
    block: Name


class Reset(Frozen):
    """Puts a block back to its state before the first step."""

    kind: Literal["reset"]
    block: Name


class Scale(Frozen):
    """Computes alpha f(x) + x in place of f(x) + x."""

    kind: Literal["scale"]
    block: Name
    alpha: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Gates(Frozen):
    """Replaces a block's gates, or all of them."""

    kind: Literal["gates"]
    block: Name | None = None
    by: Literal["one", "mean", "other"]


class Cut(Frozen):
    """Sets the channels from some source to 0 in what a layer reads."""

    kind: Literal["cut"]
    target: Name
    source: Name


Change = Annotated[Delete | Reset | Scale | Gates | Cut, Field(discriminator="kind")]
MOST = 200
"""Changes at a time."""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A network with changes: the view with what was put back, and the edit for the rest."""

    view: View
    edit: Edit | None
    edits_modules: bool


def fitting(view: View, changes: Sequence[Change]) -> list[Change]:
    """Selects the changes that can be made to this network: those of a twin may not fit."""
    can = possible(view.anatomy)
    return [change for change in changes if not any(_unknown(can, change))]


def changed(view: View, changes: Sequence[Change], model: str) -> Changed:
    """Applies the changes to a network, which is called `model` in its run's spec.

    Raises:
        UnknownName: the network has no such part.
    """
    can = possible(view.anatomy)
    for change in changes:
        for kind, name, known in _unknown(can, change):
            raise UnknownName(kind, name, known)
    back = [change.block for change in changes if isinstance(change, Reset)]
    if back:
        start = build(model, seed=view.seed).state_dict()
        modules = [name for block in back for name in blocks_of(view.anatomy)[block]]
        view = replace(view, model=put_back(replace(view, start=start), modules))
    edits = list(_edits(view, changes))
    deletes = any(isinstance(change, Delete) for change in changes)
    return Changed(
        view=view,
        edit=together(edits) if edits else None,
        edits_modules=deletes and edits_modules(view.anatomy),
    )


def _unknown(can: Possible, change: Change) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yields what the network has not: the kind of part, its name, and those it has."""
    match change:
        case Delete():
            named = ("block that can be deleted", change.block, can.deleted)
        case Reset():
            named = ("block that can be reset", change.block, can.reset)
        case Scale():
            named = ("addition f(x) + x", change.block, can.scaled)
        case Gates():
            named = ("gate", change.block or "", can.gated if change.block or not can.gated else ("",))
        case Cut():
            if change.target not in can.cut:
                yield "layer that reads several sources", change.target, tuple(can.cut)
                return
            named = ("source of that layer", change.source, can.cut[change.target])
        case _:
            assert_never(change)
    if named[1] not in named[2]:
        yield named


def _edits(view: View, changes: Sequence[Change]) -> Iterator[Edit]:
    """Yields an edit for each kind of change."""
    if gone := [change.block for change in changes if isinstance(change, Delete)]:
        yield deletion(view.anatomy, gone)
    replacements = _replacements(view)
    for change in changes:
        match change:
            case Scale():
                yield scaling(change.block, change.alpha)
            case Gates():
                blocks = [change.block] if change.block else list(possible(view.anatomy).gated)
                yield gating(blocks, replacements[change.by]())
            case Cut():
                yield cutting(view.anatomy, change.target, [change.source])


def _replacements(view: View) -> dict[str, Callable[[], gates.Replacement]]:
    """Returns what makes each replacement for gates; a mean is one over `TOGETHER_IMAGES`."""

    def mean() -> gates.Replacement:
        sums = gates.Sums()
        observe(view.first(gates.TOGETHER_IMAGES), sums.add)
        return sums.mean

    return {
        "one": lambda: gates.one,
        "mean": mean,
        "other": lambda: lambda call: call.inputs[1][gates.derangement(view, len(call.inputs[1]))],
    }
