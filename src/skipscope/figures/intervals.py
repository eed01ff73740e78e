"""Draws estimates of several rows with their intervals, in one or more series a row."""

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.rendering.fonts import cells_of

SCHEMA = {
    "row": pl.String,
    "series": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,  # ends of the interval; the value itself where none is known
    "high": pl.Float64,
}
ROW, LANE = 20, 10
"""Pixels from one line to the next: of rows with one series, and with several."""
LETTER, INDENT = 6.6, 12
"""Pixels of a narrow letter in the names of rows, and of their distance to the headings' left."""
PAPER = 740
"""Width of the whole chart on paper: its letters are then those of charts of one line a row."""
WIDTHS = [1.6, 1.0, 1.0, 1.0]
"""Widths of the bars of series: those of the first are the heaviest."""
FACTORS = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
"""Ticks of a logarithmic axis."""
LOOKS = (
    style.Look(style.INK, (1, 0), "circle"),
    style.Look("#8c6d1f", (5, 3), "diamond"),
    style.Look("#2a8c99", (2, 2), "square"),
    style.Look("#332288", (8, 2, 2, 2), "triangle-up"),
)
"""The looks of series, in their order; none has a network's colour, and all can be told apart in grey."""


def intervals(
    table: pl.DataFrame,
    *,
    title: str,
    labels: Labels,
    neutral: float | None = None,
    log: bool = False,
    groups: Mapping[str, int] | None = None,
    bound: float | None = None,
) -> Layered:
    """Draws a mark and a bar at each row and series of a table.

    Args:
        table: rows of `SCHEMA`, in the order in which they are to stand.
        title: of the horizontal axis.
        labels: the chart's words.
        neutral: the value that means no difference, drawn as a line.
        log: whether the axis is logarithmic, as of factors.
        groups: headings of the rows, each with the number of rows below it, in their order.
        bound: the smallest difference from `neutral` worth having, drawn as light lines at both sides.
    """
    rows, series = (list(dict.fromkeys(table[name])) for name in ("row", "series"))
    lines_of_rows = _with_headings(rows, groups or {})
    room = round(LETTER * max(map(cells_of, rows), default=0)) + (INDENT if groups else 0)
    axis = alt.Axis(tickCount=6, format="~g", grid=True, labelOverlap="greedy")
    if log:
        lowest, highest = ends(pl.concat([table["low"], table["high"]]))
        axis.values = [tick for tick in FACTORS if lowest <= tick <= highest]
    scale = alt.Scale(type="log" if log else "linear", zero=False, nice=not log, padding=18)
    x: dict[str, Any] = {"title": title, "scale": scale, "axis": axis}
    several = len(table) > len(rows)
    lanes = alt.YOffset("series:N", scale=alt.Scale(domain=series)) if several else alt.Undefined
    y = alt.Y("row:N", scale=alt.Scale(domain=lines_of_rows, paddingOuter=0.3), title=None)
    at: dict[str, Any] = {
        "y": y.axis(values=rows, **_left_aligned(room)),
        "yOffset": lanes,
        "color": alt.Color("series:N", **_traits(series, "color")),
    }
    # markers outlined with dashes lose their shape: see `channels.dash`
    dash = alt.StrokeDash("series:N", **_traits(series[::-1], "dash", of=series) | {"legend": None})
    bars = alt.Chart().mark_rule(strokeWidth=1.6)
    thin = alt.StrokeWidth(
        "series:N", scale=alt.Scale(domain=series, range=WIDTHS[: len(series)]), legend=None
    )
    bars = bars.encode(**at, x=alt.X("low:Q", **x), x2=alt.X2("high:Q"), strokeDash=dash, strokeWidth=thin)
    named = {"row": " ", "series": " ", "low": labels["interval_low"], "high": labels["interval_high"]}
    tips = tooltips(labels, "row:N", "series:N", "value:Q .3g", "low:Q .3g", "high:Q .3g", **named)
    marks = alt.Chart().mark_point(filled=True, size=60 if several else 80, opacity=1)
    marks = marks.encode(
        **at, x=alt.X("value:Q", **x), shape=alt.Shape("series:N", **_traits(series, "shape")), tooltip=tips
    )
    line = alt.Chart().mark_rule(color=style.FAINT_INK, strokeWidth=1, strokeDash=[4, 3])
    lines = [] if neutral is None else [line.encode(x=alt.XDatum(neutral))]
    if neutral is not None and bound is not None:
        light = alt.Chart().mark_rule(color=style.FAINT_INK, strokeWidth=1, opacity=0.6, strokeDash=[1, 2])
        lines += [light.encode(x=alt.XDatum(neutral + side)) for side in (-bound, bound)]
    height = (LANE * len(series) if several else ROW) * len(lines_of_rows) + 14
    layers = [*lines, bars, marks, *_headings(groups or {}, y, room)]
    return Layered(layers=layers, data=table, height=height, width=PAPER - room)


def _left_aligned(room: int) -> dict[str, Any]:
    """Sets the names of rows under each other, in a column of this width."""
    extent = {"labelPadding": room - INDENT, "minExtent": room, "maxExtent": room}
    bare = {"labelLimit": 0, "domain": False, "ticks": False}
    return {"labelAlign": "left", "labelColor": style.INK, **extent, **bare}


def _headings(names: Iterable[str], y: alt.Y, room: int) -> list[alt.Chart]:
    """Draws headings in lines of their own, from the left of the names of rows on."""
    once = alt.Chart().transform_aggregate(rows="count()")
    text = once.mark_text(align="left", fontSize=12, fontWeight="bold", color=style.INK)
    x = alt.XValue(-room)  # type: ignore[no-untyped-call]
    return [
        text.encode(x=x, y=alt.YDatum(name, scale=y["scale"]), text=alt.TextValue(name)) for name in names
    ]


def _with_headings(rows: list[str], groups: Mapping[str, int]) -> list[str]:
    """Puts the heading of each group above its rows, and an empty line between two groups."""
    lines, left = list[str](), list(rows)
    for number, (heading, count) in enumerate(groups.items()):
        lines += [*([" " * number] if number else []), heading, *left[:count]]
        del left[:count]
    return lines + left


def _traits(series: list[str], trait: str, *, of: list[str] | None = None) -> dict[str, Any]:
    """Makes scale and legend of one trait of the series, whose looks are in the order of `of`."""
    values = [getattr(LOOKS[(of or series).index(name) % len(LOOKS)], trait) for name in series]
    more: dict[str, Any] = {
        "orient": "top",
        "direction": "horizontal",
        "offset": 8,
        "columns": 2,
        "symbolSize": 80,
        "columnPadding": 6,
    }
    legend = alt.Legend(title=None, **more) if len(series) > 1 else None
    return {"scale": alt.Scale(domain=series, range=values), "legend": legend}
