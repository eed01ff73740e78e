"""Lays a network's calls in a row: the main path, step by step, and what leaves it and comes back.

The main path is the longest: an addition continues f(x), a gate its map, a concatenation its deepest map. So
the layers between the two ends of a shortcut are those that it skips.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from skipscope.records.network_card import CallCard, NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.records.printed_calls import calls_of

Kind = Literal["conv", "linear", "pool", "shortcut", "gate", "append", "beside", "unfollowed"]
LAYERS = {"conv", "linear"}
JOINS = {"shortcut", "gate", "append", "beside", "unfollowed"}
IMAGE = -1


@dataclass(frozen=True, kw_only=True)
class Branch:
    """Calls beside the main path, one after the other."""

    kinds: tuple[Kind, ...]
    calls: tuple[CallCard, ...]
    start: int
    """The step after which it leaves the main path; `IMAGE` if before all."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A call on the main path."""

    kind: Kind
    call: CallCard
    start: int | None = None
    """The step after which a join's other maps left the main path; `IMAGE` if before all."""
    projected: bool = False
    """Whether the x of f(x) + x passes a layer of its own."""
    branches: tuple[Branch, ...] = ()
    """What computes a gate; at a join, the other maps, computed beside the main path."""

    @property
    def laned(self) -> bool:
        """Whether its branches are drawn: not what computes a gate, nor one layer that projects an x."""
        if self.kind == "shortcut":
            return any(sum(kind != "pool" for kind in branch.kinds) > 1 for branch in self.branches)
        return bool(self.branches) and self.kind in ("beside", "unfollowed")


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """A network as a row of steps."""

    steps: tuple[Step, ...]
    loose: tuple[tuple[int, Branch], ...]
    """Branches whose end is unknown or lies in another branch, by the step before which they are called."""
    unplaced: int
    """Joins of which the card does not say what lies between their ends."""


def wired(card: NetworkCard) -> Wiring:
    """Lays out the calls of a network's card, or what its print tells of them."""
    calls = calls_of(card)
    kinds = tuple(_kinds(card, calls))
    anatomy = anatomy_of(card)
    joins = (anatomy.shortcuts, anatomy.gates, anatomy.concatenations, anatomy.unfollowed)
    unplaced = sum(map(len, joins)) - sum(kind in JOINS for kind in kinds)
    return _Tracer(calls, kinds, _projected(card, calls)).wiring(unplaced)


def _kinds(card: NetworkCard, calls: Sequence[CallCard]) -> Iterator[Kind]:
    """Tells concatenations that append from those of branches side by side."""
    concatenations = {join.module: join.kind for join in anatomy_of(card).concatenations}
    for call in calls:
        yield concatenations[call.module] if call.kind == "concat" else call.kind


def _projected(card: NetworkCard, calls: Sequence[CallCard]) -> set[int]:
    """Returns the indices of the additions whose x passes a layer of its own."""
    kinds = {join.module: join.kind for join in anatomy_of(card).shortcuts}
    found = enumerate(calls)
    return {i for i, call in found if call.kind == "shortcut" and kinds[call.module] == "projection"}


class _Tracer:
    """Walks backwards along what calls read."""

    def __init__(self, calls: Sequence[CallCard], kinds: Sequence[Kind], projected: set[int]) -> None:
        self.calls, self.kinds, self.projected = calls, kinds, projected
        self.depths: list[int] = []
        for call, kind in zip(calls, kinds, strict=True):
            read = call.reads[:1] if kind == "gate" else call.reads
            before = max((self.depths[index] for index in read if index >= 0), default=0)
            self.depths.append(before + (kind in LAYERS))
        self.main = sorted(self._back(len(calls) - 1)) if calls else []
        self.position = {index: position for position, index in enumerate(self.main)} | {IMAGE: IMAGE}
        self.claimed = set(self.main)

    def wiring(self, unplaced: int) -> Wiring:
        """Makes a step of every call on the main path, then branches of what is left."""
        steps = tuple(self._step(index) for index in self.main)
        return Wiring(steps=steps, loose=tuple(self._loose()), unplaced=unplaced)

    def _next(self, index: int) -> int:
        """The call that a path goes on with backwards: f(x), a gate's map, else the deepest."""
        reads = self.calls[index].reads or (IMAGE,)
        if self.kinds[index] in ("shortcut", "gate"):
            return reads[0]
        return max(reads, key=lambda read: (self.depths[read] if read >= 0 else -1, read))

    def _back(self, index: int) -> Iterator[int]:
        while index >= 0:
            yield index
            index = self._next(index)

    def _step(self, index: int) -> Step:
        call, kind = self.calls[index], self.kinds[index]
        if kind not in JOINS:
            return Step(kind=kind, call=call)
        others = list(call.reads or (IMAGE,))
        others.remove(self._next(index))
        branches = [branch for read in others if (branch := self._branch(read)) is not None]
        starts = [self.position[read] for read in others if read in self.position]
        starts += [branch.start for branch in branches]
        return Step(
            kind=kind,
            call=call,
            start=min(starts, default=None),
            projected=index in self.projected,
            branches=tuple(branches),
        )

    def _branch(self, end: int) -> Branch | None:
        """The branch that ends with this call; None if that is on the main path or in another branch."""
        if end in self.claimed:
            return None
        found = []
        while end not in self.claimed and end >= 0:
            found.append(end)
            end = self._next(end)
        self.claimed.update(found)
        while end not in self.position:  # it left another branch
            end = self._next(end)
        found.reverse()
        return Branch(
            kinds=tuple(self.kinds[index] for index in found),
            calls=tuple(self.calls[index] for index in found),
            start=self.position[end],
        )

    def _loose(self) -> Iterator[tuple[int, Branch]]:
        """Yields branches of calls that no join of the main path reads."""
        for index in reversed(range(len(self.calls))):
            branch = self._branch(index)
            if branch is not None:
                yield sum(main < index for main in self.main), branch
