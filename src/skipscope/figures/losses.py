"""Draws the training and the validation loss of one arm over epochs."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.curves import HIGHEST_LOSS, epoch_axis, loss_ticks
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered

PANEL_HEIGHT = 128
"""Height of a panel of the hand-in: four networks' panels and what is said of them fit a page and a half."""


def losses_of(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws one arm's losses on a log axis: validation bold with markers, training thin and dashed.

    `table` has arm, epoch, measure (loss or val_loss) and loss; all arms have one axis, so that their charts
    can be compared.
    """
    look = style.looks(arms)[arm]
    names = {"val_loss": labels["val_loss"], "loss": labels["loss"]}
    rows = table.filter(pl.col("arm") == arm).with_columns(pl.col("measure").replace(names))
    low, high = ends(table["loss"], empty=(0.1, 1.0))
    low, high = max(low * 0.9, 1e-5), min(high * 1.05, HIGHEST_LOSS)
    axis = alt.Axis(values=loss_ticks(low, high), format="~g")
    scale = alt.Scale(type="log", domain=[low, max(high, 1.2 * low)], nice=False)
    x = epoch_axis(table, labels, first=0)
    y = alt.Y("loss:Q", title=None, axis=axis, scale=scale)

    def measures(*values: Any) -> alt.Scale:
        return alt.Scale(domain=list(names.values()), range=list(values))

    strokes = alt.Legend(
        title=None, orient="top", offset=12, symbolType="stroke", symbolStrokeColor=look.color
    )
    dash = alt.StrokeDash("measure:N", scale=measures([1, 0], [4, 3]), legend=strokes)
    width = alt.StrokeWidth("measure:N", scale=measures(2.4, 1.4), legend=None)
    tips = tooltips(labels, "measure:N", "epoch:Q .2f", "loss:Q .3g", measure=" ", loss="=")
    line = alt.Chart().mark_line(color=look.color, clip=True)
    line = line.encode(x=x, y=y, strokeDash=dash, strokeWidth=width, tooltip=tips)
    dots = alt.Chart().mark_point(size=42, shape=look.shape, color=look.color, filled=True, opacity=1)
    dots = dots.transform_filter(alt.datum.measure == names["val_loss"]).encode(x=x, y=y, tooltip=tips)
    return Layered(layers=[line, dots], data=rows, height=PANEL_HEIGHT)
