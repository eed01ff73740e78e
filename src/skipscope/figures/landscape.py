"""Draws the loss on a plane through the trained weights, as colours and isolines on one scale for all.

`table` is that of `analysis.landscape`: arm, kind (cell, line, label), x, y, x2, y2, loss.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.analysis.landscape import loss_span
from skipscope.figures import channels, style
from skipscope.figures.guides import ends, legend, tooltips
from skipscope.figures.layered import Labels, Layered

COLUMNS = 2
PANEL = 225
BETWEEN = (1.06, 1.17)
"""Distance between the corners of neighbouring panels, in widths and heights of a panel."""


def overview(table: pl.DataFrame, *, arms: Sequence[str], labels: Labels) -> Layered:
    """Draws all networks, each in a panel under its name."""
    left, low, right, high = _extent(table)
    wide, tall = (right - left) * BETWEEN[0], (high - low) * BETWEEN[1]
    columns, rows = min(COLUMNS, len(arms)), math.ceil(len(arms) / COLUMNS)
    x: dict[str, Any] = {"axis": None, "scale": _span(left, left + columns * wide)}
    y: dict[str, Any] = {"axis": None, "scale": _span(high - rows * tall, high + 0.1 * (high - low))}
    index = f"indexof({json.dumps(list(arms))}, datum.arm)"
    across, down = f"({index} % {COLUMNS}) * {wide:.6g}", f"floor({index} / {COLUMNS}) * {tall:.6g}"
    new = alt.Chart().transform_calculate(
        px=f"datum.x + {across}", px2=f"datum.x2 + {across}", py=f"datum.y - {down}", py2=f"datum.y2 - {down}"
    )
    names = (
        new.transform_filter("datum.kind == 'cell'")
        .transform_aggregate(px="min(px)", py="max(py2)", groupby=["arm"])
        .mark_text(align="left", baseline="bottom", dy=-4, fontSize=12.5, fontWeight=600)
        .encode(text=alt.Text("arm:N"), color=channels.color(arms, legend=False), **_position(x, y))
    )
    layers = [*_layers(new, table, x, y, labels), names]
    return Layered(layers=layers, data=table, height=rows * (PANEL + 26), apart=("color",))


def map_of(table: pl.DataFrame, *, arm: str, labels: Labels) -> Layered:
    """Draws one network's plane on the axes and the colour scale of all."""
    left, low, right, high = _extent(table)
    axis = alt.Axis(tickCount=5, format="+.2~f", grid=False)
    x = {"title": labels["plane_a"], "axis": axis, "scale": _span(left, right)}
    y = {"title": labels["plane_b"], "axis": axis, "scale": _span(low, high)}
    new = alt.Chart().transform_calculate(px="datum.x", px2="datum.x2", py="datum.y", py2="datum.y2")
    layers = _layers(new, table, x, y, labels)
    return Layered(layers=layers, data=table, height=style.HEIGHT, only={"arm": arm})


def _layers(
    new: alt.Chart, table: pl.DataFrame, x: dict[str, Any], y: dict[str, Any], labels: Labels
) -> list[alt.Chart]:
    """Makes layers of cells, isolines, their values, and a cross at the trained weights."""
    domain = loss_span(table.filter(kind="cell")["loss"])
    lines = table.filter(kind="line")["loss"].unique().sort().to_list()
    values = lines[:: max(1, len(lines) // 5)] or alt.Undefined
    look: dict[str, Any] = {
        "type": "gradient",
        "offset": style.LEGEND,
        "gradientLength": 200,
        "format": ".4~g",
    }
    told = legend(labels["slice_loss"], values=values, **look)
    scale = alt.Scale(type="log", domain=list(domain), range=list(style.HEAT), clamp=True, nice=False)
    middle = "datum.kind == 'cell' && abs(datum.x + datum.x2) < 1e-6 && abs(datum.y + datum.y2) < 1e-6"
    dark = (domain[0] * domain[1] ** 2) ** (1 / 3)
    ink = channels.ink(white_where=f"datum.loss > {dark:.6g}")
    at = _position(x, y)
    end = {"x2": alt.X2("px2:Q"), "y2": alt.Y2("py2:Q")}
    cells = new.transform_filter("datum.kind == 'cell'").mark_rect(clip=True, aria=False)
    pieces = new.transform_filter("datum.kind == 'line'").mark_rule(strokeWidth=1.1, clip=True, aria=False)
    labelled = new.transform_filter("datum.kind == 'label'")
    numbers = labelled.mark_text(fontSize=10.5, align="right", dx=-3, dy=6)
    cross = (
        new.transform_filter(middle)
        .transform_calculate(px="(datum.px + datum.px2) / 2", py="(datum.py + datum.py2) / 2")
        .mark_point(shape="cross", filled=True, size=60, color=style.INK, stroke="white", opacity=1)
    )
    return [
        cells.encode(
            color=alt.Color("loss:Q", scale=scale, legend=told),
            stroke=alt.Stroke("loss:Q", scale=scale, legend=None),
            tooltip=tooltips(labels, "arm:N", "loss:Q .3~g", loss=labels["slice_loss"]),
            **at,
            **end,
        ),
        pieces.encode(color=ink, **at, **end),
        numbers.encode(**at, text=alt.Text("loss:Q", format=".4~g"), color=ink),
        cross.encode(**at),
    ]


def _extent(table: pl.DataFrame) -> tuple[float, float, float, float]:
    """Returns left, low, right, high of all cells."""
    cells = table.filter(kind="cell")
    return ends(cells["x"])[0], ends(cells["y"])[0], ends(cells["x2"])[1], ends(cells["y2"])[1]


def _span(low: float, high: float) -> alt.Scale:
    return alt.Scale(domain=[low, high], nice=False)


def _position(x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    return {"x": alt.X("px:Q", **x), "y": alt.Y("py:Q", **y)}
