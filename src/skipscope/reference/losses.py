"""Keeps the training loss of networks along training, thinned out for drawing."""

from collections.abc import Collection
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
    last: tuple[float, ...]
    """The loss after the last step, by seed."""


def loss_curves(tables: StudyTables, arms: Collection[str]) -> dict[str, LossCurve]:
    """Averages the smoothed losses of arms over the runs that count, step by step."""
    rows = tables.steps.filter("counted", pl.col("arm").is_in(arms)).sort("arm", "seed", "step")
    return {arm: _curve(rows.filter(arm=arm)) for arm in arms if arm in rows["arm"]}


def _curve(rows: pl.DataFrame) -> LossCurve:
    means = rows.group_by("step").agg(pl.col("smoothed").mean()).sort("step")
    every = ceil(len(means) / KEPT)
    kept = means.filter((pl.int_range(pl.len()) % every == 0) | (pl.col("step") == pl.col("step").max()))
    return LossCurve(
        steps=tuple(kept["step"]),
        means=tuple(round(loss, 3) for loss in kept["smoothed"]),
        last=tuple(rows.filter(step=means["step"][-1])["smoothed"]),
    )
