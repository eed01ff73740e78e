"""Draws the key to lines that many charts have in common: a piece of each, and what it is of."""

from collections.abc import Mapping

from skipscope.diagrams import svg
from skipscope.figures.style import Stroke

LENGTH, GAP, BETWEEN, HEIGHT, RING = 30.0, 7.0, 22.0, 18.0, 4.6


def draw_strokes(strokes: Mapping[str, Stroke], *, ring: str = "") -> str:
    """Draws the lines beside each other, each before its name; last a hollow marker, named `ring`."""
    parts, x, middle = list[str](), 0.0, HEIGHT / 2
    for name, each in strokes.items():
        dash = " ".join(map(str, each.dash)) if each.dash[1] else None
        look = {"stroke_width": each.width, "stroke_dasharray": dash}
        parts.append(svg.line((x, middle), (x + LENGTH, middle), **look))
        x += LENGTH + GAP
        parts.append(svg.text(name, x, middle + 4.3, anchor="start", size=svg.SIZE))
        x += svg.width_of(name, svg.SIZE) + BETWEEN
    if ring:
        parts.append(svg.circle(x + RING + 1, middle, RING, fill="none", stroke=svg.INK, stroke_width=1.4))
        x += 2 * (RING + 1) + GAP
        parts.append(svg.text(ring, x, middle + 4.3, anchor="start", size=svg.SIZE))
        x += svg.width_of(ring, svg.SIZE) + BETWEEN
    return svg.picture(parts, HEIGHT, x - BETWEEN + 4)
