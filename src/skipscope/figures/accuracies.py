"""Draws accuracies over epochs and over time. Bold is the mean over seeds, faint each seed.

Tables are `epochs` and `checks` of `analysis.tables.StudyTables`: lines pass through both, and epochs alone
have markers.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import polars as pl

from skipscope.figures import channels, seeds, style
from skipscope.figures.curves import epoch_axis, last_epoch
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import picked, shown

MOMENTS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 36000, 86400]
Accuracy = Literal["val_accuracy", "train_accuracy"]
CLOCK = (0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
FINAL, RING = "final", 90
"""How rows of the accuracy of final weights are told, and the area of their marker."""
WHOLE = "datum.epoch % 1 == 0"
"""Selects the ends of epochs, in Vega's language."""


def accuracy(
    table: pl.DataFrame,
    *,
    arms: Sequence[str],
    quantity: Accuracy = "val_accuracy",
    labels: Labels,
    checks: pl.DataFrame,
) -> Layered:
    """Draws an accuracy of all arms over epochs.

    `table` has arm, seed, epoch, val_accuracy, train_accuracy, seconds and counted, a row an epoch of a run;
    `checks`, which may be empty, arm, seed, epoch, val_accuracy and counted.
    """
    x = epoch_axis(table, labels, first=1 if checks.is_empty() else 0)
    if quantity == "val_accuracy":
        table = pl.concat([table, checks], how="diagonal_relaxed")
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
    checks: pl.DataFrame,
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
        pl.concat([table, checks], how="diagonal_relaxed")
        .filter(pl.col("arm") == arm, "counted")
        .unpivot(list(names), index=["arm", "seed", "epoch"], variable_name="measure", value_name="accuracy")
        .with_columns(pl.col("epoch") - pl.when(measure="train_accuracy").then(0.5).otherwise(0.0))
        .drop_nulls("accuracy")
        .with_columns(pl.col("measure").replace(names))
    )
    x = epoch_axis(table, labels, first=0 if in_grid or not checks.is_empty() else 1)
    span = _accuracy_span(table, *checks["val_accuracy"], *(final or {}).values())
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
    whole = f"{WHOLE} || datum.measure == {json.dumps(names['train_accuracy'])}"
    dots = dots.transform_filter(whole).encode(x=x, y=y, fill=fill, tooltip=tips)
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
    dots = counted.transform_filter(WHOLE).mark_point(filled=True, size=60)
    dots = dots.encode(**at, shape=channels.shape(arms), detail=epoch, tooltip=tips, opacity=shown(1))
    return Layered(layers=[faint, line, dots], data=seeds.drawn(table, "arm", "epoch"), height=height)


def _accuracy_span(table: pl.DataFrame, *others: float) -> list[float]:
    """Spans all accuracies, so that charts can be compared."""
    values = table.unpivot(["val_accuracy", "train_accuracy"])["value"].cast(pl.Float64)
    low, high = ends(pl.concat([values, pl.Series(others, dtype=pl.Float64)]))
    return [max(0.0, low - 0.02), min(1.0, high + 0.02)]
