"""Draws by how much networks differ from others, epoch by epoch."""

from dataclasses import replace
from itertools import cycle
from math import ceil
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered

SCHEMA = {
    "arm": pl.String,  # whose look a line has
    "pair": pl.String,  # the name of the line in the legend
    "epoch": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,  # ends of the interval
    "high": pl.Float64,
}
HEIGHT, WIDTH = 136, 200
ROWS = 2
"""Rows of the legend: with as many, charts side by side have plots of one height."""
NAMES: dict[str, Any] = {"labelFontSize": 10.5, "symbolSize": 80, "columnPadding": 8}
"""Small enough for two names beside each other."""
NUMBERS = 40
"""Pixels at the left of a plot for the numbers of its axis."""
DASHES = ((1, 0), (7, 3), (2, 2), (9, 2, 2, 2), (5, 2, 1, 2, 1, 2))
"""By turns: lines of one family are nearly of one colour, so that their dashes differ here."""
ASIDE = 0.05
"""Epochs by which a line stands beside the one before it, lest their bars hide each other."""


def gains(table: pl.DataFrame, every: pl.DataFrame, *, title: str, labels: Labels) -> Layered:
    """Draws a line a pair with bars for the intervals; a rule marks no difference.

    Args:
        table: rows of `SCHEMA`.
        every: the rows of all charts that share the vertical axis.
        title: of that axis.
        labels: the chart's words.
    """
    arms = dict(table.select("pair", "arm").iter_rows())
    known = style.looks(list(arms.values()))
    dashed = zip(arms.items(), cycle(DASHES), strict=False)
    looks = {pair: replace(known[arm], dash=dash) for (pair, arm), dash in dashed}
    turns = {pair: (turn - (len(arms) - 1) / 2) * ASIDE for turn, pair in enumerate(arms)}
    table = table.with_columns(at=pl.col("epoch") + pl.col("pair").replace_strict(turns))
    last = ends(table["epoch"], empty=(1, 1))[1]
    low, high = ends(every["low"])[0], ends(every["high"])[1]
    x = alt.X(
        "at:Q",
        title=labels["epoch"],
        axis=alt.Axis(values=list(range(1, last + 1)), format="d"),
        scale=alt.Scale(nice=False, domain=[0.7, last + 0.3]),
    )
    axis = alt.Axis(tickCount=6, format="+.1~f", minExtent=NUMBERS, maxExtent=NUMBERS)
    scale = alt.Scale(domain=[low, high], nice=False, padding=6)
    names = alt.Legend(title=None, orient="top", columns=ceil(len(arms) / ROWS), **NAMES)

    def traits(name: str) -> alt.Scale:
        return alt.Scale(domain=list(looks), range=[getattr(look, name) for look in looks.values()])

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=title, axis=axis, scale=scale)

    at: dict[str, Any] = {"x": x, "color": alt.Color("pair:N", scale=traits("color"), legend=names)}
    shape = alt.Shape("pair:N", scale=traits("shape"), legend=names)
    dash = alt.StrokeDash("pair:N", scale=traits("dash"), legend=None)
    told = {"low": labels["interval_low"], "high": labels["interval_high"], "pair": " "}
    tips = tooltips(labels, "pair:N", "epoch:Q", "value:Q .3f", "low:Q .3f", "high:Q .3f", **told)
    rule = alt.Chart().mark_rule(color=style.FAINT_INK, strokeDash=[1, 3]).encode(y=alt.YDatum(0))
    line = alt.Chart().mark_line(strokeWidth=1.8).encode(**at, y=y("value"), strokeDash=dash)
    bars = alt.Chart().mark_rule(strokeWidth=1.4, opacity=0.8)
    bars = bars.encode(**at, y=y("low"), y2=alt.Y2("high:Q"))
    dots = alt.Chart().mark_point(filled=True, size=42, opacity=1)
    dots = dots.encode(**at, y=y("value"), shape=shape, tooltip=tips)
    return Layered(layers=[rule, line, bars, dots], data=table, height=HEIGHT, width=WIDTH)
