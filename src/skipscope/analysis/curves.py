"""Curves of training: loss by step, losses and accuracies by epoch."""

import math
from collections.abc import Iterable, Sequence

import polars as pl

from skipscope.analysis.members import Entry, members, with_members

POINTS_PER_CURVE = 1_000
POINTS_IN_ALL = 12_000
"""Together they keep a page of many seeds small; a page of four curves draws 1,000 points each."""
POINTS_OF_LOSS = 150
"""Points of a smoothed curve half a line wide."""


def last_step(metrics: pl.DataFrame) -> int:
    """The highest step there is a row of; 0 without rows."""
    highest = metrics["step"].max()
    return highest if isinstance(highest, int) else 0


def stride(steps: int, *, curves: int) -> int:
    """Chooses the stride of drawn steps so that a curve, and all of them, stay within their points."""
    points = max(20, min(POINTS_PER_CURVE, POINTS_IN_ALL // max(1, curves)))
    return max(1, math.ceil(steps / points))


def half_life(steps: int) -> int:
    """Steps after which a loss counts half in the smoothed curve: 1 % of the longest run, at least 3."""
    return max(3, round(steps / 100))


RULES = 12
"""Ends of epochs that a curve over steps is marked at, at most."""


def epoch_ends(steps: pl.DataFrame) -> list[int]:
    """Returns the steps at which epochs end but the last, thinned; none where runs differ in them.

    `steps` is that of `steps_table`, in which rows may be left out, but none that is a run's last.
    """
    ends = steps.filter(~pl.col("stopped")).group_by("arm", "seed").agg(pl.col("step", "epoch").max())
    if ends.is_empty():
        return []
    longest = ends.sort("epoch").row(-1, named=True)
    last, epochs = longest["step"], longest["epoch"]
    if last % epochs or any(step != last for step in ends.filter(epoch=epochs)["step"]):
        return []
    return [last // epochs * epoch for epoch in range(1, epochs) if epoch % math.ceil(epochs / RULES) == 0]


def steps_table(metrics: pl.DataFrame, entries: Sequence[Entry]) -> pl.DataFrame:
    """Loss a step, thinned: arm, seed, step, epoch, loss, smoothed, counted, stopped.

    `smoothed` is the bias-corrected exponential mean over *every* step up to this one. `counted` rows make
    the mean over seeds. `stopped` marks the last step of a run that failed. The last step is always kept.
    """
    longest = last_step(metrics)
    every, half = stride(longest, curves=len(entries)), half_life(longest)
    # of millions of rows every column that is carried along takes memory and time
    rows = metrics.select("run", "kind", "step", "epoch", "loss").filter(
        pl.col("kind") == "step", pl.col("loss").is_finite()
    )
    last = pl.col("step") == pl.col("step").max().over("order")
    drawn = (
        with_members(rows.drop("kind"), entries, ("order",))
        .sort("order", "step")
        .with_columns(smoothed=pl.col("loss").ewm_mean(half_life=half, adjust=True).over("order"), last=last)
        .filter((pl.col("step") % every == 1 % every) | pl.col("last"))
    )
    return (
        drawn.join(members(entries), on="order", maintain_order="left")
        .with_columns(stopped=pl.col("last") & pl.col("failed"))
        .select(
            "arm", "seed", "step", "epoch", pl.col("loss", "smoothed").round_sig_figs(4), "counted", "stopped"
        )
    )


def epochs_table(metrics: pl.DataFrame, entries: Sequence[Entry]) -> pl.DataFrame:
    """Losses and accuracies an epoch: arm, seed, epoch, seconds (since the start), four measures, counted."""
    measures = pl.col("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    return (
        with_members(metrics.filter(pl.col("kind") == "epoch"), entries, ("order", "arm", "seed", "counted"))
        .sort("order", "epoch")
        .select("arm", "seed", "epoch", pl.col("seconds").round(3), measures.round_sig_figs(5), "counted")
    )


def checks_table(metrics: pl.DataFrame, entries: Sequence[Entry]) -> pl.DataFrame:
    """Validations within epochs: arm, seed, step, epoch (a fraction), val_loss, val_accuracy, counted.

    Before the last one, batch_loss and batch_accuracy: those with BatchNorm's statistics of the batch, null
    where there is none, and in older records.
    """
    names = ("val_loss", "val_accuracy", "batch_loss", "batch_accuracy")
    keys = ("order", "arm", "seed", "counted")
    rows = with_members(metrics.filter(pl.col("kind").is_in(["check", "epoch"])), entries, keys)
    within, ends = rows.filter(kind="check"), rows.filter(kind="epoch")
    found = within.join(_steps_per_epoch(ends), on=["arm", "seed"]).sort("order", "step")
    epoch, measures = ((pl.col("step") / pl.col("per_epoch")).round(3), pl.col(names).round_sig_figs(5))
    return found.select("arm", "seed", "step", epoch.alias("epoch"), measures, "counted")


def _steps_per_epoch(ends: pl.DataFrame) -> pl.DataFrame:
    """Returns the steps of an epoch of each run, of rows at which its epochs end: arm, seed, per_epoch."""
    return ends.group_by("arm", "seed").agg(per_epoch=(pl.col("step") / pl.col("epoch")).max())


def losses_table(
    metrics: pl.DataFrame, entries: Sequence[Entry], *, steps: pl.DataFrame, checks: pl.DataFrame
) -> pl.DataFrame:
    """Training and validation loss over epochs, averaged over the runs that count: arm, epoch, measure, loss.

    `steps` and `checks` are those of `steps_table` and `checks_table`.

    The training loss (`loss`) is smoothed and thinned to `POINTS_OF_LOSS` a curve, its epochs are fractions;
    the validation loss (`val_loss`) is that after each epoch and that of checks within them.
    """
    keys = ("order", "arm", "seed", "counted")
    ends = with_members(metrics.filter(pl.col("kind") == "epoch"), entries, keys).filter("counted")
    steps = steps.join(_steps_per_epoch(ends), on=["arm", "seed"], maintain_order="left")
    points = steps.group_by("arm", "seed").len()["len"].max()
    every = math.ceil((points if isinstance(points, int) else 1) / POINTS_OF_LOSS)
    index = pl.int_range(pl.len()).over("arm", "seed")
    thinned = steps.filter("counted", (index % every == 0) | (index == pl.len().over("arm", "seed") - 1))
    trained = thinned.select(
        "arm", epoch=pl.col("step") / pl.col("per_epoch"), measure=pl.lit("loss"), loss=pl.col("smoothed")
    )
    checked = checks.filter("counted")
    validated = pl.concat(
        [each.select("arm", "epoch", "val_loss") for each in (ends, checked)], how="vertical_relaxed"
    )
    validated = validated.select("arm", "epoch", measure=pl.lit("val_loss"), loss=pl.col("val_loss"))
    rows = pl.concat([trained, validated.sort("epoch", maintain_order=True)]).filter(
        pl.col("loss").is_finite()
    )
    means = rows.group_by("arm", "measure", "epoch", maintain_order=True).agg(pl.col("loss").mean())
    return means.select("arm", pl.col("epoch").round(3), "measure", pl.col("loss").round_sig_figs(4))


def accuracy_by_epoch(epochs: pl.DataFrame, arms: Iterable[str], *, at_most: int = 10) -> pl.DataFrame:
    """Mean validation accuracy over seeds: a row an arm, a column an epoch (at most ten, evenly spread)."""
    means = (
        epochs.filter("counted")
        .group_by("arm", "epoch")
        .agg(pl.col("val_accuracy").mean())
        .sort("epoch")
        .drop_nulls()
    )
    last = int(means["epoch"].max() or 0)  # type: ignore[arg-type]
    shown = sorted({max(1, round(last * k / at_most)) for k in range(1, at_most + 1)}) if last else []
    rows = {(arm, epoch): value for arm, epoch, value in means.iter_rows()}
    return pl.DataFrame(
        {"arm": list(arms)} | {str(epoch): [rows.get((arm, epoch)) for arm in arms] for epoch in shown},
        schema={"arm": pl.String} | {str(epoch): pl.Float64 for epoch in shown},
    )
