"""The loss over a plane through a trained network's weights: cells as measured, and lines of equal loss.

The plane is spanned by two filter-normalised directions (Li et al. 2018, section 4).
"""

import math
from collections.abc import Iterator
from itertools import pairwise, product

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.memoize import memoize_per_table
from skipscope.analysis.trained_readings import of_trained

HIGHEST = 20.0
"""Above it no lines are drawn: a loss on its way to infinity would leave no room for the others."""
MOST_LEVELS = 9
ROOM = 0.07
"""Share of the plane's width: nearer to another, a line's value is not written."""

Point = tuple[float, float]
Segment = tuple[Point, Point]
NUMBERS = ("x", "y", "x2", "y2", "loss")
COLUMNS = {"arm": pl.String, "kind": pl.String} | dict.fromkeys(NUMBERS, pl.Float64)


@memoize_per_table
def landscape(readings: pl.DataFrame) -> pl.DataFrame:
    """The plane of each arm's first run: arm, kind, x, y, x2, y2, loss.

    A `cell` reaches from (x, y) to (x2, y2) around the point measured, its middle. A `line` is a piece of
    the line on which the loss, interpolated in its logarithm, has the value `loss`; a `label` is where to
    write that value.
    """
    rows = measured.first_runs(measured.plane(of_trained(readings, "landscape")))
    points = rows.select("arm", x="alpha", y="beta", loss=pl.col("loss").round_sig_figs(4)).drop_nulls()
    heights = levels(*loss_span(points["loss"]))
    tables = [pl.DataFrame(schema=COLUMNS)]
    for (arm,), table in points.group_by("arm", maintain_order=True):
        tables += [_cells(table), _lines(str(arm), table, heights)]
    return pl.concat(tables)


def loss_span(losses: pl.Series) -> tuple[float, float]:
    """Returns the lowest and the highest loss that colours tell apart."""
    low, high = (float(end) if isinstance(end, float) else 1.0 for end in (losses.min(), losses.max()))
    low = max(low, 1e-4)
    return low, max(min(high, HIGHEST), low * 1.5)


def highest(table: pl.DataFrame) -> dict[str, float]:
    """Finds the highest loss on each arm's plane."""
    cells = table.filter(pl.col("kind") == "cell")
    return dict(cells.group_by("arm", maintain_order=True).agg(pl.col("loss").max()).iter_rows())


def levels(low: float, high: float) -> list[float]:
    """Picks round numbers between the two, as many as can be read."""
    for parts in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [round(part * 10.0**power, 6) for power in range(-4, 3) for part in parts]
        found = [level for level in found if low < level < high]
        if len(found) <= MOST_LEVELS:
            return found
    return found[:MOST_LEVELS]


def isolines(grid: dict[Point, float], level: float) -> Iterator[Segment]:
    """Yields pieces of the line on which the grid's values, interpolated between neighbours, are `level`.

    Marching squares; where a square's corners alternate, the mean of the four decides what is connected. A
    square with a corner that was not measured has no line.
    """
    xs, ys = (sorted({point[axis] for point in grid}) for axis in (0, 1))
    for (left, right), (low, high) in product(pairwise(xs), pairwise(ys)):
        corners = [(left, low), (right, low), (right, high), (left, high)]
        if all(corner in grid for corner in corners):
            yield from _in_square(corners, [grid[corner] for corner in corners], level)


def _in_square(corners: list[Point], values: list[float], level: float) -> Iterator[Segment]:
    """Finds the pieces in one square, given its corners and their values in turn."""
    above = [value > level for value in values]
    crossings = []
    for one in range(4):
        other = (one + 1) % 4
        if above[one] != above[other]:
            part = (level - values[one]) / (values[other] - values[one])
            (ax, ay), (bx, by) = corners[one], corners[other]
            crossings.append((ax + part * (bx - ax), ay + part * (by - ay)))
    if len(crossings) == 4 and above[0] != (sum(values) / 4 > level):
        # the middle belongs to the second and the fourth corner: the other two are cut off
        crossings = [crossings[3], *crossings[:3]]
    yield from zip(crossings[::2], crossings[1::2], strict=True)


def _cells(points: pl.DataFrame) -> pl.DataFrame:
    """Puts each point in the middle of its cell."""
    columns = {"kind": pl.lit("cell")}
    for axis in ("x", "y"):
        ends = points[axis].unique().sort()
        half = (ends[1] - ends[0]) / 2 if len(ends) > 1 else 0.5
        columns |= {axis: pl.col(axis) - half, f"{axis}2": pl.col(axis) + half}
    return points.with_columns(**columns).select(list(COLUMNS))


def _lines(arm: str, points: pl.DataFrame, heights: list[float]) -> pl.DataFrame:
    """Draws lines of equal loss, with their values written where they come nearest to the upper right."""
    grid = {(x, y): math.log(max(loss, 1e-9)) for x, y, loss in points.select("x", "y", "loss").iter_rows()}
    rows: list[tuple[object, ...]] = []
    apart = ROOM * (max(grid)[0] - min(grid)[0])
    written: list[Point] = []
    for height in heights:
        pieces = list(isolines(grid, math.log(height)))
        rows += [(arm, "line", *map(_short, (*one, *other)), height) for one, other in pieces]
        if not pieces:
            continue
        (ax, ay), (bx, by) = max(pieces, key=lambda piece: sum(map(sum, piece)))
        at = (_short((ax + bx) / 2), _short((ay + by) / 2))
        if all(math.dist(at, other) > apart for other in written):
            written.append(at)
            rows.append((arm, "label", *at, None, None, height))
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _short(value: float) -> float:
    return round(value, 4)
