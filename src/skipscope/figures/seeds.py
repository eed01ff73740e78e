"""Computes the mean or median of many seeds before they are drawn, with a few of them one by one.

Hundreds of lines would be a smear and take most of a report's time. Few seeds are drawn from the table as it
is: Vega-Lite aggregates them.
"""

from typing import Literal

import altair as alt
import polars as pl

from skipscope.analysis.memoize import memoize_per_table

SHOWN = 20
"""The first seeds, this many of them, are drawn one by one."""
SIGNIFICANT_DIGITS = 5
"""Digits that a mean or median is rounded to."""
How = Literal["mean", "median"]


@memoize_per_table
def drawn(table: pl.DataFrame, *keys: str, how: How = "mean") -> pl.DataFrame:
    """Reduces more than `SHOWN` seeds to the rows of the first ones and aggregated rows, whose seed is null.

    A row aggregates (`how`) those that agree in `keys` and are `counted`. Rows where a run stopped are kept.
    """
    if few(table):
        return table
    shown = pl.col("seed").is_in(table["seed"].unique().sort().head(SHOWN).implode())
    if "stopped" in table.columns:
        shown |= pl.col("stopped")
    return pl.concat([table.filter(shown), _aggregated(table, *keys, how=how)])


@memoize_per_table
def means(table: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Reduces more than `SHOWN` seeds to the means over seeds, a row for each value of `keys`."""
    return table if few(table) else _aggregated(table, *keys, how="mean")


def each(chart: alt.Chart, table: pl.DataFrame) -> alt.Chart:
    """Restricts a chart of a `drawn` table to the rows of single seeds."""
    return chart if few(table) else chart.transform_filter("isValid(datum.seed)")


def together(chart: alt.Chart, table: pl.DataFrame) -> alt.Chart:
    """Restricts a chart of a `drawn` table to the rows of all seeds."""
    return chart if few(table) else chart.transform_filter("!isValid(datum.seed)")


def few(table: pl.DataFrame) -> bool:
    """Says whether every seed of a table is drawn by itself; takes the table before it is `drawn`."""
    return table["seed"].n_unique() <= SHOWN


def _aggregated(table: pl.DataFrame, *keys: str, how: How) -> pl.DataFrame:
    rows = table.filter("counted") if "counted" in table.columns else table
    rest = [name for name in table.columns if name not in (*keys, "seed")]
    numbers = [name for name in rest if table.schema[name].is_float()]
    aggregate = pl.col(numbers).mean() if how == "mean" else pl.col(numbers).median()
    return (
        rows.group_by(keys, maintain_order=True)
        .agg(
            aggregate.round_sig_figs(SIGNIFICANT_DIGITS),
            pl.col([name for name in rest if name not in numbers]).min(),
        )
        .with_columns(seed=pl.lit(None, table.schema["seed"]))
        .select(table.columns)
    )
