"""Draws the four blocks beside each other, from top to bottom: what is alike stands in one row.

The layers are those of our networks: plain, residual and gated blocks convolve, normalise and rectify after
the sum (`models/residual.py`, `models/classroom.py`); a dense layer normalises and rectifies first.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from skipscope.diagrams import marks, svg
from skipscope.diagrams.network import Labels
from skipscope.figures import style

BOX, HIGH, ROW = 64.0, 18.0, 21.5
"""Width and height of a layer's box; from row to row."""
FIRST = 58.0
"""Where the first row of boxes begins."""
GATE_BOX, GATE_ROW = 98.0, 15.5
"""Width of the box of an SE gate; between its lines of text."""
SKIP, BEND = 13.0, 6.0
"""From a column's boxes to its shortcut; how round its corners are."""
BODY = ("conv3", "norm", "relu", "conv3", "norm")
DENSE = ("norm", "relu", "conv1", "norm", "relu", "conv3")
GATE = ("mean", "squeeze", "relu", "excite", "sigmoid")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A block."""

    kind: str
    middle: float
    layers: tuple[str, ...]
    formula: str
    channels: str
    color: str

    @property
    def skip(self) -> float:
        """Where its shortcut runs."""
        return self.middle - BOX / 2 - SKIP


COLUMNS = (
    Column(kind="plain", middle=33, layers=BODY, formula="f(x)", channels="𝐶 → 𝐶", color=svg.INK),
    Column(
        kind="residual",
        middle=120,
        layers=BODY,
        formula="f(x) + x",
        channels="𝐶 → 𝐶",
        color=style.NETWORKS["resnet"].color,
    ),
    Column(
        kind="dense",
        middle=207,
        layers=DENSE,
        formula="[x, f(x)]",
        channels="𝐶 → 𝐶 + 𝑘",
        color=style.NETWORKS["densenet"].color,
    ),
    Column(
        kind="gated",
        middle=294,
        layers=BODY,
        formula="s·f(x) + x",
        channels="𝐶 → 𝐶",
        color=style.NETWORKS["se_resnet"].color,
    ),
)
AFTER = FIRST + len(BODY) * ROW + 5
"""Where the rows that all share end, and the gate begins."""
WEIGH = AFTER + len(GATE) * GATE_ROW + 21
"""Where the gate weighs f(x)."""
JOIN = WEIGH + 20
"""Where x is added or concatenated."""
LAST = JOIN + 12
"""Where the ReLU after the sum begins."""
OUTPUT = LAST + HIGH + 12


def draw_blocks(labels: Labels) -> str:
    """Draws a plain, a residual, a dense and a gated block."""
    parts = [part for column in COLUMNS for part in _column(column, labels)]
    return svg.picture(parts, OUTPUT + 34)


def _column(column: Column, labels: Labels) -> Iterator[str]:
    """Draws a block from its input to its output."""
    x, dense = column.middle, column.kind == "dense"
    yield svg.text(labels[column.kind], x, 12, size=svg.SIZE, bold=True)
    yield svg.text(column.formula, x, 29, size=svg.SIZE, italic=True)
    yield svg.text("x", x, 47, italic=True)
    boxes = [(layer, FIRST + row * ROW) for row, layer in enumerate(column.layers)]
    boxes += [] if dense else [("relu", LAST)]
    for layer, top in boxes:
        yield from box(labels[layer], x, top, filled=layer.startswith("conv"))
    ends = [50.0, *(edge for _, top in boxes for edge in (top, top + HIGH)), JOIN if dense else OUTPUT]
    yield from (svg.line((x, top), (x, after)) for top, after in zip(ends[::2], ends[1::2], strict=True))
    yield from _joined(column, labels)
    yield arrow(x, OUTPUT + 1)
    yield svg.text("y", x, OUTPUT + 14, italic=True)
    yield svg.text(column.channels, x, OUTPUT + 31, size=svg.SIZE)


def box(words: str, x: float, top: float, *, width: float = BOX, filled: bool = False) -> Iterator[str]:
    """Draws a layer's box with its name; a filled one has weights."""
    shade = {"fill": svg.INK, "fill_opacity": "0.16"} if filled else {"fill": "none"}
    yield svg.rectangle(x - width / 2, top, width, HIGH, rx=3, stroke=svg.INK, stroke_width=0.8, **shade)
    yield svg.text(words, x, top + 12.9)


def arrow(x: float, y: float, color: str = svg.INK, *, turn: int = 0) -> str:
    """Draws the head of an arrow that ends at a point: downwards, or turned by degrees."""
    head = svg.path("M-3 -5.6L0 0L3 -5.6Z", fill=color, stroke="none")
    return svg.group([head], transform=f"translate({svg.at(x, y)}) rotate({turn})")


def _joined(column: Column, labels: Labels) -> Iterator[str]:
    """Draws what is beside a block's layers, and where it joins them."""
    if column.kind == "dense":
        yield from _appended(column)
    elif column.kind != "plain":
        yield from _added(column)
    if column.kind == "gated":
        yield from _gated(column, labels)


def _skip(column: Column, end: str) -> Iterator[str]:
    """Draws x from above the layers along their side, on to what a path's `end` says."""
    x, left, start = column.middle, column.skip, FIRST - 4.5
    way = f"M{svg.at(x, start)}H{svg.number(left + BEND)}Q{svg.at(left, start)} {svg.at(left, start + BEND)}"
    yield svg.path(way + end, stroke=column.color, stroke_width=1.5)
    yield svg.circle(x, start, 1.8, fill=column.color)


def _added(column: Column) -> Iterator[str]:
    """Draws the shortcut and the sum."""
    turn = f"Q{svg.at(column.skip, JOIN)} {svg.at(column.skip + BEND, JOIN)}"
    yield from _skip(column, f"V{svg.number(JOIN - BEND)}{turn}H{svg.number(column.middle - 9)}")
    yield marks.plus(column.middle, JOIN, 6, column.color)
    yield arrow(column.middle - 6, JOIN, column.color, turn=-90)


def _appended(column: Column) -> Iterator[str]:
    """Draws x going past the layers, and both maps going on side by side."""
    x, left = column.middle, column.skip
    yield from _skip(column, f"V{svg.number(JOIN)}")
    yield svg.line((left - 4, JOIN), (x + 6, JOIN), stroke=column.color, stroke_width=3.0)
    for aside in (-1.6, 1.6):
        yield svg.line((x + aside, JOIN), (x + aside, OUTPUT - 4), stroke=column.color, stroke_width=1.3)
    yield svg.text("[x, f(x)]", x + 6, JOIN + 16, anchor="start", italic=True)


def _gated(column: Column, labels: Labels) -> Iterator[str]:
    """Draws the gate's box beside f(x), and the valve that it sets."""
    x, left = column.middle, column.middle + BOX / 2 + 9
    middle, top = left + GATE_BOX / 2, AFTER + 8
    foot = top + len(GATE) * GATE_ROW + 5
    yield svg.rectangle(left, top, GATE_BOX, foot - top, rx=3, fill="none", stroke=svg.INK, stroke_width=0.8)
    for row, layer in enumerate(GATE):
        yield svg.text(labels[layer], middle, top + 13 + row * GATE_ROW)
    start = AFTER - 3
    ink = {"stroke": column.color, "stroke_width": 1.5}
    into = f"Q{svg.at(middle, start)} {svg.at(middle, start + BEND)}V{svg.number(top - 3)}"
    yield svg.path(f"M{svg.at(x, start)}H{svg.number(middle - BEND)}{into}", **ink)
    yield svg.circle(x, start, 1.8, fill=column.color)
    yield arrow(middle, top, column.color)
    back = f"Q{svg.at(middle, WEIGH)} {svg.at(middle - BEND, WEIGH)}H{svg.number(x + 12)}"
    yield svg.path(f"M{svg.at(middle, foot)}V{svg.number(WEIGH - BEND)}{back}", **ink)
    turned = f"translate({svg.at(x, WEIGH)}) rotate(-90)"
    yield svg.group([marks.valve(0, 0, 12, column.color)], transform=turned)
    yield svg.text("s", x + 26, WEIGH - 4, italic=True)
