"""Draws a quantity of families of networks against their depth, with its interval over seeds."""

from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import tooltips
from skipscope.figures.layered import Labels, Layered

SCHEMA = {
    "family": pl.String,  # a key of `style.FAMILIES`
    "layers": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,  # ends of the interval; the value itself where none is known
    "high": pl.Float64,
}


def over_depth(table: pl.DataFrame, *, title: str, log: bool, labels: Labels) -> Layered:
    """Draws one line a family over the number of layers, with bars for the intervals.

    On a logarithmic axis a rule marks 1, where a ratio says that nothing changes.

    Args:
        table: rows of `SCHEMA`.
        title: of the vertical axis.
        log: whether that axis is logarithmic.
        labels: the chart's words.
    """
    families = list(dict.fromkeys(table["family"]))
    found = [style.FAMILIES[family] for family in families]
    depths = table["layers"].unique().sort().to_list()
    x = alt.X(
        "layers:Q",
        title=labels["layers"],
        axis=alt.Axis(values=depths, format="d"),
        scale=alt.Scale(nice=False, padding=18),
    )
    scale = alt.Scale(type="log") if log else alt.Scale(zero=True)
    y = alt.Y("value:Q", title=title, axis=alt.Axis(tickCount=5, format=",~r"), scale=scale)
    legend = alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=2.2)
    color = alt.Color("family:N", scale=_scale(families, [look.color for look in found]), legend=legend)
    dash = alt.StrokeDash(
        "family:N", scale=_scale(families, [list(look.dash) for look in found]), legend=legend
    )
    shape = alt.Shape("family:N", scale=_scale(families, [look.shape for look in found]), legend=None)
    at: dict[str, Any] = {"x": x, "color": color}
    bars = alt.Chart().mark_rule(strokeWidth=1.4, opacity=0.8).encode(**at, y=y, y2="high:Q")
    bars = bars.encode(y=alt.Y("low:Q", title=title, scale=scale))
    line = alt.Chart().mark_line(strokeWidth=2.2).encode(**at, y=y, strokeDash=dash)
    ends = {"low": labels["interval_low"], "high": labels["interval_high"]}
    tips = tooltips(labels, "family:N", "layers:Q", "value:Q .3g", "low:Q .3g", "high:Q .3g", **ends)
    dots = (
        alt.Chart().mark_point(filled=True, size=60, opacity=1).encode(**at, y=y, shape=shape, tooltip=tips)
    )
    even = alt.Chart().mark_rule(color=style.FAINT_INK, strokeDash=[1, 3]).encode(y=alt.datum(1))
    layers = [*([even] if log else []), line, bars, dots]
    return Layered(layers=layers, data=table, height=style.PAIR_HEIGHT)


def _scale(families: list[str], values: list[Any]) -> alt.Scale:
    return alt.Scale(domain=families, range=values)
