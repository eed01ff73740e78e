"""What every quantity of a run is made with: where its readings come from, and one number a run from rows."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
from skipscope.records.schema import RunRecord

Series = Mapping[str, Mapping[int, Any]]
"""A quantity of each arm's runs, by seed; None is a run that it cannot be told of."""


class FinishedRuns(Protocol):
    """What quantities are made from; `claims.evidence.Evidence` is one."""

    @property
    def readings(self) -> pl.DataFrame:
        """Readings of finished runs: arm, seed and `READINGS` from probe on; null values are not finite."""

    @property
    def start(self) -> pl.DataFrame:
        """Readings of networks before their first step, trained later or not."""

    @property
    def metrics(self) -> pl.DataFrame:
        """Metrics of finished runs: arm, seed and the columns of `metrics.jsonl`."""

    @property
    def done(self) -> Mapping[str, Mapping[int, RunRecord]]:
        """Records of finished runs, by arm and seed."""

    def frozen(self, probe: str) -> pl.DataFrame:
        """A probe's readings of the trained networks."""


Quantity = Callable[[FinishedRuns], Series]


def by_arm(frame: pl.DataFrame) -> Series:
    """Groups the column `value` of a frame with arm and seed, each pair once."""
    found: dict[str, dict[int, Any]] = {}
    for arm, seed, value in frame.select("arm", "seed", "value").iter_rows():
        found.setdefault(arm, {})[seed] = value
    return found


def of_run(rows: pl.DataFrame, value: pl.Expr) -> Series:
    """Computes a value of each run from its rows."""
    return by_arm(rows.group_by(*RUN, maintain_order=True).agg(value.alias("value")))


def logarithm(base: float) -> pl.Expr:
    """Takes the logarithm of the column `value`; null where that is 0 or not finite."""
    return pl.when(pl.col("value").is_finite() & (pl.col("value") > 0)).then(pl.col("value").log(base))


def unless_lost(of: pl.Expr, column: str) -> pl.Expr:
    """Makes an aggregate null if any value of the column is, where polars would skip those."""
    return pl.when(pl.col(column).null_count() == 0).then(of)


def at_end(series: str, value: pl.Expr) -> Quantity:
    """Makes a quantity of the readings of trained networks that `measured.SERIES` names."""
    probe, _ = measured.SERIES[series]
    return lambda runs: of_run(measured.series(runs.frozen(probe), series), value)


def at_start(series: str, value: pl.Expr) -> Quantity:
    """Makes a quantity of the readings of networks before their first step that `measured.SERIES` names."""
    return lambda runs: of_run(measured.series(runs.start, series), value)
