"""Draws networks from their cards: layers in a row, sums as arcs, concatenations as bundles, gates as valves.

A layer is as high as the logarithm of its map's side. What leaves the main path goes above it and comes back
where it is joined; branches side by side run below.
"""

from collections.abc import Callable, Mapping, Sequence

from skipscope.diagrams import marks, svg
from skipscope.diagrams.layout import laid_out
from skipscope.diagrams.row import Row
from skipscope.diagrams.wiring import Step, Wiring, wired
from skipscope.figures import style
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of

Labels = Mapping[str, str]
"""Words of diagrams: the table `[diagram]` of a language's texts."""
TITLE = 18.0
"""Height of a network's name."""
APART = 6.0
"""Between networks."""


def draw_network(card: NetworkCard, labels: Labels) -> str:
    """Draws a network, and explains the symbols."""
    wiring = wired(card)
    row = _row(card, wiring, labels, 2.0)
    return svg.picture(*_explained([*row.parts()], row.bottom, [wiring], labels))


def draw_networks(cards: Sequence[NetworkCard], labels: Labels) -> str:
    """Draws networks one below the other, each with its name and depth, and explains the symbols once."""
    parts, y, wirings = list[str](), 2.0, []
    for card in cards:
        wiring = wired(card)
        name = svg.text(card.name, 1.0, y + 11, anchor="start", size=svg.SIZE, bold=True)
        depth = labels["depth"].format(depth=anatomy_of(card).depth)
        after = 1.0 + svg.width_of(card.name, svg.SIZE) + 8
        row = _row(card, wiring, labels, y + TITLE)
        parts += [name, svg.text(depth, after, y + 11, anchor="start", faint=True), *row.parts()]
        wirings.append(wiring)
        y = row.bottom + APART
    return svg.picture(*_explained(parts, y - APART, wirings, labels))


def _row(card: NetworkCard, wiring: Wiring, labels: Labels, top: float) -> Row:
    return Row(wiring, laid_out(card, wiring, labels["image"]), top=top, color=color_of(card))


def color_of(card: NetworkCard) -> str:
    """Chooses the colour that a network has everywhere."""
    return style.looks([card.name])[card.name].color


def _explained(
    parts: list[str], bottom: float, wirings: Sequence[Wiring], labels: Labels
) -> tuple[list[str], float]:
    """Adds the legend of the symbols that are used, and what could not be drawn; returns also the height."""
    steps = [step for wiring in wirings for step in wiring.steps]
    entries = [(drawn, labels[key]) for key, used, drawn in _SYMBOLS if any(map(used, steps))]
    explained, y = marks.legend(entries, bottom + 20)
    parts += explained
    unplaced = sum(wiring.unplaced for wiring in wirings)
    if unplaced:
        y += 16
        parts.append(svg.text(labels["unplaced"].format(count=unplaced), 1.0, y, anchor="start", faint=True))
    return parts, y + 8


def _arc(dash: str | None) -> str:
    """Draws an arc and its sum around (0, 0)."""
    staple = marks.staple((-9, 5), (-9, 6, -5), (6, 0.6), stroke_width=1.3, stroke_dasharray=dash)
    return staple + svg.line((-11, 5), (11, 5)) + marks.plus(6, 5, 4.4, svg.INK)


def _bundle() -> str:
    """Draws a bundle around (0, 0)."""
    strands = (svg.line((-11 + 5 * number, 2 * number - 4), (9, 2 * number - 4)) for number in range(3))
    return "".join(strands) + svg.line((9, -5), (9, 6), stroke_width=2.4)


def _beside() -> str:
    """Draws branches that meet, around (0, 0)."""
    return (
        svg.line((-10, -3), (9, -3))
        + svg.line((-10, 4), (9, 4))
        + svg.line((9, -6), (9, 6), stroke_width=2.4)
    )


def _is(*kinds: str) -> Callable[[Step], bool]:
    return lambda step: step.kind in kinds


_SYMBOLS: tuple[tuple[str, Callable[[Step], bool], str], ...] = (
    ("conv", _is("conv"), marks.layer("conv", 0, 0, 6.4, 16)),
    ("linear", _is("linear"), marks.layer("linear", 0, 0, 6.4, 10)),
    ("pool", _is("pool"), marks.pool(0, 0, 9, 16, 8)),
    ("identity", lambda step: step.kind == "shortcut" and not step.projected, _arc(marks.SOLID)),
    ("projection", lambda step: step.projected, _arc(marks.DASHED)),
    ("append", _is("append"), _bundle()),
    ("beside", _is("beside"), _beside()),
    ("gate", _is("gate"), marks.valve(0, -2, 10, svg.INK)),
    ("unfollowed", _is("unfollowed"), marks.unknown(0, 0)),
)
"""Words, what they are needed for, and the symbol around (0, 0)."""
