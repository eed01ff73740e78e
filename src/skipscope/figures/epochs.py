"""Draws what is known after each epoch in panels side by side: one picture for a notebook."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from skipscope.figures import channels, style


def panels(table: pl.DataFrame, arms: Sequence[str], quantities: Mapping[str, str]) -> dict[str, Any]:
    """Draws a panel a quantity, a colour an arm, a line a seed, as Vega-Lite with its data.

    `table` has arm, seed, epoch and the columns that `quantities` gives titles.
    """
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(format="d", tickMinStep=1))
    rows = table.to_dicts()
    charts = [
        alt.Chart(alt.InlineData(rows), width=300, height=240)
        .mark_line(point=alt.OverlayMarkDef(size=30), strokeWidth=1.6)
        .encode(
            x=x,
            y=alt.Y(f"{column}:Q", title=title, scale=alt.Scale(zero=False)),
            color=channels.color(arms),
            detail=alt.Detail("seed:N"),
        )
        for column, title in quantities.items()
    ]
    spec: dict[str, Any] = alt.hconcat(*charts).to_dict()
    legend = style.CONFIG["legend"] | {"offset": 8}  # the titles of axes stand in the panels' own rows
    looks = {"font": style.LATIN_FONT, "background": "white", "padding": 12, "legend": legend}
    return spec | {"config": style.CONFIG | looks}
