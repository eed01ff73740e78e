"""Defines a chart as data: layers over each other, drawn from one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

Labels = Mapping[str, str]
"""A chart's words: the table `[chart]` of a language's texts."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layered:
    """Holds layers over one table; `alt.LayerChart` would copy every layer at each call."""

    layers: Sequence[alt.Chart]
    data: pl.DataFrame
    height: int
    """Height of the plot in pixels; its width is that of its container."""
    width: int | None = None
    """Width of the plot on paper if not the usual one: the wider, the smaller its letters are printed."""
    only: Mapping[str, Any] | None = None
    """The value that a column has in the rows that are drawn; charts may share a table."""
    fold: Sequence[str] = ()
    """Columns that are folded into rows: the name becomes `measure`, the value `share`."""
    title: str = ""
    """What stands above the plot, where charts stand in a grid."""
    apart: Sequence[str] = ()
    """Channels whose scale each layer has for itself."""
