"""Heat maps of a dense block: how much each layer uses each source, by weight and by ablation."""

from collections.abc import Mapping
from typing import Literal

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.layered import Layered

CELL = 34
NUMBERED = 9
"""Cells of more sources than this are too narrow for numbers."""
MEASURES: dict[str, Literal["relative", "loss_change"]] = {"weight": "relative", "ablation": "loss_change"}
"""Quantities that are drawn, by the names of their figures."""
FORMATS = {"relative": ".2f", "loss_change": ".2~r"}


def heat(
    table: pl.DataFrame,
    *,
    block: int,
    quantity: Literal["relative", "loss_change"],
    labels: Mapping[str, str],
) -> Layered:
    """Draws a row a layer and a column a source that it reads; darker is more.

    `table` is that of `analysis.reuse`: block, target and source (`to` and `of` in short), weight, relative,
    loss_change, accuracy_lost. The loss goes to colour by its square root: cutting a source off for all its
    readers costs many times what it costs one.
    """
    shown = table.filter(pl.col("block") == block).drop_nulls(quantity)
    top = max(float(shown[quantity].max() or 0.0), 1e-6)  # type: ignore[arg-type]
    sources = shown["of"].unique(maintain_order=True).to_list()
    targets = shown["to"].unique(maintain_order=True).to_list()
    small = len(sources) > NUMBERED
    x = alt.X(
        "of:N",
        sort=sources,
        title=labels["source"],
        axis=alt.Axis(labelAngle=-90 if small else 0, domain=False, ticks=False, labelOverlap=False),
    )
    y = alt.Y("to:N", sort=targets, title=labels["target"], axis=alt.Axis(grid=False, labelOverlap=False))
    scale = alt.Scale(
        type="linear" if quantity == "relative" else "sqrt",
        domain=[0, top],
        range=list(style.HEAT),
        clamp=True,
    )
    tips = [
        alt.Tooltip("target:N", title=labels["target"]),
        alt.Tooltip("source:N", title=labels["source"]),
        alt.Tooltip("weight:Q", title=labels["weight"], format=".3~g"),
        alt.Tooltip("relative:Q", title=labels["relative"], format=".2f"),
        alt.Tooltip("loss_change:Q", title=labels["loss_change"], format="+.3~g"),
        alt.Tooltip("accuracy_lost:Q", title=labels["accuracy_lost"], format=".2f"),
    ]
    new = alt.Chart().transform_filter(f"datum.block == {block} && isValid(datum.{quantity})")
    cells = new.mark_rect(stroke="white", strokeWidth=1).encode(
        x=x, y=y, color=alt.Color(f"{quantity}:Q", scale=scale, legend=None), tooltip=tips
    )
    dark = top / 2 if quantity == "relative" else top / 4
    numbers = new.mark_text(fontSize=10.5).encode(
        x=x,
        y=y,
        text=alt.Text(f"{quantity}:Q", format=FORMATS[quantity]),
        color=style.ink(white_where=f"datum.{quantity} > {dark:.6g}"),
    )
    layers = [cells] if small else [cells, numbers]
    height = len(targets) * (18 if small else CELL)
    return Layered(layers=layers, data=table, height=height)
