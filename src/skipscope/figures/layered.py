"""A chart: layers over each other, all of one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl


@dataclass(frozen=True, kw_only=True, eq=False)
class Layered:
    """Altair's layers; its own chart of layers copies all of them, whatever is asked of it."""

    layers: Sequence[alt.Chart]
    data: pl.DataFrame
    height: int
    """Of the plot, in pixels; it is as wide as its place."""
    only: Mapping[str, Any] | None = None
    """A column's value that the rows have of which it is drawn, where others share the table."""
    fold: Sequence[str] = ()
    """Columns that become rows, with the column's name as `measure` and its value as `share`."""
    apart: Sequence[str] = ()
    """Channels of which each layer has a scale of its own."""
