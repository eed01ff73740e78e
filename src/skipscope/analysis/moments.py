"""Shows finished runs as they were at one moment of their training: any quantity can be taken there."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from skipscope.analysis.measured import RUN
from skipscope.analysis.per_run import FinishedRuns
from skipscope.records.schema import RunRecord


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Runs as if they had ended there: nothing later is known, what is only recorded at the end included."""

    start: pl.DataFrame
    """Readings before the first step: arm, seed and `READINGS` from probe on."""
    readings: pl.DataFrame
    """Readings up to the moment, and of the step that is made from its weights."""
    metrics: pl.DataFrame
    """Metrics up to the moment."""
    now: pl.DataFrame
    """Readings of the networks as they were at the moment."""

    @property
    def done(self) -> Mapping[str, Mapping[int, RunRecord]]:
        """No results: they are of the end."""
        return {}

    def frozen(self, probe: str) -> pl.DataFrame:
        """A probe's readings of the networks as they were at the moment."""
        return self.now.filter(pl.col("probe") == probe)


def at_start(runs: FinishedRuns) -> Moment:
    """The networks before their first step."""
    return Moment(start=runs.start, readings=runs.start, metrics=runs.metrics.clear(), now=runs.start)


def after(runs: FinishedRuns, steps: Mapping[tuple[str, int], int]) -> Moment:
    """Runs after these steps, by arm and seed; others are left out.

    The step that begins at the moment is measured as the next one, and is known, too.
    """
    rows = [(arm, seed, step) for (arm, seed), step in steps.items()]
    moments = pl.DataFrame(rows, {"arm": pl.String, "seed": pl.Int64, "moment": pl.Int64}, orient="row")

    def until(table: pl.DataFrame, further: int = 0) -> pl.DataFrame:
        joined = table.join(moments, on=RUN, how="inner", maintain_order="left")
        return joined.filter(pl.col("step") <= pl.col("moment") + further)

    readings = until(runs.readings, 1)
    return Moment(
        start=runs.start,
        readings=readings.drop("moment"),
        metrics=until(runs.metrics).drop("moment"),
        now=readings.filter(pl.col("step") == pl.col("moment")).drop("moment"),
    )
