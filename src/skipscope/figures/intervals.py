"""Draws estimates of several rows with their intervals, in one or more series a row."""

from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered

SCHEMA = {
    "row": pl.String,
    "series": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,  # ends of the interval; the value itself where none is known
    "high": pl.Float64,
}
ROW, LANE = 22, 12
"""Pixels from one line to the next: of rows with one series, and with several."""
FACTORS = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
"""Ticks of a logarithmic axis."""
LOOKS = (
    style.Look(style.INK, (1, 0), "circle"),
    style.Look("#8c6d1f", (1, 0), "diamond"),
    style.Look("#2a8c99", (1, 0), "square"),
    style.Look("#332288", (1, 0), "triangle-up"),
)
"""The looks of series, in their order; none has a network's colour, and markers tell them apart in grey."""


def intervals(
    table: pl.DataFrame,
    *,
    title: str,
    labels: Labels,
    neutral: float | None = None,
    log: bool = False,
    first: int = 0,
) -> Layered:
    """Draws a mark and a bar at each row and series of a table.

    Args:
        table: rows of `SCHEMA`, in the order in which they are to stand.
        title: of the horizontal axis.
        labels: the chart's words.
        neutral: the value that means no difference, drawn as a line.
        log: whether the axis is logarithmic, as of factors.
        first: rows that a gap sets apart from those below them.
    """
    rows, series = (list(dict.fromkeys(table[name])) for name in ("row", "series"))
    lines_of_rows = [*rows[:first], *([" "] if 0 < first < len(rows) else []), *rows[first:]]
    axis = alt.Axis(tickCount=6, format="~g", grid=True, labelOverlap="greedy")
    if log:
        lowest, highest = ends(pl.concat([table["low"], table["high"]]))
        axis.values = [tick for tick in FACTORS if lowest <= tick <= highest]
    scale = alt.Scale(type="log" if log else "linear", zero=False, nice=not log, padding=18)
    x: dict[str, Any] = {"title": title, "scale": scale, "axis": axis}
    several = len(table) > len(rows)
    lanes = alt.YOffset("series:N", scale=alt.Scale(domain=series)) if several else alt.Undefined
    at: dict[str, Any] = {
        "y": alt.Y(
            "row:N",
            scale=alt.Scale(domain=lines_of_rows, paddingOuter=0.5),
            title=None,
            axis=alt.Axis(labelLimit=0, domain=False, ticks=False),
        ),
        "yOffset": lanes,
        "color": alt.Color("series:N", **_traits(series, "color")),
    }
    bars = alt.Chart().mark_rule(strokeWidth=1.6)
    bars = bars.encode(**at, x=alt.X("low:Q", **x), x2=alt.X2("high:Q"))
    named = {"row": " ", "series": " ", "low": labels["interval_low"], "high": labels["interval_high"]}
    tips = tooltips(labels, "row:N", "series:N", "value:Q .3g", "low:Q .3g", "high:Q .3g", **named)
    marks = alt.Chart().mark_point(filled=True, size=80, opacity=1)
    marks = marks.encode(
        **at, x=alt.X("value:Q", **x), shape=alt.Shape("series:N", **_traits(series, "shape")), tooltip=tips
    )
    line = alt.Chart().mark_rule(color=style.FAINT_INK, strokeWidth=1, strokeDash=[4, 3])
    lines = [] if neutral is None else [line.encode(x=alt.XDatum(neutral))]
    height = ROW * len(lines_of_rows) + 14 if not several else LANE * len(series) * len(lines_of_rows) + 14
    return Layered(layers=[*lines, bars, marks], data=table, height=height)


def _traits(series: list[str], trait: str) -> dict[str, Any]:
    """Makes scale and legend of one trait of the series."""
    values = [getattr(LOOKS[index % len(LOOKS)], trait) for index in range(len(series))]
    legend = alt.Legend(title=None, orient="top", offset=8, columns=2) if len(series) > 1 else None
    return {"scale": alt.Scale(domain=series, range=values), "legend": legend}
