"""Says how large the panels of a figure are in print.

All panels of a figure are shrunk alike, so that their plots and letters have one size, and line up: those in
the column at the left are wider by the words of their vertical axes.
"""

import re

from skipscope.figures.style import AXIS_EXTENT, CONFIG
from skipscope.report.document import Panels

PAIR_WIDTH = 380
"""Width of the plots of two figures side by side, in pixels: wider ones are shrunk with their labels."""
BESIDE = 70
"""Pixels beside a plot: the numbers of its axis, and the padding."""
HALF_LINE = 84.0
"""Width of each of two in print, in millimetres."""
PIXEL = 0.21
"""Millimetres that a pixel is printed as where panels share their axes: letters of 12 are 7.1 points."""
LINE = 806
"""Width of all panels beside each other in pixels: a line of the paper with a little room between cells."""
LEFT = 10
"""Padding at the left of a printed chart; Vega measures Latin beside Chinese up to a fortieth too short."""
AROUND: int = LEFT + CONFIG["padding"]["right"]


def plot_width(panels: Panels) -> int:
    """Returns the width of a plot in pixels: two have the line at least, lest one alone fill a page."""
    if panels.rows == 1:
        return 2 * (PAIR_WIDTH + BESIDE) // max(2, panels.columns) - BESIDE
    return (LINE - AXIS_EXTENT) // max(2, panels.columns) - AROUND


def printed_widths(panels: Panels) -> list[float]:
    """Returns the width of each column in millimetres."""
    if panels.rows == 1:
        return [round(2 * HALF_LINE / max(2, panels.columns), 1)] * panels.columns
    inner = plot_width(panels) + AROUND
    return [round(PIXEL * (inner + (0 if column else AXIS_EXTENT)), 2) for column in range(panels.columns)]


def printed_width(svg: str) -> float:
    """Returns the width of a drawing in millimetres, as large as the panels below it."""
    return round(PIXEL * drawn_width(svg), 1)


def drawn_width(svg: str) -> float:
    """Reads the width of a drawing in pixels."""
    return float(_WIDTH.findall(svg)[0])


_WIDTH = re.compile(r'<svg [^>]*?width="([\d.]+)"')


def inner(panels: Panels) -> frozenset[str]:
    """Names the figures whose vertical axis is that of the one at their left."""
    if panels.rows == 1:
        return frozenset()
    return frozenset(figure.name for line in panels.lines for figure in line[1:])
