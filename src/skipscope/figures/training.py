"""Charts of what was measured while networks trained, all networks in one chart.

Tables are those of `analysis.training_readings`. Bold is the median over seeds, faint each seed: on a
logarithmic axis a mean would follow the largest.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from skipscope.analysis.training_readings import Moment
from skipscope.figures import style
from skipscope.figures.curves import epoch_axis
from skipscope.figures.layered import Layered
from skipscope.figures.lines import depth_axis, overlaid, picked, shown

POWERS = {
    power: f"10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}" for power in range(-12, 7)
}
PLAIN = {power: f"{10.0**power:g}" for power in range(-3, 4)}
FEW = 12
"""A line of more points than this has small markers: it would be nothing but markers."""


def gradients(
    table: pl.DataFrame, *, moment: Moment, arms: Sequence[str], labels: Mapping[str, str]
) -> Layered:
    """Draws the gradient norm over depth at one moment, on the scale of both moments.

    `table` has arm, seed, moment, module, depth (0 to 1) and norm.
    """
    y = logarithmic(table["norm"], labels["gradient_norm"])("median(norm):Q")
    tips = _tips(labels, ("median(norm)", "gradient_norm", ".3~g"))
    return _by_depth(table, y, tips, moment=moment, arms=arms, labels=labels)


def responses(table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the standard deviation of responses over depth after training (He et al. 2015, Fig. 7).

    `table` has arm, seed, moment, module, depth and std.
    """
    y = alt.Y("median(std):Q", title=labels["std"], axis=alt.Axis(format=".3~g", tickCount=6))
    tips = _tips(labels, ("median(std)", "std", ".3~g"))
    return _by_depth(table, y, tips, moment="end", arms=arms, labels=labels)


def branches(table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the norm of f(x) over that of x for each residual block after training.

    `table` has arm, seed, moment, module, depth and ratio.
    """
    y = alt.Y("median(ratio):Q", title=labels["branch_ratio"], axis=alt.Axis(format=".3~g", tickCount=6))
    tips = _tips(labels, ("median(ratio)", "branch_ratio", ".3~g"))
    return _by_depth(table, y, tips, moment="end", arms=arms, labels=labels)


def over_steps(
    table: pl.DataFrame,
    *,
    told: Literal["gradient_ratio", "update_ratio"],
    arms: Sequence[str],
    labels: Mapping[str, str],
) -> Layered:
    """Draws a ratio over steps on logarithmic axes; `table` has arm, seed, step and ratio."""
    y = logarithmic(table["ratio"], labels[told])("median(ratio):Q")
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("step:Q", title=labels["step"], format=",d"),
        alt.Tooltip("median(ratio):Q", title=labels[told], format=".3~g"),
    ]
    where = "datum.step > 0"
    x, by = steps(table, labels), ("arm", "step")
    return overlaid(table, x, y, tips, arms=arms, by=by, size=24, how="median", where=where)


def ratio_by_depth(table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the gradient's ratio over the number of convolutions, a point an arm, with its range over seeds.

    `table` has arm, seed, moment, convolutions and ratio. Networks of one family, whose names differ in
    numbers alone, are joined by a line, with the range as a band.
    """
    family = pl.col("arm").str.replace_all(r"\d+", "#")
    table = table.with_columns(family=family, at=_beside("convolutions"))
    deep = (
        table.group_by("family", maintain_order=True)
        .agg(pl.col("arm").n_unique())
        .filter(pl.col("arm") > 1)["family"]
    )
    ratio = logarithmic(table["ratio"], labels["gradient_ratio"])
    y, low = ratio("median(ratio):Q"), ratio("min(ratio):Q")
    x = alt.X(
        "at:Q",
        title=labels["convolutions"],
        axis=alt.Axis(format="d", tickMinStep=1, tickCount=8),
        scale=alt.Scale(zero=False, padding=22, nice=False),
    )
    of_families = alt.Chart().transform_filter(alt.FieldOneOfPredicate(field="family", oneOf=deep.to_list()))
    group: dict[str, Any] = {"detail": [alt.Detail("family:N"), alt.Detail("moment:N")]}
    band = of_families.mark_area(color=style.FAINT_INK, opacity=0.13).encode(
        x=x, y=low, y2=alt.Y2("max(ratio):Q"), **group
    )
    path = of_families.mark_line(color=style.FAINT_INK, strokeWidth=1.2).encode(x=x, y=y, **group)
    color = style.color(arms)
    rule = alt.Chart().mark_rule(strokeWidth=1.6).encode(
        x=x, y=low, y2=alt.Y2("max(ratio):Q"), color=color, detail=alt.Detail("moment:N"), opacity=shown(0.8)
    )  # fmt: skip
    dots = (
        alt.Chart()
        .mark_point(size=85, strokeWidth=2)
        .encode(
            x=x,
            y=y,
            color=color,
            shape=style.shape(arms),
            fill=alt.Fill("arm:N", scale=color["scale"], legend=None),
            fillOpacity=alt.FillOpacity(
                "moment:N", scale=alt.Scale(domain=["start", "end"], range=[0, 1]), legend=None
            ),
            tooltip=[
                alt.Tooltip("arm:N", title=labels["arm"]),
                alt.Tooltip("moment:N", title=labels["moment"]),
                alt.Tooltip("convolutions:Q", title=labels["convolutions"]),
                alt.Tooltip("median(ratio):Q", title=labels["gradient_ratio"], format=".3~g"),
            ],
            opacity=shown(1),
        )
        .add_params(picked())
    )
    layers = [band, path, rule, dots] if len(deep) else [rule, dots]
    return Layered(layers=layers, data=table, height=style.PAIR_HEIGHT)


def learnt(table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the share of validation images that are right from an epoch on until the end.

    `table` has arm, seed, epoch and share.
    """
    top = table["share"].max()
    scale = alt.Scale(domain=[0, max(0.1, top) if isinstance(top, float) else 1], nice=True)
    y = alt.Y("median(share):Q", title=labels["learnt"], axis=alt.Axis(format="%", tickCount=6), scale=scale)
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("epoch:Q", title=labels["epoch"]),
        alt.Tooltip("median(share):Q", title=labels["learnt"], format=".1%"),
    ]
    x, by = epoch_axis(table, labels), ("arm", "epoch")
    return overlaid(table, x, y, tips, arms=arms, by=by, size=55, how="median")


def logarithmic(values: pl.Series, title: str) -> Callable[[str], alt.Y]:
    """Makes a logarithmic axis around the values; powers of ten are its ticks if there are three or more."""
    found = values.filter(values > 0)
    low, high = (float(end) if isinstance(end, float) else 1.0 for end in (found.min(), found.max()))
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


def steps(table: pl.DataFrame, labels: Mapping[str, str]) -> alt.X:
    """Makes a logarithmic axis of steps from 1, since steps are measured at powers of two."""
    top = table["step"].max()
    last = max(2, top) if isinstance(top, int) else 2
    ticks = [part * 10**power for power in range(8) for part in ((1, 3) if last < 300 else (1,))]
    axis = alt.Axis(values=[tick for tick in ticks if tick <= last], format=",d")
    scale = alt.Scale(type="log", domain=[1, last], nice=False, padding=10)
    return alt.X("step:Q", title=labels["step"], axis=axis, scale=scale)


def _by_depth(
    table: pl.DataFrame,
    y: alt.Y,
    tips: list[alt.Tooltip],
    *,
    moment: Moment,
    arms: Sequence[str],
    labels: Mapping[str, str],
) -> Layered:
    longest = table.group_by("arm", "seed", "moment").len()["len"].max()
    size = 22 if isinstance(longest, int) and longest > FEW else 55
    by, only = ("arm", "moment", "depth"), {"moment": moment}
    x = depth_axis(labels)
    return overlaid(table, x, y, tips, arms=arms, by=by, size=size, how="median", only=only)


def _beside(column: str) -> pl.Expr:
    """Moves equal numbers of several arms apart a little."""
    whole = pl.col(column).max() - pl.col(column).min()
    rank = pl.col("arm").rank("dense").over(column) - 1
    others = pl.col("arm").n_unique().over(column) - 1
    return (pl.col(column) + (rank - others / 2) * whole.clip(10) / 60).round(3)


def _tips(labels: Mapping[str, str], *values: tuple[str, str, str]) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("min(module):N", title=labels["place"]),
        *(alt.Tooltip(f"{field}:Q", title=labels[told], format=format) for field, told, format in values),
    ]
