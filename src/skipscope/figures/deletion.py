"""Draws the cost of removing single blocks from a network."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.seeds import drawn, each, together


def by_block(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the accuracy lost without each block as a bar, in the order of the network, and seeds as points.

    `table` has arm, seed, removed, blocks, loss_change and accuracy_lost (percentage points).
    """
    alone = table.filter(pl.col("arm") == arm, pl.col("blocks") == 1)
    blocks, color = alone["removed"].unique(maintain_order=True), style.looks(arms)[arm].color
    y = alt.Y("removed:N", sort=blocks.to_list(), title=None)
    axis = alt.Axis(format=".4~g", tickCount=5, grid=True)

    def x(field: str) -> alt.X:
        return alt.X(field, title=labels["accuracy_lost"], axis=axis)

    tips = tooltips(labels, "removed:N", "mean(accuracy_lost):Q .2f", "mean(loss_change):Q +.3~g")
    bar = together(alt.Chart(), alone).mark_bar(color=color, height={"band": 0.6})
    layers = [bar.encode(x=x("mean(accuracy_lost):Q"), y=y, tooltip=tips)]
    if alone["seed"].n_unique() > 1:
        seeds = each(alt.Chart(), alone).mark_point(
            size=34, filled=True, color=style.INK, stroke="white", strokeWidth=1, opacity=1
        )
        layers.append(seeds.encode(x=x("accuracy_lost:Q"), y=y, detail=alt.Detail("seed:N")))
    height = max(style.HEIGHT, min(18 * len(blocks), 900))
    return Layered(layers=layers, data=drawn(alone, "removed"), height=height)
