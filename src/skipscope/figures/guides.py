"""Makes what helps to read a chart: tooltips, legends titled at their left, ends of axes, markers, bands."""

import json
import re
from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures.layered import Labels

COLUMN = re.compile(r"(\w+)\)?:")
BAND = 0.18
"""Opacity of a band between seeds."""


def tooltips(labels: Labels, *fields: str, **titles: str) -> list[alt.Tooltip]:
    """Makes a tooltip of each field, such as "mean(loss):Q .3g": Altair's shorthand, then its format.

    The title is the label of the field's column unless `titles` has one for that column.
    """
    tips = []
    for shorthand, _, format in (field.partition(" ") for field in fields):
        column = COLUMN.findall(shorthand)[0]
        title = titles[column] if column in titles else labels[column]
        tips.append(alt.Tooltip(shorthand, title=title, format=format or alt.Undefined))
    return tips


def legend(title: str, **more: Any) -> alt.Legend:
    """Makes a legend above the chart with its title at the left."""
    return alt.Legend(title=title, titleFontWeight="normal", titleOrient="left", orient="top", **more)


def ends(values: pl.Series, *, empty: tuple[float, float] = (0.0, 1.0)) -> tuple[Any, Any]:
    """Returns the smallest and the largest of the values, or `empty` if there is none."""
    return (values.min(), values.max()) if values.count() else empty


def marked(table: pl.DataFrame, arms: Sequence[str], *, times: int) -> pl.DataFrame:
    """Adds the column `marked`: where a line has its few markers, each arm's at steps of their own.

    Args:
        table: rows of each of `arms`, in the order of their steps.
        arms: in the order of the legend.
        times: markers of a line, about.
    """
    turn = pl.col("arm").replace_strict({arm: turn for turn, arm in enumerate(arms)})
    at = pl.int_range(pl.len()).over("arm") * times * len(arms) // pl.len().over("arm")
    table = table.with_columns(marked=at % len(arms) == turn)
    return table.with_columns(
        marked=pl.col("marked") & ~pl.col("marked").shift(1, fill_value=False).over("arm")
    )


def band(arm: str, color: str, x: alt.X, y: alt.Y) -> alt.Chart:
    """Draws a band from `y` up to the highest seed of an arm; a layer each, lest it be in the legend."""
    mine = alt.Chart().transform_filter(f"datum.arm == {json.dumps(arm)}")
    drawn: alt.Chart = mine.mark_area(color=color, opacity=BAND, clip=True).encode(x=x, y=y, y2="high:Q")
    return drawn
