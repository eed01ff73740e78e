"""Draws heat maps of a dense block: how much each layer uses each source, by weight and by ablation."""

from typing import Literal

import altair as alt
import polars as pl

from skipscope.figures import style
from skipscope.figures.guides import ends, tooltips
from skipscope.figures.layered import Labels, Layered

CELL = 34
NUMBERED = 9
"""Cells of more sources than this are too narrow for numbers."""
Measure = Literal["relative", "loss_change"]
MEASURES: dict[str, Measure] = {"weight": "relative", "ablation": "loss_change"}
"""Quantities that are drawn, by the names of their figures."""
KINDS: dict[Measure, tuple[Literal["linear", "sqrt"], str, float]] = {
    "relative": ("linear", ".2f", 1 / 2),
    "loss_change": ("sqrt", ".2~r", 1 / 4),
}
"""Scale and number format of each quantity, and the share of its maximum where white is read better."""


def heat(table: pl.DataFrame, *, block: int, quantity: Measure, labels: Labels) -> Layered:
    """Draws a row a layer and a column a source that it reads; darker is more.

    `table` is that of `analysis.reuse`: block, target and source (`to` and `of` in short), weight, relative,
    loss_change, accuracy_lost. The loss goes to colour by its square root: cutting a source off for all its
    readers costs many times what it costs one.
    """
    shown = table.filter(pl.col("block") == block).drop_nulls(quantity)
    top = max(ends(shown[quantity], empty=(0.0, 0.0))[1], 1e-6)
    sources = shown["of"].unique(maintain_order=True).to_list()
    targets = shown["to"].unique(maintain_order=True).to_list()
    small = len(sources) > NUMBERED
    axis = alt.Axis(labelAngle=-90 if small else 0, domain=False, ticks=False, labelOverlap=False)
    x = alt.X("of:N", sort=sources, title=labels["source"], axis=axis)
    y = alt.Y("to:N", sort=targets, title=labels["target"], axis=alt.Axis(grid=False, labelOverlap=False))
    kind, format, dark = KINDS[quantity]
    scale = alt.Scale(type=kind, domain=[0, top], range=list(style.HEAT), clamp=True)
    numbers = ("weight:Q .3~g", "relative:Q .2f", "loss_change:Q +.3~g", "accuracy_lost:Q .2f")
    tips = tooltips(labels, "target:N", "source:N", *numbers)
    new = alt.Chart().transform_filter(f"datum.block == {block} && isValid(datum.{quantity})")
    color = alt.Color(f"{quantity}:Q", scale=scale, legend=None)
    layers = [new.mark_rect(stroke="white", strokeWidth=1).encode(x=x, y=y, color=color, tooltip=tips)]
    if not small:
        ink = style.ink(white_where=f"datum.{quantity} > {dark * top:.6g}")
        text = alt.Text(f"{quantity}:Q", format=format)
        layers.append(new.mark_text(fontSize=10.5).encode(x=x, y=y, text=text, color=ink))
    return Layered(layers=layers, data=table, height=len(targets) * (18 if small else CELL))
