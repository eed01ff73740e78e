"""Finds what leaves a network's main path and comes back, and how far above or below it that runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skipscope.diagrams import marks
from skipscope.diagrams.layout import height_of
from skipscope.diagrams.wiring import Branch, Kind, Step, Wiring

RISE = 9.0
"""From the layers to an arc, and from arc to arc."""
BUNDLE = 30.0
"""Height of a bundle, at most."""


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What leaves the main path and comes back above it: an arc, or a bundle of one or several joins."""

    start: int
    joins: tuple[int, ...]
    kind: Kind

    @property
    def end(self) -> int:
        """The last step that joins it."""
        return self.joins[-1]

    @property
    def thickness(self) -> float:
        """The height of all strands but the first."""
        count = len(self.joins)
        return count * marks.strands(count, BUNDLE) if self.kind in ("append", "beside") else 0.0

    def meets(self, other: "Loop") -> bool:
        """Tells whether both are above one layer."""
        return self.start < other.end and other.start < self.end


def loops_of(steps: Sequence[Step]) -> tuple[Loop, ...]:
    """Finds the loops; concatenations that append to one another, or to one map, are one bundle."""
    found: list[Loop] = []
    for index, step in enumerate(steps):
        if step.start is None or step.kind == "gate" or step.laned:
            continue
        last = next((loop for loop in reversed(found) if loop.kind == "append"), None)
        if step.kind == "append" and last is not None and step.start in (last.start, last.end):
            found[found.index(last)] = Loop(start=last.start, joins=(*last.joins, index), kind="append")
        else:
            found.append(Loop(start=step.start, joins=(index,), kind=step.kind))
    return tuple(found)


def rises(loops: Sequence[Loop], steps: Sequence[Step]) -> dict[Loop, float]:
    """Tells how far above the main path each loop runs: over its layers, and over the loops below it."""
    found: dict[Loop, float] = {}
    for loop in sorted(loops, key=lambda loop: (loop.end - loop.start, loop.start)):
        inside = steps[loop.start + 1 : loop.end + 1]
        layers = max((height_of(step) / 2 for step in inside), default=0)
        below = max((rise for other, rise in found.items() if loop.meets(other)), default=0)
        found[loop] = max(layers, below) + RISE + loop.thickness
    return found


def lanes_of(wiring: Wiring) -> Iterator[tuple[Branch, int, int]]:
    """Yields each branch with the step that ends it and a lane where no other one is."""
    taken: list[list[tuple[int, int]]] = []
    joined = (
        (branch, index) for index, step in enumerate(wiring.steps) if step.laned for branch in step.branches
    )
    loose = ((branch, min(before, len(wiring.steps) - 1)) for before, branch in wiring.loose)
    for branch, end in (*joined, *loose):
        span = (branch.start, max(end, branch.start + 1))
        lane = next(
            (n for n, spans in enumerate(taken) if not any(a < span[1] and span[0] < b for a, b in spans)),
            len(taken),
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append(span)
        yield branch, end, lane
