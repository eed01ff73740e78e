"""Draws one network while it trained, layer by layer and class by class.

Tables are those of `analysis.training_readings` and `analysis.pictures`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import channels, style
from skipscope.figures.guides import ends, legend, tooltips
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.lines import first_or_last
from skipscope.figures.seeds import means
from skipscope.figures.training import logarithmic, steps

ROW = 24
"""Height of a class in a heat map, in pixels."""
NUMBERED = 12
"""Cells of more columns than this are too narrow for numbers."""


def updates(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws the update-to-weight ratio over steps, a faint line a layer, their median bold.

    `table` has module, depth (0 to 1), step and ratio of this arm alone.
    """
    look = style.looks(arms)[arm]
    x = steps(table, labels)
    names: dict[str, Any] = {"values": [0, 1], "labelExpr": first_or_last(labels), "labelOverlap": False}
    told = legend(labels["layer"], gradientLength=130, **names)
    scale = alt.Scale(domain=[0, 1], range=[style.tint(look.color, 0.3), look.color])
    ratio = logarithmic(table["ratio"], labels["update_ratio"])
    color = alt.Color("depth:Q", scale=scale, legend=told)
    new = alt.Chart()
    layers = new.mark_line(strokeWidth=1.2, opacity=0.8).encode(
        x=x, y=ratio("ratio:Q"), detail=alt.Detail("module:N"), color=color
    )
    y = ratio("median(ratio):Q")
    tips = tooltips(labels, "step:Q ,d", "median(ratio):Q .2~g", ratio=labels["median_layer"])
    tips += [alt.Tooltip(f"{end}(ratio):Q", title=end, format=".2~g") for end in ("min", "max")]
    # white below it, so that it is seen among many lines in grey as well
    halo = new.mark_line(strokeWidth=5, color="white").encode(x=x, y=y)
    median = new.mark_line(strokeWidth=2.6, color=style.INK).encode(x=x, y=y)
    points = new.mark_point(size=120, opacity=0).encode(x=x, y=y, tooltip=tips)
    return Layered(layers=[layers, halo, median, points], data=table, height=style.PAIR_HEIGHT)


def rectifiers(table: pl.DataFrame, *, arm: str, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws each ReLU's share of zero outputs and of dead channels: bars at the end, ticks at the start.

    `table` has arm, seed, moment, module, relu (number of the call), zeros and dead.
    """
    look = style.looks(arms)[arm]
    names = ["zeros", "dead"]
    told = _told(labels, names)
    squares = alt.Legend(title=None, orient="top", symbolType="square", labelExpr=told, labelLimit=0)
    tints = alt.Scale(domain=names, range=[style.tint(look.color, 0.3), style.INK])
    color = alt.Color("measure:N", scale=tints, legend=squares)
    _, last = ends(table["relu"], empty=(1, 1))
    ticks = [k for k in range(1, last + 1) if last <= 12 or k % 5 == 0 or k == 1]
    axis, scale = alt.Axis(labelAngle=0, values=ticks), alt.Scale(paddingInner=0.25)
    x = alt.X("relu:O", title=labels["relu"], axis=axis, scale=scale)
    axis, scale = alt.Axis(format="%", tickCount=5), alt.Scale(domain=[0, 1])
    y = alt.Y("mean(share):Q", title=labels["share"], stack=None, axis=axis, scale=scale)
    titles = {"module": labels["module"], "measure": " "}
    tips = tooltips(labels, "min(module):N", "measure:N", "mean(share):Q .1%", **titles)
    after = alt.Chart().transform_filter("datum.moment == 'end'")
    before = alt.Chart().transform_filter("datum.moment == 'start' && datum.measure == 'zeros'")
    layers = [
        after.mark_bar().encode(x=x, y=y, color=color, tooltip=tips),
        before.mark_tick(thickness=2, color=style.FAINT_INK).encode(x=x, y=y),
    ]
    data = means(table.filter(arm=arm), "moment", "relu")
    return Layered(layers=layers, data=data, height=style.PAIR_HEIGHT, fold=names)


def classes(table: pl.DataFrame, *, arm: str, names: Mapping[str, str], labels: Labels) -> Layered:
    """Draws each class's validation accuracy after each epoch as a heat map, the best class on top.

    `table` has arm, epoch, class and accuracy; `names` are the classes' names in the chart's language.
    """
    chosen = table.filter(arm=arm)
    last = chosen.filter(pl.col("epoch") == pl.col("epoch").max())
    ordered = last.sort("accuracy", descending=True, maintain_order=True)["class"].to_list()
    axis = alt.Axis(orient="bottom", labelAngle=0, domain=False, ticks=False, labelOverlap=True)
    x = alt.X("epoch:O", title=labels["epoch"], axis=axis, scale=alt.Scale(padding=0))
    y = alt.Y("class:N", sort=ordered, title=None, axis=_class_axis(names), scale=alt.Scale(padding=0))
    tips = tooltips(labels, "class:N", "epoch:O", "accuracy:Q .1%", accuracy=labels["val_accuracy"])
    numbered = chosen["epoch"].n_unique() <= NUMBERED
    layers = _heat_map(x, y, "accuracy", labels["val_accuracy"], tips, numbered=numbered)
    return Layered(layers=layers, data=chosen, height=ROW * max(1, len(ordered)))


def confusion(table: pl.DataFrame, *, names: Mapping[str, str], labels: Labels) -> Layered:
    """Draws a confusion matrix: a row a class, a column a prediction, shares of the row in per cent.

    `table` has label, answer, images and share; `names` are the classes' names in the chart's language.
    """
    order = table["label"].unique(maintain_order=True).to_list()
    across, down, scale = _class_axis(names, angle=-45), _class_axis(names), alt.Scale(padding=0)
    x = alt.X("answer:N", sort=order, title=labels["answer"], axis=across, scale=scale)
    y = alt.Y("label:N", sort=order, title=labels["class"], axis=down, scale=scale)
    tips = tooltips(labels, "label:N", "answer:N", "images:Q", "share:Q .1%", label=labels["class"])
    layers = _heat_map(x, y, "share", labels["share"], tips, numbered=True)
    return Layered(layers=layers, data=table, height=ROW * max(1, len(order)))


def _heat_map(
    x: alt.X, y: alt.Y, field: str, told: str, tips: list[alt.Tooltip], *, numbered: bool
) -> list[alt.Chart]:
    """Draws shares as cells and, if `numbered`, in per cent without the sign; nothing where that is 0."""
    scale = alt.Scale(domain=[0, 1], range=list(style.HEAT))
    color = alt.Color(f"{field}:Q", scale=scale, legend=legend(told, format="%", gradientLength=130))
    cells = alt.Chart().mark_rect(stroke="white", strokeWidth=1)
    layers = [cells.encode(x=x, y=y, color=color, tooltip=tips)]
    if numbered:
        numbers = alt.Chart().mark_text(fontSize=11)
        numbers = numbers.transform_calculate(percent=f"round(100 * datum.{field})")
        numbers = numbers.transform_filter("datum.percent > 0")
        ink = channels.ink(white_where=f"datum.{field} > 0.55")
        layers.append(numbers.encode(x=x, y=y, text=alt.Text("percent:Q"), color=ink))
    return layers


def _class_axis(names: Mapping[str, str], *, angle: int = 0) -> alt.Axis:
    told = _told(names, list(names))
    return alt.Axis(domain=False, ticks=False, labelExpr=told, labelLimit=0, labelAngle=angle)


def _told(labels: Labels, names: Sequence[str]) -> str:
    """Returns a Vega expression that replaces names by their labels."""
    known = json.dumps({name: labels[name] for name in names}, ensure_ascii=False)
    return f"{known}[datum.value] || datum.label"
