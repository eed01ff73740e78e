"""Draws what was measured while networks trained, all networks in one chart.

Tables are those of `analysis.training_readings`. Bold is the median over seeds, faint each seed: on a
logarithmic axis a mean would follow the largest.
"""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from skipscope.analysis.training_readings import END, Moment
from skipscope.figures import channels, style
from skipscope.figures.curves import epoch_axis
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import depth_axis, marker_size, overlaid, picked, shown

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
POWERS = {power: f"10{str(power).translate(SUPERSCRIPT)}" for power in range(-12, 7)}
PLAIN = {power: f"{10.0**power:g}" for power in range(-3, 4)}
ByDepth = Literal["norm", "std", "ratio"]
Ratio = Literal["gradient_ratio", "update_ratio"]
BY_DEPTH: dict[ByDepth, str] = {"norm": "gradient_norm", "std": "std", "ratio": "branch_ratio"}
"""Labels of what `by_depth` draws."""


def by_depth(
    table: pl.DataFrame,
    *,
    quantity: ByDepth,
    moment: Moment = END,
    arms: Sequence[str],
    labels: Labels,
    title: str = "",
) -> Layered:
    """Draws over depth, at one moment, one of three quantities, on an axis that serves both moments.

    - `norm`: the gradient norm on a logarithmic axis
    - `std`: the standard deviation of responses (He et al. 2015, Fig. 7)
    - `ratio`: the norm of f(x) over that of x for each residual block

    `table` has arm, seed, moment, module, depth (0 to 1) and the quantity. `title` names the axis, not the
    quantity's own words.
    """
    told, field = title or labels[BY_DEPTH[quantity]], f"median({quantity}):Q"
    axis = alt.Axis(format=".3~g", tickCount=6)
    # both moments on one scale
    scale = alt.Scale(domain=[0, ends(table[quantity])[1]], nice=True)
    linear = alt.Y(field, title=told, axis=axis, scale=scale)
    y = logarithmic(table["norm"], told)(field) if quantity == "norm" else linear
    titles = {"module": labels["module"], quantity: told}
    tips = tooltips(labels, "arm:N", "min(module):N", f"{field} .3~g", **titles)
    size, x = marker_size(table, "arm", "seed", "moment"), depth_axis(labels)
    by, only = ("arm", "moment", "depth"), {"moment": moment}
    return overlaid(table, x, y, tips, arms=arms, by=by, size=size, how="median", only=only)


def over_steps(table: pl.DataFrame, *, told: Ratio, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws a ratio over steps on logarithmic axes; `table` has arm, seed, step and ratio."""
    x, y = steps(table, labels), logarithmic(table["ratio"], labels[told])("median(ratio):Q")
    tips = tooltips(labels, "arm:N", "step:Q ,d", "median(ratio):Q .3~g", ratio=labels[told])
    by, where = ("arm", "step"), "datum.step > 0"
    return overlaid(table, x, y, tips, arms=arms, by=by, size=24, how="median", where=where)


def ratio_by_depth(table: pl.DataFrame, *, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the gradient's ratio over the number of convolutions, a point an arm, with its range over seeds.

    `table` has arm, seed, moment, convolutions and ratio. Networks of one family, whose names differ in
    numbers alone, are joined by a line, with the range as a band.
    """
    family = pl.col("arm").str.replace_all(r"\d+", "#")
    table = table.with_columns(family=family, at=_beside("convolutions"))
    members = table.group_by("family", maintain_order=True).agg(pl.col("arm").n_unique())
    deep = members.filter(pl.col("arm") > 1)["family"].to_list()
    ratio = logarithmic(table["ratio"], labels["gradient_ratio"])
    y, low = ratio("median(ratio):Q"), ratio("min(ratio):Q")
    axis = alt.Axis(format="d", tickMinStep=1, tickCount=8)
    scale = alt.Scale(zero=False, padding=22, nice=False)
    x = alt.X("at:Q", title=labels["convolutions"], axis=axis, scale=scale)
    span: dict[str, Any] = {"x": x, "y": low, "y2": alt.Y2("max(ratio):Q")}
    of_families = alt.Chart().transform_filter(alt.FieldOneOfPredicate(field="family", oneOf=deep))
    group = [alt.Detail("family:N"), alt.Detail("moment:N")]
    band = of_families.mark_area(color=style.FAINT_INK, opacity=0.13).encode(**span, detail=group)
    path = of_families.mark_line(color=style.FAINT_INK, strokeWidth=1.2).encode(x=x, y=y, detail=group)
    color = channels.color(arms)
    rule = alt.Chart().mark_rule(strokeWidth=1.6)
    rule = rule.encode(**span, color=color, detail=alt.Detail("moment:N"), opacity=shown(0.8))
    hollow_or_full = alt.Scale(domain=["start", "end"], range=[0, 1])
    numbers = ("convolutions:Q", "median(ratio):Q .3~g")
    dots = alt.Chart().mark_point(size=85, strokeWidth=2).add_params(picked())
    dots = dots.encode(
        x=x,
        y=y,
        color=color,
        shape=channels.shape(arms),
        fill=alt.Fill("arm:N", scale=color["scale"], legend=None),
        fillOpacity=alt.FillOpacity("moment:N", scale=hollow_or_full, legend=None),
        tooltip=tooltips(labels, "arm:N", "moment:N", *numbers, ratio=labels["gradient_ratio"]),
        opacity=shown(1),
    )
    layers = [band, path, rule, dots] if deep else [rule, dots]
    return Layered(layers=layers, data=table, height=style.PAIR_HEIGHT)


def learnt(table: pl.DataFrame, *, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the share of validation images that are right from an epoch on until the end.

    `table` has arm, seed, epoch and share.
    """
    scale = alt.Scale(domain=[0, max(0.1, ends(table["share"])[1])], nice=True)
    y = alt.Y("median(share):Q", title=labels["learnt"], axis=alt.Axis(format="%", tickCount=6), scale=scale)
    tips = tooltips(labels, "arm:N", "epoch:Q", "median(share):Q .1%", share=labels["learnt"])
    x, by = epoch_axis(table, labels), ("arm", "epoch")
    return overlaid(table, x, y, tips, arms=arms, by=by, size=55, how="median")


def logarithmic(values: pl.Series, title: str) -> Callable[[str], alt.Y]:
    """Makes a logarithmic axis around the values; powers of ten are its ticks if there are three or more."""
    low, high = ends(values.filter(values > 0), empty=(1.0, 1.0))
    low, high = low / 1.25, high * 1.25
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    decades = [10.0**power for power in powers if low <= 10.0**power <= high]
    parts = (1,) if len(decades) > 2 else (1, 3) if len(decades) == 2 else (1, 1.5, 2, 3, 4, 5, 7)
    ticks = [part * 10.0**power for power in powers for part in parts]
    # the decade's number, not the value, is looked up: 1e-5 is written differently here and there
    written = POWERS | PLAIN if all(math.log10(value) > -3.5 and value < 4e3 for value in decades) else POWERS
    names = json.dumps(list(written.values()), ensure_ascii=False)
    decade = f"round(log(datum.value) / LN10) + {-min(POWERS)}"
    axis = alt.Axis(
        values=[tick for tick in ticks if low <= tick <= high],
        labelExpr=f"{names}[{decade}]" if parts == (1,) else "format(datum.value, '.2~r')",
    )
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return lambda field: alt.Y(field, title=title, axis=axis, scale=scale)


def steps(table: pl.DataFrame, labels: Labels) -> alt.X:
    """Makes a logarithmic axis of steps from 1, since steps are measured at powers of two."""
    last = max(2, ends(table["step"])[1])
    ticks = [part * 10**power for power in range(8) for part in ((1, 3) if last < 300 else (1,))]
    axis = alt.Axis(values=[tick for tick in ticks if tick <= last], format=",d")
    scale = alt.Scale(type="log", domain=[1, last], nice=False, padding=10)
    return alt.X("step:Q", title=labels["step"], axis=axis, scale=scale)


def _beside(column: str) -> pl.Expr:
    """Moves equal numbers of several arms apart a little."""
    whole = pl.col(column).max() - pl.col(column).min()
    rank = pl.col("arm").rank("dense").over(column) - 1
    others = pl.col("arm").n_unique().over(column) - 1
    return (pl.col(column) + (rank - others / 2) * whole.clip(10) / 60).round(3)
