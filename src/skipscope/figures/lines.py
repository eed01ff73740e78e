"""Draws lines of several arms over each other, with their axes, opacities and the pick in the legend.

A click on a name in the legend brings its arm forward.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import channels, style
from skipscope.figures.layered import Labels, Layered
from skipscope.figures.seeds import How, drawn, each, together

PICK = "picked"
FEW = 12


def overlaid(
    table: pl.DataFrame,
    x: alt.X,
    y: alt.Y,
    tips: list[alt.Tooltip],
    *,
    arms: Sequence[str],
    by: Sequence[str],
    size: int,
    how: How = "mean",
    where: str | None = None,
    only: Mapping[str, Any] | None = None,
) -> Layered:
    """Draws a bold line with markers an arm, over all seeds; several seeds are faint behind it, each alone.

    `table` has `arm`, `seed`, the columns of `by`, which tell the points of a line apart, and those of the
    axes; `y` aggregates seeds as `how` says. `where` is a Vega expression of the rows that are drawn.
    """
    at: dict[str, Any] = {"x": x, "y": y, "color": channels.color(arms)}
    new = alt.Chart() if where is None else alt.Chart().transform_filter(where)
    seeds = each(new, table).mark_line(strokeWidth=0.9, clip=True)
    seeds = seeds.encode(**at, detail=alt.Detail("seed:N"), opacity=shown(0.3))
    bold = together(new, table)
    line = bold.mark_line(strokeWidth=2.2, clip=True).add_params(picked())
    line = line.encode(**at, strokeDash=channels.dash(arms, legend=False), opacity=shown(1))
    dots = bold.mark_point(filled=True, size=size, clip=True)
    dots = dots.encode(**at, shape=channels.shape(arms), tooltip=tips, opacity=shown(1))
    layers = [seeds, line, dots] if table["seed"].n_unique() > 1 else [line, dots]
    return Layered(layers=layers, data=drawn(table, *by, how=how), height=style.PAIR_HEIGHT, only=only)


def marker_size(table: pl.DataFrame, *line: str) -> int:
    """Chooses small markers if a `line` has more than `FEW` points: it would be nothing but markers."""
    return 22 if (table.group_by(line).len()["len"] > FEW).any() else 55


def depth_axis(labels: Labels) -> alt.X:
    """Makes an axis of `depth`, from 0 at a network's first module to 1 at its last."""
    axis = alt.Axis(values=[0, 1], labelExpr=first_or_last(labels))
    scale = alt.Scale(domain=[0, 1], padding=14, nice=False)
    return alt.X("depth:Q", title=labels["depth"], axis=axis, scale=scale)


def first_or_last(labels: Labels) -> str:
    """Returns a Vega expression that writes 0 and 1 as "first" and "last"."""
    return f"datum.value == 0 ? {json.dumps(labels['first'])} : {json.dumps(labels['last'])}"


def picked() -> alt.Parameter:
    """Makes a parameter: the arm clicked in the legend."""
    return alt.selection_point(name=PICK, fields=["arm"], bind="legend")


def shown(opacity: float, *, picked: bool = True) -> alt.OpacityValue:
    """Makes an opacity that nearly vanishes while another arm is picked, if arms can be `picked`."""
    if not picked:
        return alt.OpacityValue(opacity)
    return alt.OpacityValue(opacity * 0.12, condition={"param": PICK, "value": opacity})
