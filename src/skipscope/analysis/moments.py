"""Shows finished runs as they were at one moment of their training: any quantity can be taken there."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from skipscope.analysis.quantities import FinishedRuns
from skipscope.records.schema import RunRecord


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Runs of which only the readings of one moment are known."""

    runs: FinishedRuns
    readings: pl.DataFrame
    """Arm, seed and `READINGS` from probe on, of one step for each run."""

    @property
    def start(self) -> pl.DataFrame:
        """Readings before the first step."""
        return self.runs.start

    @property
    def metrics(self) -> pl.DataFrame:
        """Metrics of finished runs, whole."""
        return self.runs.metrics

    @property
    def done(self) -> Mapping[str, Mapping[int, RunRecord]]:
        """Records of finished runs, by arm and seed."""
        return self.runs.done

    def frozen(self, probe: str) -> pl.DataFrame:
        """A probe's readings of the networks as they were at this moment."""
        return self.readings.filter(pl.col("probe") == probe)


def at_start(runs: FinishedRuns) -> Moment:
    """The networks before their first step."""
    return Moment(runs=runs, readings=runs.start)
