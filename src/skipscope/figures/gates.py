"""Draws one network's gates: their values, their dependence on the class, the cost of replacing them."""

import json
import math
from collections.abc import Sequence

import altair as alt
import polars as pl

from skipscope.analysis.trained_readings import ALL
from skipscope.figures import style
from skipscope.figures.guides import ends, legend, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.seeds import means

ROW = 5
"""Height in pixels of a class's row in a strip."""
MEASURES = ("class_share", "low", "high")
REPLACEMENTS = ("one", "mean", "other")


def strips(table: pl.DataFrame, *, classes: Sequence[str], labels: Labels) -> Layered:
    """Draws a strip a block: a row a class, a column a channel by its mean gate; dark is the most open.

    The shades span the gates that there are, by tenths: over all of 0 to 1 most networks' are of one shade.

    `table` has block, class (its number), channel, its rank among `of` channels that are shown, and gate. The
    chart looks the names of `classes` up, so that charts in two languages have one table.
    """
    table = table.rename({"class": "number"})
    named = f"{json.dumps(list(classes), ensure_ascii=False)}[datum.number]"
    blocks = table["block"].unique(maintain_order=True).to_list()
    gap = alt.Scale(paddingInner=0.16, paddingOuter=0.05)
    told = legend(labels["gate"], gradientLength=160, offset=12, format=".4~g")
    bare = alt.Axis(labels=False, ticks=False, domain=False)
    unit = alt.Scale(domain=[0, 1], nice=False)
    lowest, highest = ends(table["gate"])
    span = [math.floor(10 * lowest) / 10, (math.floor(10 * highest) + 1) / 10]
    chart = (
        alt.Chart()
        .mark_rect(aria=False)  # thousands of names nobody hears make the picture three times as large
        .transform_calculate(**{"class": named})
        .transform_calculate(start="datum.position / datum.of", end="(datum.position + 1) / datum.of")
        .encode(
            x=alt.X("start:Q", title=labels["channels"], axis=bare, scale=unit),
            x2=alt.X2("end:Q"),
            y=alt.Y("block:N", sort=blocks, title=None, scale=gap, axis=alt.Axis(grid=False)),
            yOffset=alt.YOffset("class:N", sort=list(classes), scale=alt.Scale(paddingInner=0)),
            color=alt.Color("gate:Q", scale=alt.Scale(domain=span, range=list(style.HEAT)), legend=told),
            tooltip=tooltips(labels, "block:N", "class:N", "channel:Q", "gate:Q .2f"),
        )
    )
    return Layered(layers=[chart], data=table, height=len(blocks) * max(ROW * len(classes), 12))


def shares(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws for each block the share of the gates' variance between classes and of gates nearly shut or open.

    `table` has arm, seed, module, class_share, low and high.
    """
    told = {name: labels[name] for name in MEASURES}
    long = (
        table.filter(pl.col("arm") == arm)
        .unpivot(list(MEASURES), index=["arm", "seed", "module"], variable_name="measure", value_name="share")
        .with_columns(pl.col("measure").replace_strict(told))
        .drop_nulls("share")
    )
    plain = alt.Legend(title=None, orient="top", columns=1, offset=12, labelLimit=0)

    def scale(*values: str) -> alt.Scale:
        return alt.Scale(domain=list(told.values()), range=list(values))

    colors = scale(style.looks(arms)[arm].color, style.FAINT_INK, style.INK)
    color = alt.Color("measure:N", scale=colors, legend=plain)
    shape = alt.Shape("measure:N", scale=scale("circle", "triangle-down", "triangle-up"), legend=plain)
    y = alt.Y("module:N", sort=long["module"].unique(maintain_order=True).to_list(), title=None)
    axis = alt.Axis(format="%", tickCount=5, grid=True)
    x = alt.X("mean(share):Q", title=labels["share"], axis=axis, scale=alt.Scale(zero=True))
    named = {"module": labels["block"], "measure": " "}
    tips = tooltips(labels, "module:N", "measure:N", "mean(share):Q .1%", **named)
    dots = alt.Chart().mark_point(size=62, strokeWidth=1.8, opacity=1)
    layers = [dots.encode(x=x, y=y, shape=shape, color=color, tooltip=tips)]
    return Layered(layers=layers, data=means(long, "module", "measure"), height=_height(long))


def surgery(table: pl.DataFrame, *, arm: str, arms: Sequence[str], together: bool, labels: Labels) -> Layered:
    """Draws the cost of replacing the gates of one block at a time, or `together` of all blocks.

    `table` has arm, seed, module (`ALL` for all together), by (`REPLACEMENTS`), loss_change, accuracy_lost.
    """
    told = {name: labels[name] for name in REPLACEMENTS}
    chosen = table.filter(pl.col("arm") == arm, (pl.col("module") == ALL) == together)
    chosen = chosen.with_columns(pl.col("by").replace(told))
    look = style.looks(arms)[arm]
    ways = list(told.values())
    y = (
        alt.Y("by:N", sort=ways, title=labels["replaced"], axis=alt.Axis(labelFontSize=12.5))
        if together
        else alt.Y("module:N", sort=chosen["module"].unique(maintain_order=True).to_list(), title=None)
    )
    quantity = "accuracy_lost" if together else "loss_change"
    axis = alt.Axis(format=".4~g", tickCount=5, grid=True)
    x = alt.X(f"mean({quantity}):Q", title=labels[quantity], axis=axis)
    squares = legend(labels["replaced"], offset=12, symbolType="square", symbolStrokeColor=look.color)
    tints = [style.tint(look.color, share) for share in (1, 0.5, 0.1)]
    fill = alt.Fill("by:N", scale=alt.Scale(domain=ways, range=tints), legend=None if together else squares)
    named = {"module": labels["block"], "by": labels["replaced"]}
    fields = ("module:N", "by:N", "mean(loss_change):Q +.3~g", "mean(accuracy_lost):Q .2f")
    tips = tooltips(labels, *fields, **named)
    offset = {} if together else {"yOffset": alt.YOffset("by:N", sort=ways)}
    bar = alt.Chart().mark_bar(stroke=look.color, strokeWidth=1)
    layers = [bar.encode(x=x, y=y, fill=fill, tooltip=tips, **offset)]
    if together:
        number = alt.Chart().mark_text(align="left", dx=6, fontSize=12.5, color=style.INK)
        layers.append(number.encode(x=x, y=y, text=alt.Text("mean(accuracy_lost):Q", format=".1f")))
    height = 150 if together else _height(chosen)
    return Layered(layers=layers, data=means(chosen, "module", "by"), height=height)


def _height(table: pl.DataFrame) -> int:
    return max(150, min(30 * table["module"].n_unique(), 720))
