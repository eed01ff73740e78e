"""What claims compare, by name: a number of each run, from its readings, metrics and record.

What is a ratio is given as its logarithm: factors then add up, and are no more skewed than they must be.
"""

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.alignment_quantities import ALIGNMENT_QUANTITIES
from skipscope.analysis.block_quantities import BLOCK_QUANTITIES
from skipscope.analysis.measured import RUN
from skipscope.analysis.per_run import (
    FinishedRuns,
    Quantity,
    Series,
    at_end,
    at_start,
    by_arm,
    logarithm,
    of_run,
    typical_steps,
    unless_lost,
)
from skipscope.analysis.step_quantities import STEP_QUANTITIES, TOLD_QUANTITIES

__all__ = ["QUANTITIES", "FinishedRuns", "Quantity", "Series"]


def gradients(rows: pl.DataFrame) -> pl.DataFrame:
    """Log10 of the loss gradient in the first stage over that in the last: arm, seed, step, value.

    The L2 norm by a convolution's output, geometric mean over the stage's. A stage is a part of the network
    that holds several layers; of networks without two stages it is the first convolution over the last.

    The value is null where a gradient that it takes is 0 or not finite: such a network is not left out, as if
    it had not been measured, since it is the one whose gradient has vanished, or exploded, the most.
    """
    keys, log, path = [*RUN, "step"], logarithm(10), pl.col("module").str.split(".")
    ends = measured.series(rows, "gradient ratio").select(*keys, ratio=log)
    stages = (
        measured.series(rows, "gradient norm")
        .filter(path.list.len() > 1)
        .with_columns(log=log, stage=path.list.first())
        .group_by(*keys, "stage", maintain_order=True)
        .agg(unless_lost(pl.col("log").mean(), "log").alias("value"), layers=pl.len())
        .filter(pl.col("layers") > 1)
        .group_by(keys, maintain_order=True)
        .agg(staged=pl.col("value").first() - pl.col("value").last(), stages=pl.len())
        .filter(pl.col("stages") > 1)
    )
    table = ends.join(stages, on=keys, how="left", maintain_order="left")
    staged = pl.col("ratio").is_not_null() & pl.col("stages").is_not_null()
    return table.select(*keys, value=pl.when(staged).then("staged").otherwise("ratio"))


def gradients_in_training(runs: FinishedRuns) -> Series:
    """Takes the median of `gradients` over `typical_steps`."""
    rows = measured.of_probe(runs.readings, "gradient_flow")
    read = [measured.SERIES[name][1] for name in ("gradient ratio", "gradient norm")]
    table = gradients(typical_steps(runs, rows.filter(pl.col("quantity").is_in(read))))
    return of_run(table, unless_lost(pl.col("value").median(), "value"))


def training_error(runs: FinishedRuns) -> Series:
    """Gives the per cent of training images that were wrong as they came in the last epoch."""
    rows = runs.metrics.filter(pl.col("kind") == "epoch")
    return of_run(rows, 100 * (1 - pl.col("train_accuracy").last()))


def deletions(runs: FinishedRuns) -> Series:
    """Percentage points of accuracy lost with one block taken out, mean over blocks."""
    alone = measured.deletions(runs.frozen("block_deletion")).filter(pl.col("blocks") == 1)
    return of_run(alone, -100 * pl.col("accuracy_change").mean())


def shattering_at_start(runs: FinishedRuns) -> Series:
    """Averages the autocorrelation of input gradients along a line over lags, before the first step."""
    return of_run(measured.series(runs.start, "autocorrelation"), pl.col("value").mean())


def rise(points: pl.DataFrame) -> Series:
    """Log10 of the mean loss over points of the landscape, over the loss at the weights themselves."""
    at_weights = pl.all_horizontal(pl.col("^alpha|beta$") == 0)
    here = pl.col("loss").filter(at_weights).first()
    return of_run(points, (pl.col("loss").mean() / here).log10())


def rise_on_line(runs: FinishedRuns) -> Series:
    """Gives the `rise` over the nearer half of the line."""
    return rise(measured.line(runs.frozen("landscape")).filter(pl.col("alpha").abs() < 0.6))


def reuse_by_weight(runs: FinishedRuns) -> Series:
    """Mean |w| of a layer's least read source over that of all its sources, median over layers."""
    pairs = measured.reuse(runs.frozen("reuse_by_weight"))
    layers = pairs.group_by(*RUN, "module", maintain_order=True).agg(
        value=pl.col("weight").min() / pl.col("weight").mean()
    )
    return of_run(layers, pl.col("value").median())


NOTICED = 0.001
"""Nats: what a source's absence costs if it counts as used."""


def reuse_by_ablation(runs: FinishedRuns) -> Series:
    """Share of pairs of a layer and a source in which the source's absence costs more than `NOTICED`."""
    pairs = measured.reuse(runs.frozen("reuse_by_ablation")).drop_nulls("module")
    return of_run(pairs, (pl.col("loss_change") > NOTICED).mean())


def rank(runs: FinishedRuns) -> Series:
    """Effective rank over number of a block's new channels, mean over blocks."""
    rows = measured.series(runs.frozen("redundancy"), "rank share")
    return of_run(measured.newest_layers(rows), pl.col("value").mean())


def of_gates(runs: FinishedRuns, *quantities: str) -> Series:
    """The sum of these quantities of a block's gates, mean over blocks."""
    rows = runs.frozen("gates").filter(pl.col("quantity").is_in(quantities))
    return of_run(rows, pl.col("value").mean() * len(quantities))


def surgery(runs: FinishedRuns, by: str) -> Series:
    """Nats of loss more with all gates replaced."""
    costs = measured.gate_surgery(runs.frozen("gate_surgery"))
    of_all = costs.filter(pl.col("module").is_null(), pl.col("replacement") == by)
    return of_run(of_all, pl.col("loss_change").first())


def result(runs: FinishedRuns, quantity: str, scale: float = 1.0) -> Series:
    """A field of the result of each run that has it."""
    return {
        arm: {
            seed: scale * value
            for seed, run in by_seed.items()
            if run.result is not None and (value := getattr(run.result, quantity)) is not None
        }
        for arm, by_seed in runs.done.items()
    }


def gap(runs: FinishedRuns) -> Series:
    """Validation minus training accuracy of the same weights, without augmentation, in percentage points.

    At a moment of training from what was read there, at the end from the result.
    """
    read = measured.wide(runs.frozen("generalisation"), "train_accuracy", "val_accuracy", by=())
    there = of_run(read, 100 * (pl.col("val_accuracy") - pl.col("train_accuracy")).first())
    seen, unseen = result(runs, "train_accuracy", 100), result(runs, "val_accuracy", 100)
    ended = {arm: {s: unseen[arm][s] - value for s, value in seeds.items()} for arm, seeds in seen.items()}
    return {arm: {**ended.get(arm, {}), **there.get(arm, {})} for arm in {**ended, **there}}


def seconds_per_image(runs: FinishedRuns) -> Series:
    """Training time per image."""
    rates = result(runs, "images_per_second")
    return {arm: {seed: 1 / rate for seed, rate in each.items() if rate} for arm, each in rates.items()}


def loss_curve(runs: FinishedRuns) -> Series:
    """The training loss after each epoch, as (epoch, seconds, loss); at 0 that of the first step."""
    rows = runs.metrics.select(*RUN, "kind", "epoch", "seconds", "loss", "train_loss")
    steps = rows.select(*RUN, "kind", "loss").filter(pl.col("kind") == "step")
    first = steps.group_by(*RUN, maintain_order=True).first()
    begun = first.select(*RUN, epoch=pl.lit(0, pl.Int64), seconds=pl.lit(0.0), loss="loss")
    ends = rows.filter(pl.col("kind") == "epoch").select(*RUN, "epoch", "seconds", loss="train_loss")
    point = pl.concat_list(pl.col("epoch", "seconds", "loss").cast(pl.Float64))
    return of_run(pl.concat([begun, ends]), point)


def unsteadiness(runs: FinishedRuns) -> Series:
    """Log2 of the median |change of the loss's logarithm| from step to step, in the second half."""
    rows = runs.metrics.select(*RUN, "kind", "step", "loss").filter(
        pl.col("kind") == "step", pl.col("step") * 2 > pl.col("step").max().over(RUN)
    )
    return of_run(rows, pl.col("loss").log().diff().abs().median().log(2))


def early_over_late(runs: FinishedRuns) -> Series:
    """Log2 of the update ratio of the first third of layers over the last, median over `typical_steps`.

    Null where a layer of either third did not move at all, or moved without bound (see `gradients`).
    """
    rows = typical_steps(runs, measured.of_probe(runs.readings, "update_ratio"))
    rows = rows.with_columns(log=logarithm(2))
    depths = (
        measured.series(runs.readings, "layer depth")
        .group_by(*RUN, "module", maintain_order=True)
        .agg(depth=pl.col("value").first())
        .with_columns(share=(pl.col("depth") - 1) / (pl.col("depth").max().over(RUN) - 1))
    )
    table = rows.join(depths, on=[*RUN, "module"], maintain_order="left")
    early, late = pl.col("share") <= 1 / 3, pl.col("share") >= 2 / 3
    ratio = pl.col("log").filter(early).mean() - pl.col("log").filter(late).mean()
    steps = (
        table.filter(early | late)
        .group_by(*RUN, "step", maintain_order=True)
        .agg(unless_lost(ratio, "log").alias("value"))
    )
    return of_run(steps, unless_lost(pl.col("value").median(), "value"))


def class_order(runs: FinishedRuns) -> Series:
    """Each class's validation accuracy, mean over epochs: the earlier learnt, the higher. By class."""
    rows = measured.series(runs.readings, "class accuracy")
    classes = rows.group_by(*RUN, "class", maintain_order=True).agg(pl.col("value").mean())
    return of_run(classes.sort("class", maintain_order=True), pl.col("value"))


def image_order(runs: FinishedRuns) -> Series:
    """The epoch from which on each validation image is right, one more than the last where it is not."""
    rows = measured.series(runs.readings, "right since")
    since = pl.when(pl.col("value") > 0).then("value")
    return of_run(rows, since.fill_null(since.max().fill_null(0) + 1))


QUANTITIES: dict[str, Quantity] = {
    "gradients at the start": lambda runs: by_arm(gradients(runs.start)),
    "gradients in training": gradients_in_training,
    "gradient agreement at the start": at_start("gradient agreement", pl.col("value").first()),
    "gradient agreement": at_end("gradient agreement", pl.col("value").first()),
    "least gradient agreement at the start": at_start("least gradient agreement", pl.col("value").first()),
    "least gradient agreement": at_end("least gradient agreement", pl.col("value").first()),
    "training error": training_error,
    "branches": at_end("branch ratio", pl.col("value").log(2).mean()),
    "deletions": deletions,
    "shattering at the start": shattering_at_start,
    "shattering": at_end("autocorrelation", pl.col("value").mean()),
    "eigenvalue": at_end("eigenvalue", pl.col("value").log10().first()),
    "slice": rise_on_line,
    "plane": lambda runs: rise(measured.plane(runs.frozen("landscape"))),
    "reuse by weight": reuse_by_weight,
    "reuse by ablation": reuse_by_ablation,
    "rank": rank,
    "correlation": at_end("correlation", pl.col("value").mean()),
    "class share": lambda runs: of_gates(runs, "class_share"),
    "saturation": lambda runs: of_gates(runs, "low", "high"),
    "gates of one": lambda runs: surgery(runs, "one"),
    "mean gates": lambda runs: surgery(runs, "mean"),
    "gates of another": lambda runs: surgery(runs, "other"),
    "test accuracy": lambda runs: result(runs, "test_accuracy", 100),
    "validation accuracy": lambda runs: result(runs, "val_accuracy", 100),
    "seconds per image": seconds_per_image,
    "gap": gap,
    "loss curve": loss_curve,
    "unsteadiness": unsteadiness,
    "early over late": early_over_late,
    "class order": class_order,
    "image order": image_order,
    **BLOCK_QUANTITIES,
    **STEP_QUANTITIES,
    **TOLD_QUANTITIES,
    **ALIGNMENT_QUANTITIES,
}
"""What claims are made of, and the hand-in's statements that no claim judges, by name."""
