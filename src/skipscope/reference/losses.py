"""Keeps the training loss of networks along training, thinned out for drawing."""

from collections.abc import Collection, Iterator
from math import ceil

import polars as pl

from skipscope.analysis.tables import StudyTables
from skipscope.spec.values import Frozen

KEPT = 50
"""Steps of a curve that are kept, at most, besides the last one."""


class LossCurve(Frozen):
    """The smoothed training loss of one network."""

    steps: tuple[int, ...]
    """Training steps, from 1; the last one is among them."""
    means: tuple[float, ...]
    """The mean over seeds, by step."""
    lows: tuple[float, ...]
    """The lowest seed, by step."""
    highs: tuple[float, ...]
    """The highest seed, by step."""
    last: tuple[float, ...]
    """The loss after the last step, by seed."""

    @property
    def by_step(self) -> Iterator[tuple[int, float, float, float]]:
        """Yields step, mean, lowest and highest."""
        return zip(self.steps, self.means, self.lows, self.highs, strict=True)


def loss_curves(tables: StudyTables, arms: Collection[str]) -> dict[str, LossCurve]:
    """Averages the smoothed losses of arms over the runs that count, step by step."""
    rows = tables.steps.filter("counted", pl.col("arm").is_in(arms)).sort("arm", "seed", "step")
    return {arm: _curve(rows.filter(arm=arm)) for arm in arms if arm in rows["arm"]}


def _curve(rows: pl.DataFrame) -> LossCurve:
    loss = pl.col("smoothed")
    means = rows.group_by("step").agg(mean=loss.mean(), low=loss.min(), high=loss.max()).sort("step")
    every = ceil(len(means) / KEPT)
    kept = means.filter((pl.int_range(pl.len()) % every == 0) | (pl.col("step") == pl.col("step").max()))
    return LossCurve(
        steps=tuple(kept["step"]),
        means=_rounded(kept["mean"]),
        lows=_rounded(kept["low"]),
        highs=_rounded(kept["high"]),
        last=tuple(rows.filter(step=means["step"][-1])["smoothed"]),
    )


def _rounded(losses: pl.Series) -> tuple[float, ...]:
    return tuple(round(loss, 3) for loss in losses)
