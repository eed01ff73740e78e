"""Draws what depth does: families of networks over their layers, and networks by layer and by step."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.curves import loss_ticks
from skipscope.figures.guides import band, ends, marked, tooltips
from skipscope.figures.layered import Labels, Layered

SCHEMA = {
    "name": pl.String,  # of the networks, as plainN
    "family": pl.String,  # a key of `style.FAMILIES`
    "layers": pl.Int64,
    "value": pl.Float64,
    "low": pl.Float64,  # ends of the interval; the value itself where none is known
    "high": pl.Float64,
    "theory": pl.Float64,  # what was predicted there; null where nothing was
}
BY_STEP = {"arm": pl.String, "family": pl.String, "layers": pl.Int64, "depth": pl.String, "step": pl.Int64}
BY_STEP |= {"loss": pl.Float64, "low": pl.Float64, "high": pl.Float64}
"""`depth` tells the layers in words; the loss is a mean over seeds, `low` and `high` are its ends."""
BY_LAYER = {"arm": pl.String, "moment": pl.String, "layer": pl.Int64, "value": pl.Float64}
NEAR = 3
"""Layers between two ticks, at least: those of 19 and 20 would be one."""
NUMBERS = 52
"""Pixels for the numbers of the vertical axis, so that two charts side by side have plots of one width."""
LOW = 130
"""Height of charts side by side in which a line falls."""
LEGEND_ROW = 18
"""Height of a legend above another."""
MARKED = 6
"""Layers from one marker of a line to the next: one at each would hide it."""
MARKERS = 5
"""Markers of a loss; each network's are at steps of their own."""
MARGIN = 2.0
"""What an axis of norms leaves free above and below, as a factor."""
COLUMNS = 3
"""Names in a row of the legend: more are wider than half a page."""
PLOT = 326
"""Width of a plot on paper: with it, letters on half a page are of seven points."""
ASIDE = {"plain": -0.7, "resnet": 0.7, "se_resnet": 2.3}
"""Layers by which the marks of a family stand beside their depth, lest those of two hide each other."""
CROSS = "M-1,-.7L-.7,-1L0,-.3L.7,-1L1,-.7L.3,0L1,.7L.7,1L0,.3L-.7,1L-1,.7L-.3,0Z"
THEORY = style.Look(style.INK, (1, 2), CROSS)
"""What theory predicts: black crosses, on thin dotted lines in the colour of their family."""


def over_depth(
    table: pl.DataFrame, *, title: str, log: bool, labels: Labels, mark: tuple[float, str] | None = None
) -> Layered:
    """Draws one line a family over the number of layers, with bars for the intervals.

    On a logarithmic axis a rule marks 1, where a ratio says that nothing changes. Families that share their
    depths stand a little beside them (`ASIDE`).

    Args:
        table: rows of `SCHEMA`.
        title: of the vertical axis.
        log: whether that axis is logarithmic.
        labels: the chart's words.
        mark: a value that a thin line marks, and its name.
    """
    families = dict(table.select("name", "family").iter_rows())
    table = table.with_columns(at=pl.col("layers") + pl.col("family").replace_strict(ASIDE, default=0.0))
    looks = {name: style.FAMILIES[family] for name, family in families.items()}
    if predicted := table["theory"].count():
        looks[labels["theory"]] = THEORY
    x = alt.X(
        "at:Q",
        title=labels["layers"],
        axis=alt.Axis(values=_ticks(table["layers"].unique().sort().to_list()), format="d"),
        scale=alt.Scale(nice=False, padding=14),
    )
    scale = alt.Scale(type="log") if log else alt.Scale(zero=False, padding=8)
    axis = alt.Axis(tickCount=5, format=",~r", minExtent=NUMBERS, maxExtent=NUMBERS)
    names = alt.Legend(title=None, orient="top", columns=min(len(looks), COLUMNS))
    color, shape = (
        kind("name:N", scale=_scale(looks, trait), legend=names)
        for kind, trait in ((alt.Color, "color"), (alt.Shape, "shape"))
    )
    # markers outlined with dashes lose their shape: see `style.dash`
    dash = alt.StrokeDash("name:N", scale=_scale(dict(reversed(looks.items())), "dash"), legend=None)
    at: dict[str, Any] = {"x": x, "color": color}

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", title=title, axis=axis, scale=scale)

    told = {"low": labels["interval_low"], "high": labels["interval_high"], "name": labels["family"]}
    tips = tooltips(labels, "name:N", "layers:Q", "value:Q .3g", "low:Q .3g", "high:Q .3g", **told)
    line = alt.Chart().mark_line(strokeWidth=2.2).encode(**at, y=y("value"), strokeDash=dash)
    bars = alt.Chart().mark_rule(strokeWidth=1.4, opacity=0.8)
    dots = alt.Chart().mark_point(filled=True, size=55, opacity=1)
    layers = [
        line,
        bars.encode(**at, y=y("low"), y2=alt.Y2("high:Q")),
        dots.encode(**at, y=y("value"), shape=shape, tooltip=tips),
    ]
    if predicted:
        named = tooltips(labels, "name:N", "layers:Q", "theory:Q .3g", name=labels["family"])
        there = alt.Chart().transform_filter("isValid(datum.theory)")
        thin = there.mark_line(strokeWidth=1, strokeDash=list(THEORY.dash))
        crosses = there.mark_point(filled=True, size=30, opacity=1, shape=CROSS)
        layers += [
            thin.encode(x=x, y=y("theory"), color=color),
            crosses.encode(x=x, y=y("theory"), tooltip=named, color=alt.ColorValue(THEORY.color)),
        ]
    under = [_rule(1.0, [1, 3])] if log else []
    if mark is not None:
        once = alt.Chart().transform_aggregate(rows="count()")
        name = once.mark_text(align="left", dx=4, dy=-7, fontSize=12, color=style.FAINT_INK)
        left = alt.XValue(0)  # type: ignore[no-untyped-call]
        under += [
            _rule(mark[0], [5, 3]),
            name.encode(x=left, y=alt.YDatum(mark[0]), text=alt.TextValue(mark[1])),
        ]
    return Layered(layers=[*under, *layers], data=table, height=style.PAIR_HEIGHT, width=PLOT)


def by_layer(table: pl.DataFrame, *, title: str, labels: Labels) -> Layered:
    """Draws a line a network and moment over its convolutions, first to last, on a logarithmic axis.

    Args:
        table: rows of `BY_LAYER`; a value that is missing leaves a gap.
        title: of the vertical axis.
        labels: the chart's words.
    """
    arms = list(dict.fromkeys(table["arm"]))
    low, high = ends(table["value"], empty=(1.0, 1.0))
    domain = [low / MARGIN, high * MARGIN]
    powers = [10.0**power for power in range(-9, 10) if domain[0] <= 10.0**power <= domain[1]]
    looks = style.looks(arms)
    moments = list(dict.fromkeys(table["moment"]))
    color, shape, dash = _networks_and_strokes(
        looks, "moment", dict(zip(moments, ([1, 0], [5, 3]), strict=False))
    )
    last = ends(table["layer"], empty=(1, 1))[1]
    x = alt.X(
        "layer:Q",
        title=labels["convolution_index"],
        axis=alt.Axis(values=[1, *range(5, last + 1, 5)], format="d"),
        scale=alt.Scale(nice=False, padding=10),
    )
    y = alt.Y(
        "value:Q",
        title=title,
        axis=alt.Axis(values=powers, format="~r", minExtent=NUMBERS, maxExtent=NUMBERS),
        scale=alt.Scale(type="log", domain=domain),
    )
    tips = tooltips(labels, "arm:N", "moment:N", "layer:Q", "value:Q .3g", moment=" ")
    line = alt.Chart().mark_line(strokeWidth=2.0).encode(x=x, y=y, color=color, strokeDash=dash, tooltip=tips)
    dots = alt.Chart().transform_filter(f"datum.layer % {MARKED} == 1")
    dots = dots.mark_point(filled=True, size=45, opacity=1).encode(x=x, y=y, color=color, shape=shape)
    return Layered(layers=[line, dots], data=table, height=LOW, width=PLOT)


def by_step(table: pl.DataFrame, *, labels: Labels) -> Layered:
    """Draws the smoothed training loss of networks over steps on a logarithmic axis, with bands of seeds.

    A family has its colour and its marker, a depth its dashes: the deepest networks are drawn solid.

    Args:
        table: rows of `BY_STEP`.
        labels: the chart's words.
    """
    arms, depths = list(dict.fromkeys(table["arm"])), dict(table.select("depth", "layers").iter_rows())
    looks = {f"{family}N": style.FAMILIES[family] for family in dict.fromkeys(table["family"])}
    deepest = max(depths.values())
    strokes = {name: [1, 0] if layers == deepest else [5, 3] for name, layers in depths.items()}
    low, high = ends(table["low"], empty=(1.0, 2.0))[0], ends(table["high"], empty=(1.0, 2.0))[1]
    table = marked(table, arms, times=MARKERS).with_columns(network=pl.col("family") + "N")
    axis = alt.Axis(tickCount=6, format=",d")
    scale = alt.Scale(nice=False, domain=[0, ends(table["step"], empty=(1, 1))[1]])
    numbers: dict[str, Any] = {"minExtent": NUMBERS, "maxExtent": NUMBERS}
    ticks = alt.Axis(values=loss_ticks(low * 0.95, high * 1.05), format="~g", **numbers)
    levels = alt.Scale(type="log", domain=[low * 0.95, high * 1.05], nice=False)
    at: dict[str, Any] = {
        "x": alt.X("step:Q", title=labels["step"], axis=axis, scale=scale),
        "y": alt.Y("loss:Q", title=labels["loss"], axis=ticks, scale=levels),
    }
    color, shape, dash = _networks_and_strokes(looks, "depth", strokes, named="network")
    tips = tooltips(labels, "arm:N", "step:Q", "loss:Q .3g")
    line = alt.Chart().mark_line(strokeWidth=2.0).encode(**at, color=color, tooltip=tips)
    line = line.encode(strokeDash=dash, detail=alt.Detail("arm:N"))
    dots = alt.Chart().transform_filter("datum.marked").mark_point(filled=True, size=45, opacity=1)
    dots = dots.encode(**at, color=color, shape=shape)
    low_end = alt.Y("low:Q", title=labels["loss"], axis=ticks, scale=levels)
    families = dict(table.select("arm", "family").iter_rows())
    bands = [band(arm, style.FAMILIES[families[arm]].color, at["x"], low_end) for arm in arms]
    return Layered(layers=[*bands, line, dots], data=table, height=LOW, width=PLOT)


def _networks_and_strokes(
    looks: Mapping[str, style.Look], by: str, strokes: Mapping[str, list[int]], *, named: str = "arm"
) -> tuple[alt.Color, alt.Shape, alt.StrokeDash]:
    """Gives networks, `named` so, colour and marker, and `by` the dashes: a row of the legend each.

    Two legends at the top would stand in one row, as if both were of a kind.
    """
    lines: dict[str, Any] = {"direction": "horizontal", "symbolType": "stroke", "symbolSize": 500}
    above = style.LEGEND + LEGEND_ROW
    upper = alt.Legend(title=None, orient="top", offset=above, columns=len(looks))
    lower = alt.Legend(title=None, orient="none", legendX=0, legendY=-above, **lines)
    dashes = alt.Scale(domain=list(strokes), range=list(strokes.values()))
    return (
        alt.Color(f"{named}:N", scale=_scale(looks, "color"), legend=upper),
        alt.Shape(f"{named}:N", scale=_scale(looks, "shape"), legend=upper),
        alt.StrokeDash(f"{by}:N", scale=dashes, legend=lower),
    )


def _ticks(depths: Sequence[int]) -> list[int]:
    """Leaves out depths that are nearly those of a tick: of 19, 20, 31 and 32 the second and the last."""
    kept: list[int] = []
    for depth in sorted(depths, reverse=True):
        if not kept or kept[-1] - depth >= NEAR:
            kept.append(depth)
    return kept[::-1]


def _rule(value: float, dash: list[int]) -> alt.Chart:
    """Draws a thin line at a value."""
    rule: alt.Chart = alt.Chart().mark_rule(color=style.FAINT_INK, strokeDash=dash)
    return rule.encode(y=alt.YDatum(value))


def _scale(looks: Mapping[str, style.Look], trait: str) -> alt.Scale:
    return alt.Scale(domain=list(looks), range=[getattr(look, trait) for look in looks.values()])
