"""Draws the loss over steps. Bold is the mean over seeds, faint each seed."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import channels, seeds, style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import picked, shown

HIGHEST_LOSS = 20.0
"""The loss axis ends here, so that a diverging run does not flatten the others."""
MARKERS = 9
"""Markers on a line of the loss over steps."""
FAINTER = 0.22
"""Opacity of single steps where all networks are drawn over each other."""
LOWEST = 0.4
"""The loss axis begins at this share of the lowest smoothed loss, or at the lowest single one above it."""


def loss(
    table: pl.DataFrame,
    *,
    arms: Sequence[str],
    labels: Labels,
    only: str | None = None,
    epochs: Sequence[int] = (),
) -> Layered:
    """Draws the loss over steps on a log axis: each step faint, smoothed bold, a cross where a run failed.

    `table` has arm, seed, step, loss, smoothed, counted and stopped; `only` restricts the chart to one arm.
    Light rules stand at the steps at which `epochs` end.
    """
    legend = only is None  # one arm alone has none to pick from
    paint = channels.color(arms, legend=legend)
    axis, scale = alt.Axis(format=",d", tickCount=6), alt.Scale(nice=False)
    x, y = alt.X("step:Q", title=labels["step"], axis=axis, scale=scale), _loss_axis(table, labels)
    at: dict[str, Any] = {"x": x, "color": paint}
    single = seeds.each(alt.Chart(), table)
    faint = FAINTER if legend else 0.3
    each = single.mark_line(clip=True, strokeWidth=0.9).encode(
        **at, y=y("loss:Q"), detail=alt.Detail("seed:N"), opacity=shown(faint, picked=legend)
    )
    bold = seeds.together(alt.Chart(), table).transform_filter("datum.counted")
    bold = bold.mark_line(clip=True, strokeWidth=2.4).encode(
        **at, y=y("mean(smoothed):Q"), opacity=shown(1, picked=legend)
    )
    markers = []
    if legend:
        dots = bold.transform_filter(_marked(table, arms)).mark_point(filled=True, size=75, clip=True)
        dots = dots.encode(shape=channels.shape(arms), detail=alt.Detail("step:Q"), opacity=shown(1))
        bold = bold.encode(strokeDash=channels.dash(arms, legend=False)).add_params(picked())
        markers = [dots]
    cross = (
        single.mark_point(shape="M-1,-1L1,1M-1,1L1,-1", size=110, strokeWidth=3, clip=False)
        .transform_filter("datum.stopped")
        .transform_calculate(shown=f"min(datum.smoothed, {_highest(table)})")
        .encode(**at, y=y("shown:Q"))
    )
    # a line of one point has no length
    short = (table.group_by("arm", "seed").len()["len"] == 1).any()
    points = [_loss_points(table, x, y("loss:Q"), paint)] if short else []
    # without one row for all, Vega would draw a rule for each row, all over each other
    rule = alt.Chart().transform_aggregate(rows="count()").mark_rule(color=style.RULE, strokeWidth=1)
    rules = [rule.encode(x=alt.XDatum(step)) for step in epochs]
    layers = [*rules, each, bold, *markers, *points, cross, _loss_tooltips(table, x, y("smoothed:Q"), labels)]
    height = style.HEIGHT if legend else style.PAIR_HEIGHT
    mine = None if only is None else {"arm": only}
    return Layered(layers=layers, data=seeds.drawn(table, "arm", "step"), height=height, only=mine)


def _marked(table: pl.DataFrame, arms: Sequence[str]) -> str:
    """Returns a Vega expression of the steps at which an arm's line has a marker: each arm's at others."""
    parts = []
    for rank, arm in enumerate(arms):
        steps = table.filter(pl.col("arm") == arm, "counted")["step"].unique().sort()
        apart = max(1, len(steps) // MARKERS)
        chosen = steps.gather_every(apart, (2 * rank + 1) * apart // (2 * len(arms)))
        parts.append(f"(datum.arm == {json.dumps(arm)} && indexof({chosen.to_list()}, datum.step) >= 0)")
    return " || ".join(parts) or "false"


def _loss_points(table: pl.DataFrame, x: alt.X, y: alt.Y, paint: alt.Color) -> alt.Chart:
    """Draws a dot for each run of one step, as a path: a named shape would become the legend's symbol."""
    chart: alt.Chart = (
        seeds.each(alt.Chart(), table)
        .mark_point(shape="M0,-1A1,1,0,1,1,0,1A1,1,0,1,1,0,-1", size=12, strokeWidth=3.5)
        .transform_joinaggregate(steps="count()", groupby=["arm", "seed"])
        .transform_filter("datum.steps == 1")
        .encode(x=x, y=y, color=paint)
    )
    return chart


def _loss_tooltips(table: pl.DataFrame, x: alt.X, y: alt.Y, labels: Labels) -> alt.Chart:
    """Puts invisible points along the smoothed curve, which show tooltips."""
    steps = table["step"].unique().sort()
    gap = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    every = gap * max(1, math.ceil(len(steps) / 60))
    tips = tooltips(labels, "arm:N", "seed:N", "step:Q ,d", "loss:Q .3g", "smoothed:Q .3g")
    chart: alt.Chart = (
        seeds.each(alt.Chart(), table)
        .mark_point(size=120, opacity=0)
        .transform_filter(f"datum.step % {every} == {1 % every}")
        .encode(x=x, y=y, tooltip=tips)
    )
    return chart


def _highest(table: pl.DataFrame) -> float:
    return float(min(ends(table["loss"])[1], HIGHEST_LOSS))


def _loss_axis(table: pl.DataFrame, labels: Labels) -> Callable[[str], alt.Y]:
    """Makes one logarithmic axis for every layer, from just below the lowest loss.

    Single steps far below all smoothed losses would flatten the curves: they end at the edge.
    """
    smoothed, single = (ends(table[name], empty=(0.1, 1.0))[0] for name in ("smoothed", "loss"))
    low = max(smoothed * LOWEST, min(smoothed, single) * 0.95, 1e-5)
    high = max(min(1.06 * _highest(table), HIGHEST_LOSS), low * 2)
    axis = alt.Axis(values=loss_ticks(low, high), format="~g")
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return lambda field: alt.Y(field, title=labels["loss"], axis=axis, scale=scale)


def loss_ticks(low: float, high: float) -> list[float]:
    """Chooses round values on a logarithmic axis, the more the less it spans."""
    spans = (
        (30, (1, 2, 5)),
        (8, (1, 2, 3, 5)),
        (4, (1, 1.5, 2, 3, 4, 5, 6, 8)),
        (0, (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8)),
    )
    parts = next(parts for least, parts in spans if high / low > least)
    ticks = (round(part * 10.0**power, 9) for power in range(-5, 3) for part in parts)
    return [tick for tick in ticks if low <= tick <= high]


def last_epoch(table: pl.DataFrame) -> int:
    """Returns the last epoch, 1 if there is none."""
    last: float = ends(table["epoch"], empty=(1, 1))[1]
    return math.ceil(last)


def epoch_axis(table: pl.DataFrame, labels: Labels, *, first: int = 1, title: str | None = "epoch") -> alt.X:
    """Makes an axis of whole epochs, with at most a dozen ticks; `title` is its label's key."""
    last = last_epoch(table)
    ticks = [epoch for epoch in range(first, last + 1) if last <= 12 or epoch % math.ceil(last / 12) == 0]
    scale = alt.Scale(domain=[first, last] if last > first else [0.5, 1.5], nice=False, padding=14)
    told = labels[title] if title else None
    return alt.X("epoch:Q", title=told, axis=alt.Axis(values=ticks, format="d"), scale=scale)
