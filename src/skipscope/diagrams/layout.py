"""Places a network's steps from left to right, in as few lines as they take, and captions below them."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import ceil, log2, sqrt

from skipscope.diagrams import svg
from skipscope.diagrams.wiring import Kind, Step, Wiring
from skipscope.records.network_card import NetworkCard

LARGEST, SMALLEST, WRAPPED = 10.0, 3.7, 5.0
"""Width of a layer with its gap: of few; of so many that they just fit in a line; least in several lines."""
ROOM = svg.WIDTH - 2
GAP = 9.0
"""Between groups, at least."""
MOST = 72.0, 24.0
"""Between groups, at most: of a network in one line, and in several."""
INDENT = 11.0
"""Before the first group of a later line."""
IMAGE_SIDE = 22.0
LONGEST = 30
"""Letters of a caption's line, at most."""
_WIDTHS: dict[Kind, tuple[float, float]] = {
    "conv": (1.0, 0.0),
    "linear": (1.0, 0.0),
    "pool": (1.5, 6.5),
    "shortcut": (1.1, 3.6),
    "gate": (1.5, 9.0),
    "append": (1.1, 4.5),
    "beside": (1.1, 5.0),
    "unfollowed": (1.2, 9.0),
}
"""Width of a step in layers, and the least in pixels."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Steps that have one caption, or what fits of them into a line."""

    first: int
    after: int
    names: tuple[str, ...]
    """Lines of text."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A step, or the image, in its line."""

    line: int
    left: float
    right: float

    @property
    def middle(self) -> float:
        """The middle of a step."""
        return (self.left + self.right) / 2


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where everything is along the lines."""

    unit: float
    steps: tuple[Placed, ...]
    captions: tuple[tuple[int, float, tuple[str, ...]], ...]
    """Line, middle and texts."""
    lines: int

    def fork(self, step: int) -> tuple[int, float]:
        """Where a path leaves the main one after a step: its line, and how far along it."""
        if step + 1 == len(self.steps):
            return self.steps[step].line, self.steps[step].right
        after = self.steps[step + 1]
        return after.line, after.left


def laid_out(card: NetworkCard, wiring: Wiring, image: str) -> Layout:
    """Lays a network out; `image` is the word for its input."""
    lines, unit = _broken([Part(first=0, after=0, names=(image, "3×32×32"))], card, wiring.steps)
    placed, captions = list[Placed](), []
    for number, line in enumerate(lines):
        for part, left, width in _spread(line, wiring.steps, unit, number, MOST[len(lines) > 1]):
            captions.append((number, left + width / 2, part.names))
            x = left + (width - _content(part, wiring.steps, unit)) / 2
            for step in wiring.steps[part.first : part.after]:
                placed.append(Placed(line=number, left=x, right=(x := x + _width(step, unit))))
    return Layout(unit=unit, steps=tuple(placed), captions=tuple(captions), lines=len(lines))


def _broken(first: list[Part], card: NetworkCard, steps: Sequence[Step]) -> tuple[list[list[Part]], float]:
    """Breaks a network into lines: one if it fits at any width of a layer, else as few as there need be."""
    for pools, joined in ((True, False), (False, False), (False, True)):
        parts = first + grouped(card, steps, pools=pools, joined=joined)
        if unit := _widest(parts, steps):
            return [parts], unit
    parts = first + grouped(card, steps, pools=True)
    fewest = len(_filled(parts, steps, WRAPPED, ROOM))
    unit = next(unit for unit in _units(WRAPPED) if len(_filled(parts, steps, unit, ROOM)) == fewest)
    rooms = (ROOM - less for less in range(round(ROOM) - 60, -1, -2))
    room = next(room for room in rooms if len(_filled(parts, steps, unit, room)) == fewest)
    return _filled(parts, steps, unit, room), unit


def _widest(parts: Sequence[Part], steps: Sequence[Step]) -> float | None:
    """Finds, by halving, the largest width of a layer with which the parts fit into one line."""
    units = list(_units(SMALLEST))
    fits = bisect_left(range(len(units)), 1, key=lambda index: _total(parts, steps, units[index]) <= ROOM)
    return units[fits] if fits < len(units) else None


def height_of(step: Step) -> float:
    """Tells how high a step is drawn: by the logarithm of its map's side, of a vector as of one pixel."""
    shape = step.call.shape
    sides = shape[:-1] if step.kind == "linear" and shape[1:] != (1, 1) else shape[1:]  # channels may be last
    if len(shape) == 2:
        sides = (ceil(sqrt(shape[0])),)  # tokens, as a square
    return 10 + 7 * log2(max((1, *sides)))


def _units(smallest: float) -> Iterator[float]:
    """Yields widths to try, from the largest down."""
    return (LARGEST - index / 10 for index in range(round(10 * (LARGEST - smallest)) + 1))


def _width(step: Step, unit: float) -> float:
    share, least = _WIDTHS[step.kind]
    return max(share * unit, least)


def _content(part: Part, steps: Sequence[Step], unit: float) -> float:
    if part.after == 0:
        return IMAGE_SIDE
    return sum(_width(step, unit) for step in steps[part.first : part.after])


def _needed(part: Part, steps: Sequence[Step], unit: float) -> float:
    return max(_content(part, steps, unit), *(svg.width_of(name) for name in part.names), 0)


def _total(parts: Sequence[Part], steps: Sequence[Step], unit: float) -> float:
    return sum(_needed(part, steps, unit) for part in parts) + GAP * (len(parts) - 1)


def _pieces(part: Part, steps: Sequence[Step], unit: float) -> Iterator[Part]:
    """Cuts a part that is longer than a line, after joins if there are any, into equal pieces."""
    lines = -(-_content(part, steps, unit) // (ROOM - INDENT))
    if lines <= 1:
        yield part
        return
    size = (part.after - part.first) / lines
    first = part.first
    while first < part.after:
        wanted = min(part.after, first + max(1, int(size)))
        joins = [end for end in range(first + 1, wanted + 1) if steps[end - 1].start is not None]
        after = joins[-1] if joins and joins[-1] > first + size / 2 else wanted
        yield replace(
            part,
            first=first,
            after=after,
            names=part.names if first == part.first else (f"… {part.names[0]}",),
        )
        first = after


def _filled(parts: Sequence[Part], steps: Sequence[Step], unit: float, room: float) -> list[list[Part]]:
    """Fills line after line, each up to `room` if no part is longer."""
    lines: list[list[Part]] = [[]]
    for piece in (piece for part in parts for piece in _pieces(part, steps, unit)):
        if lines[-1] and _total([*lines[-1], piece], steps, unit) + INDENT * (len(lines) > 1) > room:
            lines.append([])
        lines[-1].append(piece)
    return lines


def _spread(
    line: Sequence[Part], steps: Sequence[Step], unit: float, number: int, most: float
) -> Iterator[tuple[Part, float, float]]:
    """Yields a line's parts with left end and width; what is left over widens the gaps, up to `most`."""
    x = 1.0 + (INDENT if number else 0)
    over = svg.WIDTH - 1 - x - _total(line, steps, unit)
    gap = min(most, GAP + over / max(1, len(line) - 1))
    for part in line:
        width = _needed(part, steps, unit)
        yield part, x, width
        x += width + gap


def grouped(card: NetworkCard, steps: Sequence[Step], *, pools: bool, joined: bool = False) -> list[Part]:
    """Groups steps by the network's stages; stages that are numbered alike by the size of the map.

    A caption names a pooling after its layer if `pools` is set. A stage of one layer is `joined`, if asked,
    with the next one whose map has that size.
    """
    names = sorted((stage.name for stage in card.stages), key=len, reverse=True)
    own = [_stage(step.call.module, names) for step in steps]
    stages = list(own)
    for index in range(1, len(stages)):  # a join or pooling outside of all stages, or a pooling of its own
        alone = stages[index] is None or (steps[index].kind == "pool" and stages.count(stages[index]) < 3)
        stages[index] = stages[index - 1] if alone else stages[index]
    runs = [[index for index, _ in run] for _, run in groupby(enumerate(stages), lambda each: each[1])]
    merged: list[list[int]] = []
    for run in runs:
        if merged and _alike(steps, stages, merged[-1], run, joined=joined):
            merged[-1] += run
        else:
            merged.append(run)
    return [_captioned(steps, stages, run, own[run[-1]] if pools else None) for run in merged]


def _stage(module: str, names: Sequence[str]) -> str | None:
    plain = module.partition(":")[0]
    return next((name for name in names if plain == name or plain.startswith(f"{name}.")), None)


def _alike(
    steps: Sequence[Step],
    stages: Sequence[str | None],
    before: Sequence[int],
    run: Sequence[int],
    *,
    joined: bool,
) -> bool:
    """Tells whether two groups with maps of one size have one caption: they are numbered alike, or joined."""
    one, other = stages[before[-1]], stages[run[0]]
    sizes = {steps[index].call.shape[1:] for index in (before[-1], run[-1])}
    alike = one is not None and other is not None and _unnumbered(one) == _unnumbered(other)
    return len(sizes) == 1 and (alike or (joined and len(before) == 1 and len(run) > 1))


def _unnumbered(name: str) -> str:
    return re.sub(r"\d+", "", name)


def _captioned(
    steps: Sequence[Step], stages: Sequence[str | None], run: Sequence[int], ends: str | None
) -> Part:
    """Names a group after its stages, with the one that `ends` it, and says its output's shape."""
    first, last = stages[run[0]], stages[run[-1]]
    name = first or last or ""
    if first is not None and last is not None and first != last:
        name = f"{first}–{last.rpartition('.')[2]}"
    name += f", {ends}" if ends is not None and ends != last else ""
    vectors = [steps[index].call.shape for index in run]
    shapes = vectors if len(vectors) <= 3 and all(len(each) == 1 for each in vectors) else vectors[-1:]
    if len(name) > LONGEST:
        name = f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 + 1 :]}"
    shape = ", ".join("×".join(map(str, each)) for each in shapes)
    return Part(first=run[0], after=run[-1] + 1, names=(name, shape))
