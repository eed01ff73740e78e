"""Curves of training: loss over steps, accuracy over epochs and over time.

Tables are `steps` and `epochs` of `analysis.tables.StudyTables`. Bold is the mean over seeds,
faint each seed.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import altair as alt
import polars as pl

from skipscope.figures import seeds, style
from skipscope.figures.layered import Layered
from skipscope.figures.lines import picked, shown

MOMENTS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400]
CLOCK = (0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
HIGHEST_LOSS = 20.0
"""The loss axis ends here, so that a diverging run does not flatten the others."""


def loss(
    table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str], only: str | None = None
) -> Layered:
    """Draws the loss over steps on a log axis: each step faint, smoothed bold, a cross where a run failed.

    `table` has arm, seed, step, loss, smoothed, counted and stopped; `only` restricts the chart to one arm.
    """
    legend = only is None
    paint = style.color(arms, legend=legend)
    x = alt.X(
        "step:Q", title=labels["step"], axis=alt.Axis(format=",d", tickCount=6), scale=alt.Scale(nice=False)
    )
    y = _loss_axis(table, labels)
    each = (
        seeds.each(alt.Chart(), table)
        .mark_line(clip=True, strokeWidth=0.9)
        .encode(
            x=x, y=y("loss:Q"), color=paint, detail=alt.Detail("seed:N"), opacity=shown(0.3, picked=legend)
        )
    )
    bold = (
        seeds.together(alt.Chart(), table)
        .mark_line(clip=True, strokeWidth=2.4)
        .transform_filter("datum.counted")
        .encode(
            x=x,
            y=y("mean(smoothed):Q"),
            color=paint,
            strokeDash=style.dash(arms) if legend else alt.Undefined,
            opacity=shown(1, picked=legend),
        )
    )
    # one arm alone has no legend to pick from
    bold = bold.add_params(picked()) if legend else bold
    cross = (
        seeds.each(alt.Chart(), table)
        .mark_point(shape="M-1,-1L1,1M-1,1L1,-1", size=110, strokeWidth=3, clip=False)
        .transform_filter("datum.stopped")
        .transform_calculate(shown=f"min(datum.smoothed, {_highest(table)})")
        .encode(x=x, y=y("shown:Q"), color=paint)
    )
    points = [] if _all_have_lines(table) else [_loss_points(table, x, y("loss:Q"), paint)]
    layers = [each, bold, *points, cross, _loss_tooltips(table, x, y("smoothed:Q"), labels)]
    height = style.HEIGHT if legend else style.PAIR_HEIGHT
    mine = None if only is None else {"arm": only}
    return Layered(layers=layers, data=seeds.drawn(table, "arm", "step"), height=height, only=mine)


def accuracy(
    table: pl.DataFrame,
    *,
    arms: Sequence[str],
    quantity: Literal["val_accuracy", "train_accuracy"] = "val_accuracy",
    labels: Mapping[str, str],
) -> Layered:
    """Draws an accuracy of all arms over epochs.

    `table` has arm, seed, epoch, val_accuracy, train_accuracy, seconds and counted, a row an epoch of a run.
    """
    x = epoch_axis(table, labels)
    return _epoch_curves(table, x, quantity, arms, labels, style.PAIR_HEIGHT)


def accuracy_in_time(table: pl.DataFrame, *, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws the validation accuracy after each epoch over the seconds since the run's start."""
    spent = table.group_by("arm").agg(pl.col("seconds").max())["seconds"]
    longest, shortest = (float(end) if isinstance(end, float) else 0.0 for end in (spent.max(), spent.min()))
    # with one network ten times as slow as another, a linear axis shows one of them only
    kind: Literal["log", "linear"] = "log" if shortest > 0 and longest / shortest >= 6 else "linear"
    axis = alt.Axis(
        values=MOMENTS if kind == "log" else _moments(longest),
        labelExpr=_clock(labels),
        labelOverlap="greedy",
        tickCount=6,
    )
    scale = alt.Scale(type=kind, nice=False, zero=False, padding=12)
    x = alt.X("mean(seconds):Q", title=labels["time"], axis=axis, scale=scale)
    return _epoch_curves(table, x, "val_accuracy", arms, labels, style.HEIGHT)


def _moments(longest: float) -> list[float]:
    """Chooses ticks up to the longest time, in seconds, at whole seconds, minutes or hours."""
    step = next((step for step in CLOCK if longest / step <= 6), CLOCK[-1])
    return [step * tick for tick in range(math.floor(longest / step) + 1)]


def _clock(labels: Mapping[str, str]) -> str:
    """Returns a Vega expression that writes seconds as seconds, minutes or hours."""
    seconds, minutes, hours = (json.dumps(f"\u00a0{labels[unit]}") for unit in ("s", "min", "h"))
    value = "datum.value"
    return (
        f"{value} < 60 ? format({value}, '~g') + {seconds} : "
        f"{value} < 3600 ? format({value} / 60, '~g') + {minutes} : format({value} / 3600, '~g') + {hours}"
    )


def accuracy_of(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws one arm's accuracy over epochs: validation bold and filled, training thin, dashed and hollow."""
    look = style.looks(arms)[arm]
    names = {key: labels[key] for key in ("val_accuracy", "train_accuracy")}
    long = (
        table.filter(pl.col("arm") == arm, "counted")
        .unpivot(list(names), index=["arm", "seed", "epoch"], variable_name="measure", value_name="accuracy")
        .with_columns(pl.col("measure").replace(names))
    )
    x = epoch_axis(table, labels)
    scale = alt.Scale(domain=_accuracy_span(table), zero=False, nice=True)
    y = alt.Y("mean(accuracy):Q", title=None, axis=alt.Axis(format="%", tickCount=5), scale=scale)
    told = list(names.values())
    dash = alt.StrokeDash(
        "measure:N",
        scale=alt.Scale(domain=told, range=[[1, 0], [4, 3]]),
        legend=alt.Legend(
            title=None, orient="top", offset=12, symbolType="stroke", symbolStrokeColor=look.color
        ),
    )
    width = alt.StrokeWidth("measure:N", scale=alt.Scale(domain=told, range=[2.4, 1.4]), legend=None)
    fill = alt.Fill("measure:N", scale=alt.Scale(domain=told, range=[look.color, "white"]), legend=None)
    tips = [
        alt.Tooltip("measure:N", title=" "),
        alt.Tooltip("epoch:Q", title=labels["epoch"]),
        alt.Tooltip("mean(accuracy):Q", title="=", format=".1%"),
    ]
    line = alt.Chart().mark_line(color=look.color).encode(x=x, y=y, strokeDash=dash, strokeWidth=width)
    dots = (
        alt.Chart()
        .mark_point(size=42, shape=look.shape, stroke=look.color, strokeWidth=1.4, opacity=1)
        .encode(x=x, y=y, fill=fill, tooltip=tips)
    )
    data = seeds.means(long, "arm", "epoch", "measure")
    return Layered(layers=[line, dots], data=data, height=style.PAIR_HEIGHT)


def _epoch_curves(
    table: pl.DataFrame,
    x: alt.X,
    quantity: str,
    arms: Sequence[str],
    labels: Mapping[str, str],
    height: int,
) -> Layered:
    """Draws the mean over seeds with markers, and each seed faint behind it."""
    scale = alt.Scale(domain=_accuracy_span(table), zero=False, nice=True)
    axis = alt.Axis(format="%", tickCount=6)
    paint, order = style.color(arms), alt.Order("epoch:Q")
    y = alt.Y(f"mean({quantity}):Q", title=labels[quantity], axis=axis, scale=scale)
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("epoch:Q", title=labels["epoch"]),
        alt.Tooltip(f"mean({quantity}):Q", title=labels[quantity], format=".1%"),
        alt.Tooltip("mean(seconds):Q", title=f"{labels['time']} ({labels['s']})", format=",.0f"),
    ]
    faint = (
        seeds.each(alt.Chart(), table)
        .mark_line(strokeWidth=0.9)
        .encode(x=x, y=y, color=paint, detail=alt.Detail("seed:N"), order=order, opacity=shown(0.3))
    )
    counted = seeds.together(alt.Chart(), table).transform_filter("datum.counted")
    line = (
        counted.mark_line(strokeWidth=2.4)
        .encode(
            x=x, y=y, color=paint, strokeDash=style.dash(arms, legend=False), order=order, opacity=shown(1)
        )
        .add_params(picked())
    )
    dots = counted.mark_point(filled=True, size=60).encode(
        x=x,
        y=y,
        color=paint,
        shape=style.shape(arms),
        detail=alt.Detail("epoch:Q"),
        tooltip=tips,
        opacity=shown(1),
    )
    return Layered(layers=[faint, line, dots], data=seeds.drawn(table, "arm", "epoch"), height=height)


def _all_have_lines(table: pl.DataFrame) -> bool:
    """Says whether every run has two steps or more: a line of one point has no length."""
    return bool((table.group_by("arm", "seed").len()["len"] > 1).all())


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


def _loss_tooltips(table: pl.DataFrame, x: alt.X, y: alt.Y, labels: Mapping[str, str]) -> alt.Chart:
    """Puts invisible points along the smoothed curve, which show tooltips."""
    steps = table["step"].unique().sort()
    gap = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    every = gap * max(1, math.ceil(len(steps) / 60))
    tips = [
        alt.Tooltip("arm:N", title=labels["arm"]),
        alt.Tooltip("seed:N", title=labels["seed"]),
        alt.Tooltip("step:Q", title=labels["step"], format=",d"),
        alt.Tooltip("loss:Q", title=labels["loss"], format=".3g"),
        alt.Tooltip("smoothed:Q", title=labels["smoothed"], format=".3g"),
    ]
    chart: alt.Chart = (
        seeds.each(alt.Chart(), table)
        .mark_point(size=120, opacity=0)
        .transform_filter(f"datum.step % {every} == {1 % every}")
        .encode(x=x, y=y, tooltip=tips)
    )
    return chart


def _highest(table: pl.DataFrame) -> float:
    top = table["loss"].max()
    return min(float(top), HIGHEST_LOSS) if isinstance(top, float) else 1.0


def _loss_axis(table: pl.DataFrame, labels: Mapping[str, str]) -> Callable[[str], alt.Y]:
    """Makes one logarithmic axis for every layer, from just below the lowest smoothed loss."""
    bottom = table["smoothed"].min()
    low = max(float(bottom) * 0.85, 1e-5) if isinstance(bottom, float) else 0.1
    high = max(_highest(table), low * 2)
    parts = (1, 2, 5) if high / low > 30 else (1, 2, 3, 5) if high / low > 8 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    ticks = [round(part * 10.0**power, 9) for power in range(-5, 3) for part in parts]
    axis = alt.Axis(values=[tick for tick in ticks if low <= tick <= high], format="~g")
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return lambda field: alt.Y(field, title=labels["loss"], axis=axis, scale=scale)


def epoch_axis(table: pl.DataFrame, labels: Mapping[str, str]) -> alt.X:
    """Makes an axis of whole epochs from the first, with at most a dozen ticks."""
    top = table["epoch"].max()
    last = top if isinstance(top, int) else 1
    ticks = [epoch for epoch in range(1, last + 1) if last <= 12 or epoch % math.ceil(last / 12) == 0]
    scale = alt.Scale(domain=[1, last] if last > 1 else [0.5, 1.5], nice=False, padding=14)
    return alt.X("epoch:Q", title=labels["epoch"], axis=alt.Axis(values=ticks, format="d"), scale=scale)


def _accuracy_span(table: pl.DataFrame) -> list[float]:
    """Spans all accuracies, so that charts can be compared."""
    values = [value for key in ("val_accuracy", "train_accuracy") for value in table[key].drop_nulls()]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return [max(0.0, low - 0.02), min(1.0, high + 0.02)]
