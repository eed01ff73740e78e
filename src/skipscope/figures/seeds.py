"""Seeds one by one and what they come to, where there are many: both are worked out before they are drawn.

More lines would be a smear, and a study's hundreds of runs in every picture take most of a report's time.
Of few seeds a picture is drawn from the table as it is.
"""

from typing import Literal

import altair as alt
import polars as pl

from skipscope.analysis.memoize import memoize_per_table

SHOWN = 20
"""So many seeds are drawn one by one, the first."""
SIGNIFICANT_DIGITS = 5
"""Significant digits of a middle."""
How = Literal["mean", "median"]


@memoize_per_table
def drawn(table: pl.DataFrame, *keys: str, how: How = "mean") -> pl.DataFrame:
    """Of more than `SHOWN` seeds the rows of the first, then the middle of all without a seed.

    A middle is of the rows that are alike in `keys`, and that count. Where a run stopped is kept, too.
    """
    if few(table):
        return table
    shown = pl.col("seed").is_in(table["seed"].unique().sort().head(SHOWN).implode())
    if "stopped" in table.columns:
        shown |= pl.col("stopped")
    return pl.concat([table.filter(shown), _middle(table, *keys, how=how)])


@memoize_per_table
def means(table: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Of more than `SHOWN` seeds their means alone."""
    return table if few(table) else _middle(table, *keys, how="mean")


def each(chart: alt.Chart, table: pl.DataFrame) -> alt.Chart:
    """What of it is drawn seed by seed."""
    return chart if few(table) else chart.transform_filter("isValid(datum.seed)")


def together(chart: alt.Chart, table: pl.DataFrame) -> alt.Chart:
    """What of it is drawn of all seeds."""
    return chart if few(table) else chart.transform_filter("!isValid(datum.seed)")


def few(table: pl.DataFrame) -> bool:
    """Whether all seeds of a table (not yet one that is `drawn`) are drawn one by one."""
    return table["seed"].n_unique() <= SHOWN


def _middle(table: pl.DataFrame, *keys: str, how: How) -> pl.DataFrame:
    rows = table.filter("counted") if "counted" in table.columns else table
    rest = [name for name in table.columns if name not in (*keys, "seed")]
    numbers = [name for name in rest if table.schema[name].is_float()]
    middle = pl.col(numbers).mean() if how == "mean" else pl.col(numbers).median()
    return (
        rows.group_by(keys, maintain_order=True)
        .agg(
            middle.round_sig_figs(SIGNIFICANT_DIGITS),
            pl.col([name for name in rest if name not in numbers]).min(),
        )
        .with_columns(seed=pl.lit(None, table.schema["seed"]))
        .select(table.columns)
    )
