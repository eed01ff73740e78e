"""Draws the symbols of a diagram: layers, and what adds, concatenates, weighs or joins otherwise.

Each is a group whose class says what it is (`layer`, `arc`, `bundle`, `valve`, `unknown`), which a page's
style may change and tests count.
"""

from collections.abc import Sequence

from skipscope.diagrams import svg
from skipscope.figures import style

SOLID, DASHED, DOTTED = None, "3.2 2.2", "1 2.2"
LAYER = style.tint(style.FAINT_INK, 0.42)
LINEAR = style.FAINT_INK
STRAND = 3.2
"""Between the strands of a bundle, at most."""
LINE, BEFORE, BETWEEN = 19.0, 4.0, 14.0
"""Pixels in a legend: from line to line, between a symbol and its words, and between columns."""
Point = tuple[float, float]


def layer(kind: str, x: float, y: float, width: float, height: float, fill: str | None = None) -> str:
    """Draws a layer in the middle of (x, y): a convolution light, a linear layer dark."""
    drawn: dict[str, object] = {"fill": fill or (LAYER if kind == "conv" else LINEAR)}
    if fill is not None:  # the lightest is as white as paper
        drawn |= {"stroke": svg.INK, "stroke_width": 0.5, "stroke_opacity": 0.6}
    left, top = x - width / 2, y - height / 2
    return svg.rectangle(left, top, width, height, rx=min(1.5, width / 4), class_=f"layer {kind}", **drawn)


def pool(x: float, y: float, width: float, before: float, after: float) -> str:
    """Draws a pooling as a funnel between two heights of maps."""
    left, right = x - width / 2, x + width / 2
    corners = ((left, y - before / 2), (right, y - after / 2), (right, y + after / 2), (left, y + before / 2))
    outline = "M" + "L".join(svg.at(*corner) for corner in corners) + "Z"
    return svg.path(outline, stroke_width=0.9, stroke_linejoin="round", class_="pool")


def plus(x: float, y: float, radius: float, color: str) -> str:
    """Draws a sum: a plus in a ring, a dot where that would be too small."""
    if radius < 2.6:
        return svg.circle(x, y, max(radius, 1.5), fill=color)
    arm = radius - 1.4
    ink = {"stroke": color, "stroke_width": svg.LINE}
    cross = f"M{svg.at(x - arm, y)}h{svg.number(2 * arm)}M{svg.at(x, y - arm)}v{svg.number(2 * arm)}"
    return svg.circle(x, y, radius, fill="none", **ink) + svg.path(cross, **ink)


def valve(x: float, y: float, width: float, color: str) -> str:
    """Draws a gate as a valve: two triangles that meet, and a stem with a wheel."""
    half, tall = width / 2, max(3.2, width * 0.36)
    stem = tall + 3.4
    sides = (
        f"M{svg.at(x + side, y - tall)}L{svg.at(x, y)}L{svg.at(x + side, y + tall)}Z"
        for side in (-half, half)
    )
    body = svg.path("".join(sides), fill=color, stroke=color, stroke_width=0.6)
    wheel = svg.line((x - half * 0.7, y + stem), (x + half * 0.7, y + stem), stroke=color, stroke_width=1.6)
    return body + svg.line((x, y), (x, y + stem), stroke=color) + wheel


def unknown(x: float, y: float) -> str:
    """Draws a join that was not followed: a question mark in a ring."""
    return svg.circle(x, y, 4.4, fill="none", stroke=svg.INK, stroke_dasharray="2 1.4") + svg.text(
        "?", x, y + 3, size=8.0
    )


def staple(
    start: Point | None, level: tuple[float, float, float], end: Point | None, **attributes: object
) -> str:
    """Draws a path from a point up or down to a level, along it and to another point.

    `level` is where it begins and ends and its height; without a point it is open on that side.
    """
    left, right, y = level
    bend = min([6.0, abs(right - left) / 2, *(abs(point[1] - y) for point in (start, end) if point)])
    drawn = f"M{svg.at(left, y)}"
    if start is not None:
        turn = y + (bend if start[1] > y else -bend)
        drawn = f"M{svg.at(left, start[1])}V{svg.number(turn)}Q{svg.at(left, y)} {svg.at(left + bend, y)}"
    if end is None:
        return svg.path(f"{drawn}H{svg.number(right)}", **attributes)
    turn = y + (bend if end[1] > y else -bend)
    last = f"H{svg.number(right - bend)}Q{svg.at(right, y)} {svg.at(right, turn)}V{svg.number(end[1])}"
    return svg.path(drawn + last, **attributes)


def strands(count: int, room: float) -> float:
    """Tells how far apart the strands of a bundle are."""
    return min(STRAND, room / max(1, count))


def legend(entries: Sequence[tuple[str, str]], y: float, *, symbol: float = 22.0) -> tuple[list[str], float]:
    """Sets symbols, drawn around (0, 0), and their words in a grid of as few lines as fit, column by column.

    Returns also where the last line is.
    """
    rooms = [symbol + BEFORE + svg.width_of(words) for _, words in entries]
    lines, starts, widths = 1, range(0), list[float]()
    for lines in range(1, len(entries) + 1):
        starts = range(0, len(entries), lines)
        widths = [max(rooms[start : start + lines]) for start in starts]
        if sum(widths) + BETWEEN * (len(widths) - 1) <= svg.WIDTH - 2:
            break
    parts, x = list[str](), 1.0
    for start, width in zip(starts, widths, strict=True):
        for line, (drawn, words) in enumerate(entries[start : start + lines]):
            at = y + LINE * line
            parts.append(svg.group([drawn], transform=f"translate({svg.at(x + symbol / 2, at - 3.8)})"))
            parts.append(svg.text(words, x + symbol + BEFORE, at, anchor="start"))
        x += width + BETWEEN
    return parts, y + LINE * (lines - 1)
