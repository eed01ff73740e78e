"""Draws the key to lines that many charts have in common: a piece of each, and what it is of."""

from collections.abc import Mapping

from skipscope.diagrams import svg
from skipscope.figures.style import Stroke

LENGTH, GAP, BETWEEN, HEIGHT, RING = 30.0, 7.0, 22.0, 18.0, 4.6


def draw_strokes(strokes: Mapping[str, Stroke], *, ring: str = "") -> str:
    """Draws the lines beside each other, each before its name; below them a hollow marker, named `ring`.

    In one line, it would be wider than a telephone.
    """
    parts, x, middle = list[str](), 0.0, HEIGHT / 2
    for name, each in strokes.items():
        dash = " ".join(map(str, each.dash)) if each.dash[1] else None
        look = {"stroke_width": each.width, "stroke_dasharray": dash}
        parts.append(svg.line((x, middle), (x + LENGTH, middle), **look))
        parts.append(svg.text(name, x + LENGTH + GAP, middle + 4.3, anchor="start", size=svg.SIZE))
        x += LENGTH + GAP + svg.width_of(name, svg.SIZE) + BETWEEN
    if not ring:
        return svg.picture(parts, HEIGHT, x - BETWEEN + 4)
    below = middle + HEIGHT
    parts.append(svg.circle(LENGTH / 2, below, RING, fill="none", stroke=svg.INK, stroke_width=1.4))
    parts.append(svg.text(ring, LENGTH + GAP, below + 4.3, anchor="start", size=svg.SIZE))
    width = max(x - BETWEEN, LENGTH + GAP + svg.width_of(ring, svg.SIZE)) + 4
    return svg.picture(parts, 2 * HEIGHT, width)
