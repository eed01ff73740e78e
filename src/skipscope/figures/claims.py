"""Draws a forest plot of claims: effects and intervals in multiples of the smallest effect worth having."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import tooltips
from skipscope.figures.layered import Labels, Layered

FARTHEST = 6.0
"""The axis ends at this multiple; what lies beyond is drawn there."""
BREAK = " · "
"""Where a row's name is broken into two lines."""
SHAPES = {
    "supported": "circle",
    "contradicted": "cross",
    "inconclusive": "square",
    "confounded": "triangle-up",
}
MEASURED = (
    {"row": pl.String, "verdict": pl.String}
    | dict.fromkeys(("effect", "low", "high", "bound"), pl.Float64)
    | {"ratio": pl.Boolean}
)
Row = tuple[str, str, float, float, float, float, bool]


def scaled(rows: Sequence[Row]) -> pl.DataFrame:
    """Makes the table of `forest`, from (row, verdict, effect, low, high, bound, ratio).

    It adds effect, low, high and bound as drawn: `at`, `from`, `to` and `side`; of ratios the logarithms. An
    effect whose bound is 0 is drawn in multiples of its interval's farther end.
    """
    table = pl.DataFrame(rows, schema=MEASURED, orient="row")
    names = {"effect": "at", "low": "from", "high": "to", "bound": "side"}
    numbers = [pl.when("ratio").then(pl.col(name).log()).otherwise(name).alias(name) for name in names]
    plain = table.select(numbers)
    ends = pl.max_horizontal(pl.col("effect", "low", "high").abs())
    unit = pl.when(pl.col("bound") != 0).then(pl.col("bound").abs()).otherwise(ends)
    unit = pl.when(unit > 0).then(unit).otherwise(1.0)

    drawn = plain.select((pl.col(*names) / unit).clip(-FARTHEST, FARTHEST).round(4)).rename(names)
    return table.drop("ratio").hstack(drawn)


def forest(table: pl.DataFrame, *, labels: Labels) -> Layered:
    """Draws a row a quantity: the interval as a line, the effect as a mark, the bound as a tick."""
    rows = table["row"].to_list()
    told = {verdict: labels[verdict] for verdict in SHAPES if verdict in set(table["verdict"])}
    table = table.with_columns(pl.col("verdict").replace(told))
    lines = f"split(datum.label, '{BREAK}')"
    axis = alt.Axis(labelLimit=0, domain=False, ticks=False, labelExpr=lines, labelPadding=10)
    y = alt.Y("row:N", sort=rows, title=None, axis=axis)
    farthest = table.select(pl.max_horizontal(pl.col("at", "from", "to").abs()).max()).item()
    reach = min(FARTHEST, max(2.0, farthest))
    x: dict[str, Any] = {
        "title": labels["multiples"],
        "axis": alt.Axis(format="+~g", tickCount=7, grid=True),
        "scale": alt.Scale(domain=[-reach, reach], nice=False, clamp=True),
    }
    numbers = (f"{column}:Q +.3~g" for column in ("effect", "low", "high", "bound"))
    titles = {"row": " ", "low": labels["lowest"], "high": labels["highest"]}
    tips = tooltips(labels, "row:N", *numbers, "verdict:N", **titles)
    new = alt.Chart()
    zero = new.mark_rule(color=style.FAINT_INK, strokeWidth=1).encode(x=alt.XDatum(0))
    bound = new.mark_tick(color=style.INK, thickness=2, size=16).encode(x=alt.X("side:Q", **x), y=y)
    line = new.mark_rule(color=style.INK, strokeWidth=1.6).encode(
        x=alt.X("from:Q", **x), x2=alt.X2("to:Q"), y=y
    )
    shape = alt.Shape(
        "verdict:N",
        scale=alt.Scale(domain=list(told.values()), range=[SHAPES[verdict] for verdict in told]),
        legend=alt.Legend(title=None, orient="top", offset=12),
    )
    mark = new.mark_point(size=90, filled=True, color=style.INK, opacity=1).encode(
        x=alt.X("at:Q", **x), y=y, shape=shape, tooltip=tips
    )
    return Layered(layers=[zero, line, bound, mark], data=table, height=36 * len(rows) + 20)
