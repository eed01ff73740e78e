"""What every quantity of a run is made with: where its readings come from, and one number a run from rows."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Protocol

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
from skipscope.probes.schedule import EXTRA
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


def typical_steps(runs: FinishedRuns, rows: pl.DataFrame) -> pl.DataFrame:
    """Selects readings of steps that are typical of the training, without those only its first steps have.

    `rows` are some of the runs' readings. Typical of the first epoch are powers of two and quarters, as
    everywhere else (`probes.schedule`).
    """
    ends = runs.metrics.filter(pl.col("kind") == "epoch").group_by(RUN).agg(epoch=pl.col("step").min())
    rows = rows.filter(pl.col("step") > 0).join(ends, on=RUN, how="left", maintain_order="left")
    off = [(pl.col("step") - pl.col("epoch") * part / 4).abs() > 0.5 for part in (1, 2, 3, 4)]
    early = pl.col("step") < pl.col("epoch").fill_null(inf)
    extra = pl.col("step").is_in(EXTRA) & early & pl.all_horizontal(off).fill_null(value=True)
    return rows.filter(~extra).drop("epoch")


def at_end(series: str, value: pl.Expr) -> Quantity:
    """Makes a quantity of the readings of trained networks that `measured.SERIES` names."""
    probe, _ = measured.SERIES[series]
    return lambda runs: of_run(measured.series(runs.frozen(probe), series), value)


def at_start(series: str, value: pl.Expr) -> Quantity:
    """Makes a quantity of the readings of networks before their first step that `measured.SERIES` names."""
    return lambda runs: of_run(measured.series(runs.start, series), value)
