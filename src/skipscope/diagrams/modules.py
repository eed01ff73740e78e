"""Draws how a network's first dense block grows, and how its first gate is computed, with their numbers."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from skipscope.diagrams import marks, svg
from skipscope.diagrams.blocks import arrow
from skipscope.diagrams.loops import loops_of
from skipscope.diagrams.network import Labels, color_of
from skipscope.diagrams.wiring import Step, wired
from skipscope.figures import style
from skipscope.records.network_card import NetworkCard

SHOWN = 6
"""Layers of a dense block that are drawn, at most."""
STACK, TAP = 15.0, 5.0
"""Width of a stack of channels; from it to the line on which the next layer reads all of them."""
EDGE = 28.0
"""From the edges to the middle of the first and the last stack: half of the words below it."""
TALLEST, FLOOR = 112.0, 122.0
"""Height of the last stack; where all stacks stand."""
SHADES = (0.18, 0.55, 0.33, 0.75, 0.27, 0.62, 0.42, 0.85)
"""The fills of a vector's cells, which stand for numbers."""
CELL = 6.5
ABOVE, WAY = 58.0, 132.0
"""Heights of the gate's own way and of its map's."""
IN, FORK, MEAN, SMALL, GATE, VALVE, OUT = 30.0, 72.0, 142.0, 214.0, 290.0, 346.0, 408.0
"""From left to right: map, where the gate reads it, means, fewer numbers, gate, valve, weighed map."""


def draw_dense(card: NetworkCard, labels: Labels) -> str | None:
    """Draws the channels before and after each layer of the first dense block; None if there is none."""
    steps = wired(card).steps
    runs = [loop.joins for loop in loops_of(steps) if loop.kind == "append" and len(loop.joins) > 1]
    if not runs:
        return None
    ends = [steps[join].call.shape for join in runs[0]]
    first = ends[0][0] - _appended(steps, runs[0][0])
    widths = [first, *(shape[0] for shape in ends)]
    return svg.picture(_stacks(widths, ends[0][1:], color_of(card), labels), FLOOR + 54)


def _appended(steps: Sequence[Step], join: int) -> int:
    """Tells how many channels the layer before a concatenation made."""
    return steps[join - 1].call.shape[0]


def _stacks(widths: Sequence[int], sides: Sequence[int], color: str, labels: Labels) -> Iterator[str]:
    """Draws a stack a state: what was there below, what each layer appended above it."""
    last = len(widths) - 1
    drawn = last if last <= SHOWN else SHOWN - 1
    apart, scale = (svg.WIDTH - 2 * EDGE) / min(last, SHOWN), TALLEST / widths[drawn]
    for state in range(drawn + 1):
        x = EDGE + apart * state
        for low, high, tint in _segments(widths[: state + 1], color):
            y, tall = FLOOR - scale * high, scale * (high - low)
            yield svg.rectangle(x - STACK / 2, y, STACK, tall, fill=tint, stroke=svg.INK, stroke_width=0.7)
            if state < drawn:
                ends = (x + STACK / 2, y + tall / 2), (x + apart - STACK / 2, y + tall / 2)
                yield svg.line(*ends, stroke=color, stroke_width=0.9)
                yield svg.circle(x + STACK / 2 + TAP, y + tall / 2, 1.5, fill=svg.INK, class_="tap")
        if state < drawn:
            appended = scale * (widths[state + 1] - widths[state])
            lowest = FLOOR - scale * widths[0] / 2
            yield from _function(x, lowest, FLOOR - scale * widths[state], apart, appended, state + 1)
    if drawn < last:
        yield svg.text("…", EDGE + apart * (drawn + 1), FLOOR - TALLEST / 2, size=16.0)
    for slot, state in enumerate([*range(drawn + 1), *([last] if drawn < last else [])]):
        yield svg.text(str(widths[state]), EDGE + apart * slot, FLOOR + 15, bold=True)
        yield svg.text(_written(state), EDGE + apart * slot, FLOOR + 29, size=svg.SIZE)
    grown = {after - before for before, after in pairwise(widths)}
    told = labels["dense_growth"] if len(grown) == 1 else labels["dense_channels"]
    values = {"first": widths[0], "growth": max(grown), "layers": last, "last": widths[-1]}
    size = "×".join(map(str, sides))
    yield svg.text(told.format(**values, side=size), 1, FLOOR + 49, anchor="start")


def _segments(widths: Sequence[int], color: str) -> Iterator[tuple[int, int, str]]:
    """Yields a stack's parts from below with their shades: two in turns, so that neighbours differ."""
    for index, (low, high) in enumerate(pairwise((0, *widths))):
        yield low, high, style.tint(color, 0.22 if index == 0 else 0.42 + 0.4 * (index % 2))


def _function(
    x: float, lowest: float, top: float, apart: float, appended: float, number: int
) -> Iterator[str]:
    """Draws a layer that reads a whole stack, from its lowest part on, and appends to the next."""
    level = top - appended / 2
    read = x + STACK / 2 + TAP
    yield svg.line((read, lowest), (read, level), (x + apart / 2 - 11, level))
    yield svg.rectangle(
        x + apart / 2 - 11, level - 8, 22, 16, rx=3, fill="none", stroke=svg.INK, stroke_width=0.8
    )
    yield svg.text(f"f{chr(0x2080 + number)}", x + apart / 2, level + 3.8, size=svg.SIZE, italic=True)
    yield svg.line((x + apart / 2 + 11, level), (x + apart - STACK / 2 - 3, level))
    yield arrow(x + apart - STACK / 2, level, turn=-90)


def _written(layers: int) -> str:
    return "𝑘₀" if layers == 0 else f"𝑘₀ + {layers if layers > 1 else ''}𝑘"


def draw_gate(card: NetworkCard, labels: Labels) -> str | None:
    """Draws how the first gate of two layers weighs its map; None if there is none."""
    for step in wired(card).steps:
        inner = [call for branch in step.branches for call in branch.calls]
        if step.kind == "gate" and len(step.call.shape) == 3 and len(inner) == 2:
            return svg.picture(_gate(step.call.shape, inner[0].shape[0], color_of(card), labels), WAY + 48)
    return None


def _gate(shape: Sequence[int], reduced: int, color: str, labels: Labels) -> Iterator[str]:
    """Draws the map's way below, and above it what computes one number a channel and sets the valve."""
    channels, size = shape[0], "×".join(map(str, shape))
    ink = {"stroke": color, "stroke_width": 1.4}
    yield svg.line((IN, WAY), (OUT - 33, WAY))
    yield arrow(OUT - 28, WAY, turn=-90)
    yield svg.circle(FORK, WAY, 1.8, fill=color)
    yield marks.staple((FORK, WAY), (FORK, MEAN - 8, ABOVE), None, **ink)
    yield arrow(MEAN - 5, ABOVE, color, turn=-90)
    for left, right in ((MEAN, SMALL), (SMALL, GATE)):
        yield svg.line((left + 5, ABOVE), (right - 8, ABOVE), **ink)
        yield arrow(right - 5, ABOVE, color, turn=-90)
    yield marks.staple(None, (GATE + 5, VALVE, ABOVE), (VALVE, WAY - 16), **ink)
    yield arrow(VALVE, WAY - 9, color)
    yield svg.group([marks.valve(0, 0, 13, color)], transform=f"translate({svg.at(VALVE, WAY)}) rotate(180)")
    yield from _map(IN, None)
    yield from _map(OUT, SHADES[::-1])
    yield from _vector(MEAN, 8, SHADES, str(channels))
    yield from _vector(SMALL, 3, SHADES[3:], str(reduced))
    yield from _vector(GATE, 8, SHADES[::-1], str(channels))
    yield svg.text("s", (GATE + VALVE) / 2 + 4, ABOVE - 6, italic=True)
    headings = (("squeezing", (FORK + MEAN) / 2), ("exciting", SMALL), ("scaling", VALVE))
    yield from (svg.text(labels[key], x, 12, bold=True) for key, x in headings)
    for key, x in (
        ("averaged", (FORK + MEAN) / 2),
        ("narrowed", (MEAN + SMALL) / 2),
        ("widened", (SMALL + GATE) / 2),
    ):
        for row, words in enumerate(reversed(labels[key].split("\n"))):
            yield svg.text(words, x, ABOVE - 6 - 13 * row)
    yield svg.text(f"𝑓(𝑥)  {size}", 1, WAY + 42, anchor="start")
    yield svg.text(f"𝑠·𝑓(𝑥)  {size}", svg.WIDTH - 1, WAY + 42, anchor="end")
    ratio = labels["reduction"].format(ratio=channels // reduced, channels=channels, reduced=reduced)
    yield svg.text(ratio, (FORK + VALVE) / 2 + 6, WAY + 20)


def _map(x: float, shades: Sequence[float] | None) -> Iterator[str]:
    """Draws a map as planes, one a channel; weighed ones in shades."""
    side = 34.0
    for plane in range(4):
        back = 9 - 6.0 * plane
        opacity = 0.14 if shades is None else round(0.8 * shades[2 * plane], 2)
        left, top = x - side / 2 + back, WAY - side / 2 - back
        yield svg.rectangle(left, top, side, side, fill=svg.PAPER, stroke=style.INK, stroke_width=0.8)
        yield svg.rectangle(left, top, side, side, fill=style.INK, fill_opacity=str(opacity))


def _vector(x: float, cells: int, shades: Sequence[float], words: str) -> Iterator[str]:
    """Draws a vector as cells in shades, with its length below."""
    for cell in range(cells):
        top = ABOVE + (cell - cells / 2) * CELL
        yield svg.rectangle(x - 4.5, top, 9, CELL, fill=svg.PAPER, stroke=style.INK, stroke_width=0.7)
        yield svg.rectangle(x - 4.5, top, 9, CELL, fill=style.INK, fill_opacity=str(shades[cell]))
    yield svg.text(words, x, ABOVE + 4 * CELL + 13)
