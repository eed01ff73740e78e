"""What claims compare: numbers of an arm's run, from its readings, metrics and record.

What is a ratio is given as its logarithm: factors then add up, and are no more skewed than they must be.
"""

from collections.abc import Callable

import polars as pl

from skipscope.claims.evidence import Evidence, Series, by_arm

RUN = ("arm", "seed")
SLICE = pl.col("beta").is_null() & (pl.col("alpha").abs() < 0.6)
PLANE = pl.col("beta").is_not_null()
"""Parts of the landscape that were measured."""


def of_run(rows: pl.DataFrame, value: pl.Expr) -> Series:
    """A value of each run, from its rows."""
    return by_arm(rows.group_by(*RUN, maintain_order=True).agg(value.alias("value")))


def gradients(rows: pl.DataFrame) -> pl.DataFrame:
    """Log10 of the loss gradient in the first stage over that in the last: arm, seed, step, value.

    The L2 norm by a convolution's output, geometric mean over the stage's. A stage is a part of the network
    that holds several layers; of networks without two stages it is the first convolution over the last.

    The value is null where a gradient that it takes is 0 or not finite: such a network is not left out, as if
    it had not been measured, since it is the one whose gradient has vanished, or exploded, the most.
    """
    rows = rows.filter(pl.col("probe") == "gradient_flow").with_columns(log=logarithm(10))
    keys = [*RUN, "step"]
    ends = rows.filter(pl.col("quantity") == "output_l2_ratio").select(*keys, ratio="log")
    path = pl.col("module").str.split(".")
    stages = (
        rows.filter(pl.col("quantity") == "output_l2", path.list.len() > 1)
        .with_columns(stage=path.list.first())
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


def logarithm(base: float) -> pl.Expr:
    """Of the column `value`; null where that is 0 or not finite."""
    return pl.when(pl.col("value").is_finite() & (pl.col("value") > 0)).then(pl.col("value").log(base))


def unless_lost(of: pl.Expr, column: str) -> pl.Expr:
    """What is made of a column's values; null where one of them is, which polars would pass over."""
    return pl.when(pl.col(column).null_count() == 0).then(of)


def gradients_at_start(evidence: Evidence) -> Series:
    """Before the first step."""
    return by_arm(gradients(evidence.start))


def gradients_in_training(evidence: Evidence) -> Series:
    """The median over the steps that were measured."""
    table = gradients(evidence.readings.filter(pl.col("probe") == "gradient_flow", pl.col("step") > 0))
    return of_run(table, unless_lost(pl.col("value").median(), "value"))


def training_error(evidence: Evidence) -> Series:
    """Per cent of the training images that were wrong as they came in the last epoch."""
    rows = evidence.metrics.filter(pl.col("kind") == "epoch")
    return of_run(rows, 100 * (1 - pl.col("train_accuracy").last()))


def branches(evidence: Evidence) -> Series:
    """Log2 of |f(x)| / |x|, mean over a network's blocks, at the last step that was measured."""
    rows = evidence.frozen("activations").filter(pl.col("quantity") == "branch_ratio")
    return of_run(rows, pl.col("value").log(2).mean())


def deletions(evidence: Evidence) -> Series:
    """Percentage points of accuracy lost with one block taken out, mean over blocks."""
    rows = evidence.frozen("block_deletion").filter(
        pl.col("quantity") == "accuracy_change", pl.col("blocks") == 1
    )
    return of_run(rows, -100 * pl.col("value").mean())


def shattering(rows: pl.DataFrame) -> Series:
    """Autocorrelation of input gradients along a line, mean over lags."""
    rows = rows.filter(pl.col("probe") == "shattering", pl.col("quantity") == "autocorrelation")
    return of_run(rows, pl.col("value").mean())


def eigenvalue(evidence: Evidence) -> Series:
    """Log10 of the Hessian's largest eigenvalue."""
    rows = evidence.frozen("curvature").filter(pl.col("quantity") == "top_eigenvalue")
    return of_run(rows, pl.col("value").log10().first())


def rise(evidence: Evidence, part: pl.Expr) -> Series:
    """Log10 of the mean loss over a part of the landscape, over the loss at the weights themselves."""
    rows = evidence.frozen("landscape").filter(pl.col("quantity") == "loss", part)
    here = pl.col("value").filter(pl.col("alpha") == 0, pl.col("beta").fill_null(0) == 0).first()
    return of_run(rows, (pl.col("value").mean() / here).log10())


def reuse_by_weight(evidence: Evidence) -> Series:
    """How much of even use a layer's least read source has, median over layers: mean |w| over that of all."""
    rows = evidence.frozen("reuse_by_weight").filter(pl.col("quantity") == "weight")
    layers = rows.group_by(*RUN, "module", maintain_order=True).agg(
        value=pl.col("value").min() / pl.col("value").mean()
    )
    return of_run(layers, pl.col("value").median())


NOTICED = 0.001
"""Nats: what a source's absence costs if it counts as used."""


def reuse_by_ablation(evidence: Evidence) -> Series:
    """Share of pairs of a layer and a source in which the source's absence costs more than `NOTICED`."""
    rows = evidence.frozen("reuse_by_ablation").filter(
        pl.col("quantity") == "loss_change", pl.col("module").is_not_null()
    )
    return of_run(rows, (pl.col("value") > NOTICED).mean())


def newest_layers(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each block the convolution that makes its new channels: the last that is not beside the way."""
    parts = pl.col("module").str.split(":").list.first().str.split(".")  # of `conv:2`, a second call, `conv`
    parent = parts.list.head(parts.list.len() - 1).list.join(".")
    beside = parts.list.set_intersection(["shortcut", "downsample", "se"]).list.len() > 0
    inner = rows.filter(parts.list.len() > 1, ~beside)
    return inner.group_by(*RUN, parent.alias("block"), maintain_order=True).agg(pl.col("value").last())


def rank(evidence: Evidence) -> Series:
    """Effective rank over number of a block's new channels, mean over blocks."""
    rows = evidence.frozen("redundancy").filter(pl.col("quantity") == "effective_rank_share")
    return of_run(newest_layers(rows), pl.col("value").mean())


def correlation(evidence: Evidence) -> Series:
    """Largest correlation of a block's new channels with earlier ones, mean over blocks."""
    rows = evidence.frozen("redundancy").filter(pl.col("quantity") == "largest_correlation")
    return of_run(rows, pl.col("value").mean())


def of_gates(evidence: Evidence, *quantities: str) -> Series:
    """The sum of these quantities of a block's gates, mean over blocks."""
    rows = evidence.frozen("gates").filter(pl.col("quantity").is_in(quantities))
    return of_run(rows, pl.col("value").mean() * len(quantities))


def surgery(evidence: Evidence, by: str) -> Series:
    """Nats of loss more with all gates replaced."""
    rows = evidence.frozen("gate_surgery").filter(
        pl.col("quantity") == "loss_change", pl.col("module").is_null(), pl.col("replacement") == by
    )
    return of_run(rows, pl.col("value").first())


def result(evidence: Evidence, quantity: str, scale: float = 1.0) -> Series:
    """A field of the result of each run that has it."""
    return {
        arm: {
            seed: scale * value
            for seed, run in runs.items()
            if run.result is not None and (value := getattr(run.result, quantity)) is not None
        }
        for arm, runs in evidence.done.items()
    }


def gap(evidence: Evidence) -> Series:
    """Validation minus training accuracy of the final weights, in percentage points."""
    seen, unseen = result(evidence, "train_accuracy", 100), result(evidence, "val_accuracy", 100)
    return {arm: {seed: unseen[arm][seed] - value for seed, value in seen[arm].items()} for arm in seen}


def loss_curve(evidence: Evidence) -> Series:
    """The training loss after each epoch, as (epoch, seconds, loss); at 0 that of the first step."""
    rows = evidence.metrics.select(*RUN, "kind", "epoch", "seconds", "loss", "train_loss")
    steps = rows.select(*RUN, "kind", "loss").filter(pl.col("kind") == "step")
    first = steps.group_by(*RUN, maintain_order=True).first()
    begun = first.select(*RUN, epoch=pl.lit(0, pl.Int64), seconds=pl.lit(0.0), loss="loss")
    ends = rows.filter(pl.col("kind") == "epoch").select(*RUN, "epoch", "seconds", loss="train_loss")
    return of_run(
        pl.concat([begun, ends]), pl.concat_list(pl.col("epoch", "seconds", "loss").cast(pl.Float64))
    )


def unsteadiness(evidence: Evidence) -> Series:
    """Log2 of the median |change of the loss's logarithm| from step to step, in the second half."""
    rows = evidence.metrics.select(*RUN, "kind", "step", "loss").filter(
        pl.col("kind") == "step", pl.col("step") * 2 > pl.col("step").max().over(RUN)
    )
    return of_run(rows, pl.col("loss").log().diff().abs().median().log(2))


def early_over_late(evidence: Evidence) -> Series:
    """Log2 of the update ratio of the first third of layers over the last, median over measured steps.

    Null where a layer of either third did not move at all, or moved without bound (see `gradients`).
    """
    rows = evidence.readings.filter(pl.col("probe") == "update_ratio").with_columns(log=logarithm(2))
    depths = (
        evidence.readings.filter(pl.col("probe") == "gradient_flow", pl.col("quantity") == "depth")
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


def class_order(evidence: Evidence) -> Series:
    """Each class's validation accuracy, mean over epochs: the earlier learnt, the higher. By class."""
    rows = evidence.readings.filter(pl.col("probe") == "learning_order", pl.col("quantity") == "accuracy")
    classes = rows.group_by(*RUN, "class", maintain_order=True).agg(pl.col("value").mean())
    return of_run(classes.sort("class", maintain_order=True), pl.col("value"))


def image_order(evidence: Evidence) -> Series:
    """The epoch from which on each validation image is right, one more than the last where it is not."""
    rows = evidence.readings.filter(pl.col("probe") == "learning_order", pl.col("quantity") == "right_since")
    since = pl.when(pl.col("value") > 0).then("value")
    return of_run(rows, since.fill_null(since.max().fill_null(0) + 1))


QUANTITIES: dict[str, Callable[[Evidence], Series]] = {
    "gradients at the start": gradients_at_start,
    "gradients in training": gradients_in_training,
    "training error": training_error,
    "branches": branches,
    "deletions": deletions,
    "shattering at the start": lambda evidence: shattering(evidence.start),
    "shattering": lambda evidence: shattering(evidence.frozen("shattering")),
    "eigenvalue": eigenvalue,
    "slice": lambda evidence: rise(evidence, SLICE),
    "plane": lambda evidence: rise(evidence, PLANE),
    "reuse by weight": reuse_by_weight,
    "reuse by ablation": reuse_by_ablation,
    "rank": rank,
    "correlation": correlation,
    "class share": lambda evidence: of_gates(evidence, "class_share"),
    "saturation": lambda evidence: of_gates(evidence, "low", "high"),
    "gates of one": lambda evidence: surgery(evidence, "one"),
    "mean gates": lambda evidence: surgery(evidence, "mean"),
    "gates of another": lambda evidence: surgery(evidence, "other"),
    "test accuracy": lambda evidence: result(evidence, "test_accuracy", 100),
    "validation accuracy": lambda evidence: result(evidence, "val_accuracy", 100),
    "images per second": lambda evidence: result(evidence, "images_per_second"),
    "gap": gap,
    "loss curve": loss_curve,
    "unsteadiness": unsteadiness,
    "early over late": early_over_late,
    "class order": class_order,
    "image order": image_order,
}
"""What claims are made of, by name."""
