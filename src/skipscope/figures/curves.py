"""Draws the curves of training: loss over steps, accuracy over epochs and over time.

Tables are `steps` and `epochs` of `analysis.tables.StudyTables`. Bold is the mean over seeds,
faint each seed.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from skipscope.figures import channels, seeds, style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import picked, shown

MOMENTS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400]
Accuracy = Literal["val_accuracy", "train_accuracy"]
CLOCK = (0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
HIGHEST_LOSS = 20.0
"""The loss axis ends here, so that a diverging run does not flatten the others."""
FINAL, RING = "final", 90
"""How rows of the accuracy of final weights are told, and the area of their marker."""
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
    rule = alt.Chart().mark_rule(color=style.RULE, strokeWidth=1)
    rules = [rule.encode(x=alt.XDatum(step)) for step in epochs]
    layers = [*rules, each, bold, *markers, *points, cross, _loss_tooltips(table, x, y("smoothed:Q"), labels)]
    height = style.HEIGHT if legend else style.PAIR_HEIGHT
    mine = None if only is None else {"arm": only}
    return Layered(layers=layers, data=seeds.drawn(table, "arm", "step"), height=height, only=mine)


def accuracy(
    table: pl.DataFrame, *, arms: Sequence[str], quantity: Accuracy = "val_accuracy", labels: Labels
) -> Layered:
    """Draws an accuracy of all arms over epochs.

    `table` has arm, seed, epoch, val_accuracy, train_accuracy, seconds and counted, a row an epoch of a run.
    """
    x = epoch_axis(table, labels)
    return _epoch_curves(table, x, quantity, arms, labels, style.PAIR_HEIGHT)


def accuracy_in_time(table: pl.DataFrame, *, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the validation accuracy after each epoch over the seconds since the run's start."""
    spent = table.group_by("arm").agg(pl.col("seconds").max())["seconds"]
    shortest, longest = ends(spent, empty=(0.0, 0.0))
    # with one network ten times as slow as another, a linear axis shows one of them only
    kind: Literal["log", "linear"] = "log" if shortest > 0 and longest / shortest >= 6 else "linear"
    ticks = MOMENTS if kind == "log" else _moments(longest)
    axis = alt.Axis(values=ticks, labelExpr=_clock(labels), labelOverlap="greedy", tickCount=6)
    scale = alt.Scale(type=kind, nice=False, zero=False, padding=12)
    x = alt.X(
        "mean(seconds):Q", title=labels["time_log" if kind == "log" else "time"], axis=axis, scale=scale
    )
    return _epoch_curves(table, x, "val_accuracy", arms, labels, style.HEIGHT)


def _moments(longest: float) -> list[float]:
    """Chooses ticks up to the longest time, in seconds, at whole seconds, minutes or hours."""
    step = next((step for step in CLOCK if longest / step <= 6), CLOCK[-1])
    return [step * tick for tick in range(math.floor(longest / step) + 1)]


def _clock(labels: Labels) -> str:
    """Returns a Vega expression that writes seconds as seconds, minutes or hours."""
    seconds, minutes, hours = (json.dumps(f"\u00a0{labels[unit]}") for unit in ("s", "min", "h"))
    value = "datum.value"
    return (
        f"{value} < 60 ? format({value}, '~g') + {seconds} : "
        f"{value} < 3600 ? format({value} / 60, '~g') + {minutes} : format({value} / 3600, '~g') + {hours}"
    )


def accuracy_of(
    table: pl.DataFrame,
    *,
    arm: str,
    arms: Sequence[str],
    labels: Labels,
    in_grid: bool = False,
    final: Mapping[str, float] | None = None,
) -> Layered:
    """Draws one arm's accuracy over epochs: validation bold and filled, training thin, dashed and hollow.

    Training accuracy is counted during an epoch, and stands at its middle. In a grid the axis begins at the
    epoch 0, as that of the losses does above it, and all charts have one legend, which is not drawn here.
    `final` is the accuracy of each arm's last weights on training images that are not augmented: a large
    hollow marker at the end.
    """
    look = style.looks(arms)[arm]
    names = {key: labels[key] for key in ("val_accuracy", "train_accuracy")}
    long = (
        table.filter(pl.col("arm") == arm, "counted")
        .unpivot(list(names), index=["arm", "seed", "epoch"], variable_name="measure", value_name="accuracy")
        .with_columns(pl.col("epoch") - pl.when(measure="train_accuracy").then(0.5).otherwise(0.0))
        .with_columns(pl.col("measure").replace(names))
    )
    x = epoch_axis(table, labels, first=0 if in_grid else 1)
    span = _accuracy_span(table, *(final or {}).values())
    scale = alt.Scale(domain=span, zero=False, nice=True)
    room = style.AXIS_EXTENT if in_grid else alt.Undefined
    axis = alt.Axis(format="%", tickCount=5, minExtent=room, maxExtent=room)
    y = alt.Y("mean(accuracy):Q", title=labels["slice_accuracy"] if in_grid else None, axis=axis, scale=scale)

    def measures(*values: Any) -> alt.Scale:
        return alt.Scale(domain=list(names.values()), range=list(values))

    legend = alt.Legend(
        title=None, orient="top", offset=12, symbolType="stroke", symbolStrokeColor=look.color
    )
    strokes = style.VALIDATED, style.TRAINED
    dashes, widths = measures(*(each.dash for each in strokes)), measures(*(each.width for each in strokes))
    dash = alt.StrokeDash("measure:N", scale=dashes, legend=None if in_grid else legend)
    width = alt.StrokeWidth("measure:N", scale=widths, legend=None)
    fill = alt.Fill("measure:N", scale=measures(look.color, "white"), legend=None)
    tips = tooltips(labels, "measure:N", "epoch:Q", "mean(accuracy):Q .1%", measure=" ", accuracy="=")
    line = alt.Chart().mark_line(color=look.color).encode(x=x, y=y, strokeDash=dash, strokeWidth=width)
    size = channels.dot_size(last_epoch(table)) if in_grid else 42
    dots = alt.Chart().mark_point(size=size, shape=look.shape, stroke=look.color, strokeWidth=1.4, opacity=1)
    dots = dots.encode(x=x, y=y, fill=fill, tooltip=tips)
    layers, data = [line, dots], seeds.means(long, "arm", "epoch", "measure")
    if final and arm in final and not data.is_empty():
        told = {"arm": arm, "epoch": float(last_epoch(table)), "measure": FINAL, "accuracy": final[arm]}
        data = pl.concat([data, pl.DataFrame([told])], how="diagonal_relaxed")
        layers = [each.transform_filter(f"datum.measure != '{FINAL}'") for each in layers]
        ring = alt.Chart().transform_filter(f"datum.measure == '{FINAL}'")
        ring = ring.mark_point(size=RING, shape=look.shape, color=look.color, strokeWidth=1.6, opacity=1)
        named = tooltips(labels, "mean(accuracy):Q .1%", accuracy=labels["train_final"])
        layers.append(ring.encode(x=x, y=y, tooltip=named))
    return Layered(layers=layers, data=data, height=style.PAIR_HEIGHT)


def _epoch_curves(
    table: pl.DataFrame, x: alt.X, quantity: str, arms: Sequence[str], labels: Labels, height: int
) -> Layered:
    """Draws the mean over seeds with markers, and each seed faint behind it."""
    scale = alt.Scale(domain=_accuracy_span(table), zero=False, nice=True)
    axis = alt.Axis(format="%", tickCount=6)
    y = alt.Y(f"mean({quantity}):Q", title=labels[quantity], axis=axis, scale=scale)
    at: dict[str, Any] = {"x": x, "y": y, "color": channels.color(arms)}
    order, epoch = alt.Order("epoch:Q"), alt.Detail("epoch:Q")
    seconds = f"{labels['time']} ({labels['s']})"
    fields = ("arm:N", "epoch:Q", f"mean({quantity}):Q .1%", "mean(seconds):Q ,.0f")
    tips = tooltips(labels, *fields, seconds=seconds)
    faint = seeds.each(alt.Chart(), table).mark_line(strokeWidth=0.9)
    faint = faint.encode(**at, detail=alt.Detail("seed:N"), order=order, opacity=shown(0.3))
    counted = seeds.together(alt.Chart(), table).transform_filter("datum.counted")
    line = counted.mark_line(strokeWidth=2.4).add_params(picked())
    line = line.encode(**at, strokeDash=channels.dash(arms, legend=False), order=order, opacity=shown(1))
    dots = counted.mark_point(filled=True, size=60)
    dots = dots.encode(**at, shape=channels.shape(arms), detail=epoch, tooltip=tips, opacity=shown(1))
    return Layered(layers=[faint, line, dots], data=seeds.drawn(table, "arm", "epoch"), height=height)


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
    high = max(_highest(table), low * 2)
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


def _accuracy_span(table: pl.DataFrame, *others: float) -> list[float]:
    """Spans all accuracies, so that charts can be compared."""
    values = table.unpivot(["val_accuracy", "train_accuracy"])["value"].cast(pl.Float64)
    low, high = ends(pl.concat([values, pl.Series(others, dtype=pl.Float64)]))
    return [max(0.0, low - 0.02), min(1.0, high + 0.02)]
