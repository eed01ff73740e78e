"""Draws heat maps of a dense block: how much each layer uses each source, by weight and by ablation."""

from itertools import pairwise
from typing import Any, Literal

import altair as alt
import polars as pl

from skipscope.analysis.quantities import NOTICED
from skipscope.figures import style
from skipscope.figures.guides import ends, legend, tooltips
from skipscope.figures.layered import Labels, Layered

CELL = 34
NUMBERED = 9
"""Cells of more sources than this are too narrow for numbers."""
Measure = Literal["relative", "loss_change"]
MEASURES: dict[str, Measure] = {"weight": "relative", "ablation": "loss_change"}
"""Quantities that are drawn, by the names of their figures."""
FORMATS: dict[Measure, str] = {"relative": ".2f", "loss_change": ".2r"}
LIMITS = [0.0, *(round(NOTICED * 10**power, 9) for power in range(len(style.HEAT) - 1))]
"""Limits between the colours of a loss: zero, what counts as use, and decades of it."""
FALLS = style.tint(style.BELOW, 0.25)
"""Cells below zero, which must not look like zero."""
INDEXED = "test(/^[xf][₀-₉]+$/, datum.label)"
"""Whether a label is a variable, which is set in italics."""


def heat(table: pl.DataFrame, *, block: int, quantity: Measure, labels: Labels) -> Layered:
    """Draws a row a layer and a column a source that it reads; darker is more.

    `table` is that of `analysis.reuse`: block, target and source (`to` and `of` in short), weight, relative,
    loss_change, accuracy_lost. The loss has a colour for each decade, from the rise on that counts as use:
    cutting a source off for all its readers costs many times what it costs one. Where it falls, cells and
    numbers have a colour of their own; rises no larger than the largest fall have faint numbers.
    """
    shown = table.filter(pl.col("block") == block).drop_nulls(quantity)
    top = max(ends(shown[quantity], empty=(0.0, 0.0))[1], 1e-6)
    sources = shown["of"].unique(maintain_order=True).to_list()
    targets = shown["to"].unique(maintain_order=True).to_list()
    small = len(sources) > NUMBERED
    slanted = alt.condition(INDEXED, alt.value("italic"), alt.value("normal"))
    large = alt.condition(INDEXED, alt.value(14), alt.value(12))
    plain: dict[str, Any] = {"ticks": False, "labelOverlap": False, "labelFontStyle": slanted}
    plain |= {"labelColor": style.INK, "labelFontSize": large}
    axis = alt.Axis(labelAngle=-90 if small else 0, domain=False, **plain)
    x = alt.X("of:N", sort=sources, title=labels["source"], axis=axis)
    y = alt.Y("to:N", sort=targets, title=labels["target"], axis=alt.Axis(grid=False, **plain))
    numbers = ("weight:Q .3~g", "relative:Q .2f", "loss_change:Q +.3~g", "accuracy_lost:Q .2f")
    tips = tooltips(labels, "target:N", "source:N", *numbers)
    new = alt.Chart().transform_filter(f"datum.block == {block} && isValid(datum.{quantity})")
    new = new.transform_calculate(**{"class": _class(quantity)})
    color, dark = _color(quantity, top, labels[quantity])
    layers = [new.mark_rect(stroke="white", strokeWidth=1).encode(x=x, y=y, color=color, tooltip=tips)]
    if not small:
        fell = alt.when(f"datum.{quantity} < 0").then(alt.value(style.BELOW))
        noisy = fell.when(f"datum.{quantity} <= {-ends(shown[quantity])[0]!r}").then(
            alt.value(style.FAINT_INK)
        )
        risen = noisy.when(f"datum.{quantity} >= {dark:.6g}").then(alt.value("white"))
        # for the class of a plain dict altair would hash all its schemas
        ink = alt.ColorValue(**risen.otherwise(alt.value(style.INK)))
        text = alt.Text(f"{quantity}:Q", format=FORMATS[quantity])
        layers.append(new.mark_text(fontSize=10.5).encode(x=x, y=y, text=text, color=ink))
    return Layered(layers=layers, data=table, height=len(targets) * (18 if small else CELL))


def _color(quantity: Measure, top: float, title: str) -> tuple[alt.Color, float]:
    """Colours a quantity, by classes if it spans decades; returns also where white is read better."""
    if quantity == "relative":
        scale = alt.Scale(domain=[0, top], range=list(style.HEAT), clamp=True)
        told = legend(title, gradientLength=160, format=FORMATS[quantity])
        return alt.Color(f"{quantity}:Q", scale=scale, legend=told), top / 2
    told = legend(title, symbolType="square", symbolStrokeWidth=0, symbolSize=260, columns=len(LIMITS) + 1)
    scale = alt.Scale(domain=_names(), range=[FALLS, *style.HEAT])
    return alt.Color("class:O", scale=scale, legend=told), LIMITS[-2]


def _names() -> list[str]:
    """Names the classes between limits: < 0, 0–0.001, 0.001–0.01, ≥ 1."""
    between = [f"{low:g}–{high:g}" for low, high in pairwise(LIMITS)]
    return [f"< {LIMITS[0]:g}", *between, f"≥ {LIMITS[-1]:g}"]


def _class(quantity: Measure) -> str:
    """Writes the Vega expression of a value's class."""
    *names, last = _names()
    tests = zip(LIMITS, names, strict=True)
    return "".join(f"datum.{quantity} < {limit!r} ? '{name}' : " for limit, name in tests) + f"'{last}'"
