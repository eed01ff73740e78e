"""Charts of one network's gates: their values, their dependence on the class, the cost of replacing them."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.analysis.trained_readings import ALL
from skipscope.figures import style
from skipscope.figures.layered import Layered
from skipscope.figures.seeds import means

ROW = 5
"""Height in pixels of a class's row in a strip."""
MEASURES = ("class_share", "low", "high")
REPLACEMENTS = ("one", "mean", "other")


def strips(table: pl.DataFrame, *, classes: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws a strip a block: a row a class, a column a channel by its mean gate; dark is open.

    `table` has block, class (its name), channel, its rank among `of` channels that are shown, and gate.
    """
    blocks = table["block"].unique(maintain_order=True).to_list()
    gap = alt.Scale(paddingInner=0.16, paddingOuter=0.05)
    legend = alt.Legend(
        title=labels["gate"],
        titleFontWeight="normal",
        titleOrient="left",
        orient="top",
        gradientLength=160,
        offset=12,
        format=".4~g",
    )
    chart = (
        alt.Chart()
        .mark_rect(aria=False)  # thousands of names nobody hears make the picture three times as large
        .transform_calculate(start="datum.position / datum.of", end="(datum.position + 1) / datum.of")
        .encode(
            x=alt.X(
                "start:Q",
                title=labels["channels"],
                axis=alt.Axis(labels=False, ticks=False, domain=False),
                scale=alt.Scale(domain=[0, 1], nice=False),
            ),
            x2=alt.X2("end:Q"),
            y=alt.Y("block:N", sort=blocks, title=None, scale=gap, axis=alt.Axis(grid=False)),
            yOffset=alt.YOffset("class:N", sort=list(classes), scale=alt.Scale(paddingInner=0)),
            color=alt.Color("gate:Q", scale=alt.Scale(domain=[0, 1], range=list(style.HEAT)), legend=legend),
            tooltip=[
                alt.Tooltip("block:N", title=labels["block"]),
                alt.Tooltip("class:N", title=labels["class"]),
                alt.Tooltip("channel:Q", title=labels["channel"]),
                alt.Tooltip("gate:Q", title=labels["gate"], format=".2f"),
            ],
        )
    )
    height = len(blocks) * max(ROW * len(classes), 12)
    return Layered(layers=[chart], data=table, height=height)


def shares(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Mapping[str, str]) -> Layered:
    """Draws for each block the share of the gates' variance between classes and of gates nearly shut or open.

    `table` has arm, seed, module, class_share, low and high.
    """
    told = [labels[name] for name in MEASURES]
    long = (
        table.filter(pl.col("arm") == arm)
        .unpivot(list(MEASURES), index=["arm", "seed", "module"], variable_name="measure", value_name="share")
        .with_columns(pl.col("measure").replace_strict(dict(zip(MEASURES, told, strict=True))))
        .drop_nulls("share")
    )
    legend = alt.Legend(title=None, orient="top", columns=1, offset=12, labelLimit=0)
    measures: Any = {"shorthand": "measure:N", "legend": legend}
    shape = alt.Shape(
        **measures, scale=alt.Scale(domain=told, range=["circle", "triangle-down", "triangle-up"])
    )
    color = alt.Color(
        **measures,
        scale=alt.Scale(domain=told, range=[style.looks(arms)[arm].color, style.FAINT_INK, style.INK]),
    )
    y = alt.Y("module:N", sort=long["module"].unique(maintain_order=True).to_list(), title=None)
    x = alt.X(
        "mean(share):Q",
        title=labels["share"],
        axis=alt.Axis(format="%", tickCount=5, grid=True),
        scale=alt.Scale(zero=True),
    )
    tips = [
        alt.Tooltip("module:N", title=labels["block"]),
        alt.Tooltip("measure:N", title=" "),
        alt.Tooltip("mean(share):Q", title=labels["share"], format=".1%"),
    ]
    dots = (
        alt.Chart()
        .mark_point(size=62, strokeWidth=1.8, opacity=1)
        .encode(x=x, y=y, shape=shape, color=color, tooltip=tips)
    )
    data = means(long, "module", "measure")
    return Layered(layers=[dots], data=data, height=_tall(long["module"].n_unique()))


def surgery(
    table: pl.DataFrame,
    *,
    arm: str,
    arms: Sequence[str],
    together: bool,
    labels: Mapping[str, str],
) -> Layered:
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
    x = alt.X(
        f"mean({quantity}):Q", title=labels[quantity], axis=alt.Axis(format=".4~g", tickCount=5, grid=True)
    )
    legend = alt.Legend(
        title=labels["replaced"],
        titleFontWeight="normal",
        titleOrient="left",
        orient="top",
        offset=12,
        symbolType="square",
        symbolStrokeColor=look.color,
    )
    tints = [style.tint(look.color, share) for share in (1, 0.5, 0.1)]
    fill = alt.Fill("by:N", scale=alt.Scale(domain=ways, range=tints), legend=None if together else legend)
    tips = [
        alt.Tooltip("module:N", title=labels["block"]),
        alt.Tooltip("by:N", title=labels["replaced"]),
        alt.Tooltip("mean(loss_change):Q", title=labels["loss_change"], format="+.3~g"),
        alt.Tooltip("mean(accuracy_lost):Q", title=labels["accuracy_lost"], format=".2f"),
    ]
    offset = {} if together else {"yOffset": alt.YOffset("by:N", sort=ways)}
    bar = (
        alt.Chart()
        .mark_bar(stroke=look.color, strokeWidth=1)
        .encode(x=x, y=y, fill=fill, tooltip=tips, **offset)
    )
    layers = [bar]
    if together:
        number = alt.Chart().mark_text(align="left", dx=6, fontSize=12.5, color=style.INK)
        layers.append(number.encode(x=x, y=y, text=alt.Text("mean(accuracy_lost):Q", format=".1f")))
    height = 150 if together else _tall(chosen["module"].n_unique())
    return Layered(layers=layers, data=means(chosen, "module", "by"), height=height)


def _tall(rows: int) -> int:
    return max(150, min(30 * rows, 720))
