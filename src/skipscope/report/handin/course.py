"""Averages a network's epochs over its runs, as the chapter on training tells them."""

from dataclasses import dataclass
from math import log

import polars as pl

from skipscope.analysis.tables import StudyTables

RISEN = 1.03
"""A validation loss that ends so many times above its lowest has turned."""
FAR = 1.5
"""A validation loss so many times the training loss of its epoch is worth a word, early in a training."""
CHANCE = log(10)
"""The loss of a guess among ten classes, in nats."""
LEFT = 2.2
"""A loss that shows that the guessing is over, in nats."""
ABOVE = 0.2
"""By how much a first loss exceeds that of a guess if it is worth a word, in nats."""
DROP = 0.01
"""A fall of the validation accuracy from one epoch to the next that makes a curve unsteady."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """An arm's epochs, averaged over the runs that count."""

    arm: str
    epochs: tuple[int, ...]
    seconds: tuple[float, ...]
    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    """Counted during an epoch, on augmented images."""
    val_loss: tuple[float, ...]
    val_accuracy: tuple[float, ...]

    @property
    def lowest(self) -> int:
        """The index of the lowest validation loss."""
        return min(range(len(self.val_loss)), key=self.val_loss.__getitem__)

    @property
    def turn(self) -> str:
        """Whether the validation loss still falls at the end, has risen again, or has levelled off."""
        low = self.lowest
        if low == len(self.val_loss) - 1:
            return "falls"
        risen = self.val_loss[-1] > RISEN * self.val_loss[low] and self.train_loss[-1] < self.train_loss[low]
        return "turns" if risen else "levels"

    @property
    def lags(self) -> bool:
        """Whether its validation loss is far above the training loss after the first epoch, not the last."""
        begun, ended = (self.val_loss[at] / self.train_loss[at] for at in (0, -1))
        return begun > FAR > ended

    @property
    def drops(self) -> list[float]:
        """The falls of the validation accuracy from one epoch to the next that are worth a word."""
        pairs = zip(self.val_accuracy, self.val_accuracy[1:], strict=False)
        return [before - after for before, after in pairs if before - after > DROP]

    def reaches(self, level: float) -> int | None:
        """The index of the first epoch that ends at this validation accuracy."""
        return next((index for index, value in enumerate(self.val_accuracy) if value >= level), None)


def course_of(tables: StudyTables, arm: str) -> Course | None:
    """Averages an arm's epochs over its runs; None before its first epoch has ended."""
    keys = ("seconds", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    rows = tables.epochs.filter(pl.col("arm") == arm, "counted").drop_nulls(keys)
    means = rows.group_by("epoch").agg(pl.col(keys).mean()).sort("epoch")
    if means.is_empty():
        return None
    columns = {key: tuple(means[key]) for key in keys}
    return Course(arm=arm, epochs=tuple(means["epoch"]), **columns)


def above_chance(tables: StudyTables) -> dict[str, float]:
    """Returns the losses at the first step that are well above that of a guess: by arm, averaged over seeds.

    Freshly drawn scores of ten classes, independent of the image's class and of variance s^2, cost about
    ln 10 + 0.45 s^2 nats: log-sum-exp to second order.
    """
    rows = tables.steps.filter("counted").sort("step").group_by("arm", "seed", maintain_order=True)
    first = rows.agg(pl.col("loss").first()).group_by("arm", maintain_order=True).agg(pl.col("loss").mean())
    return {arm: loss for arm, loss in first.iter_rows() if loss > CHANCE + ABOVE}


def last_by_seed(tables: StudyTables, arm: str) -> dict[int, float]:
    """Returns the validation accuracy after the last epoch by seed."""
    rows = tables.epochs.filter(pl.col("arm") == arm, "counted").sort("epoch")
    return dict(rows.group_by("seed", maintain_order=True).agg(pl.col("val_accuracy").last()).iter_rows())
