"""Draws losses over epochs: training and validation of one arm, or the validation of all."""

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import channels, style
from skipscope.figures.accuracies import WHOLE
from skipscope.figures.curves import HIGHEST_LOSS, epoch_axis, last_epoch, loss_ticks
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import picked, shown

PANEL_HEIGHT = 146
"""Height of a panel of the hand-in: what is said of all networks' panels fits the page with them."""


def losses_of(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws one arm's losses on a log axis, for a grid: validation bold with markers, training dashed.

    `table` has arm, epoch, measure (loss or val_loss) and loss; all arms have one axis, so that their charts
    can be compared.
    """
    look = style.looks(arms)[arm]
    names = {"val_loss": labels["val_loss"], "loss": labels["loss"]}
    strokes = style.VALIDATED, style.TRAINED
    rows = table.filter(pl.col("arm") == arm).with_columns(pl.col("measure").replace(names))
    low, high = ends(table["loss"], empty=(0.1, 1.0))
    low, high = max(low * 0.9, 1e-5), min(high * 1.05, HIGHEST_LOSS)
    room = style.AXIS_EXTENT
    axis = alt.Axis(values=loss_ticks(low, high), format="~g", minExtent=room, maxExtent=room)
    scale = alt.Scale(type="log", domain=[low, max(high, 1.2 * low)], nice=False)
    x = epoch_axis(table, labels, first=0, title=None)
    y = alt.Y("loss:Q", title=labels["slice_loss"], axis=axis, scale=scale)

    def measures(*values: Any) -> alt.Scale:
        return alt.Scale(domain=list(names.values()), range=list(values))

    dash = alt.StrokeDash("measure:N", scale=measures(*(each.dash for each in strokes)), legend=None)
    width = alt.StrokeWidth("measure:N", scale=measures(*(each.width for each in strokes)), legend=None)
    tips = tooltips(labels, "measure:N", "epoch:Q .2f", "loss:Q .3g", measure=" ", loss="=")
    line = alt.Chart().mark_line(color=look.color, clip=True)
    line = line.encode(x=x, y=y, strokeDash=dash, strokeWidth=width, tooltip=tips)
    size = channels.dot_size(last_epoch(table))
    dots = alt.Chart().mark_point(size=size, shape=look.shape, color=look.color, filled=True, opacity=1)
    dots = dots.transform_filter(f"{WHOLE} && datum.measure == {json.dumps(names['val_loss'])}").encode(
        x=x, y=y, tooltip=tips
    )
    return Layered(layers=[line, dots], data=rows, height=PANEL_HEIGHT, title=arm)


def validation_losses(table: pl.DataFrame, *, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the validation loss of all arms on a log axis, with markers at the ends of epochs.

    `table` is that of `losses_of`.
    """
    rows = table.filter(measure="val_loss")
    low, high = ends(rows["loss"], empty=(0.1, 1.0))
    low, high = max(low * 0.95, 1e-5), min(high * 1.05, HIGHEST_LOSS)
    scale = alt.Scale(type="log", domain=[low, max(high, 1.2 * low)], nice=False)
    axis = alt.Axis(values=loss_ticks(low, high), format="~g")
    y = alt.Y("loss:Q", title=labels["val_loss"], axis=axis, scale=scale)
    at: dict[str, Any] = {"x": epoch_axis(table, labels, first=0), "y": y, "color": channels.color(arms)}
    line = alt.Chart().mark_line(strokeWidth=2.4, clip=True).add_params(picked())
    line = line.encode(**at, strokeDash=channels.dash(arms, legend=False), opacity=shown(1))
    dots = alt.Chart().mark_point(filled=True, size=60, clip=True).transform_filter(WHOLE)
    tips = tooltips(labels, "arm:N", "epoch:Q", "loss:Q .3g")
    dots = dots.encode(**at, shape=channels.shape(arms), tooltip=tips, opacity=shown(1))
    return Layered(layers=[line, dots], data=rows, height=style.PAIR_HEIGHT)
