"""Each thing that is measured, defined once: a probe's readings as a table, in their order and not rounded.

The functions take readings with the columns arm and seed. Figures and reports round these tables and say
where in its network a module lies (`trained_readings`, `training_readings`, `reuse`, `landscape`); claims
make one number a run of them (`quantities`).
"""

import polars as pl

from skipscope.records.readings import schema_1_text

RUN = ("arm", "seed")
GRADIENT = "output_l2"
"""The L2 norm of the loss gradient by a layer's output, over the whole batch."""


def of_trained(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """Selects the probe's readings of trained networks: those after each run's last step."""
    rows = readings.filter(pl.col("probe") == probe, pl.col("step") > 0)
    return rows.filter(pl.col("step") == pl.col("step").max().over(RUN))


def wide(rows: pl.DataFrame, *quantities: str, by: tuple[str, ...] = ("module",)) -> pl.DataFrame:
    """Gives each run a row for each `by`, and each quantity a column (null where it was not measured)."""
    chosen = rows.filter(pl.col("quantity").is_in(quantities))
    columns = [pl.col("value").filter(pl.col("quantity") == name).first().alias(name) for name in quantities]
    return chosen.group_by(*RUN, *by, maintain_order=True).agg(columns)


def gradient_norms(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects the gradient's norms by layer: the readings themselves."""
    return readings.filter(pl.col("probe") == "gradient_flow", pl.col("quantity") == GRADIENT)


def gradient_ratios(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects the norm at the first convolution over that at the last: the readings themselves."""
    return readings.filter(pl.col("probe") == "gradient_flow", pl.col("quantity") == f"{GRADIENT}_ratio")


def layer_depths(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects how many layers there are on the longest way up to each: the readings themselves."""
    return readings.filter(pl.col("probe") == "gradient_flow", pl.col("quantity") == "depth")


def branch_ratios(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects |f(x)| / |x| of each residual block: the readings themselves."""
    return readings.filter(pl.col("probe") == "activations", pl.col("quantity") == "branch_ratio")


def class_accuracies(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects the validation accuracy of each class after each epoch: the readings themselves."""
    return readings.filter(pl.col("probe") == "learning_order", pl.col("quantity") == "accuracy")


def right_since(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects the epoch from which on each validation image is right: the readings themselves."""
    return readings.filter(pl.col("probe") == "learning_order", pl.col("quantity") == "right_since")


def autocorrelations(readings: pl.DataFrame) -> pl.DataFrame:
    """Selects the autocorrelation of input gradients at each lag: the readings themselves."""
    return readings.filter(pl.col("probe") == "shattering", pl.col("quantity") == "autocorrelation")


def deletions(rows: pl.DataFrame) -> pl.DataFrame:
    """Blocks removed: arm, seed, removed (which), blocks (how many), loss_change, accuracy_change."""
    named = rows.with_columns(removed=schema_1_text())
    return wide(named, "loss_change", "accuracy_change", by=("removed", "blocks"))


def line(rows: pl.DataFrame) -> pl.DataFrame:
    """The landscape along one direction: arm, seed, alpha, loss, accuracy."""
    return wide(rows.filter(pl.col("beta").is_null()), "loss", "accuracy", by=("alpha",))


def plane(rows: pl.DataFrame) -> pl.DataFrame:
    """The landscape along two directions: arm, seed, alpha, beta, loss."""
    return wide(rows.filter(pl.col("beta").is_not_null()), "loss", by=("alpha", "beta"))


def gates(rows: pl.DataFrame) -> pl.DataFrame:
    """Describes what a block's gates do: arm, seed, module, mean, std, class_share, low, high."""
    return wide(rows.filter(pl.col("channel").is_null()), "mean", "std", "class_share", "low", "high")


def gate_surgery(rows: pl.DataFrame) -> pl.DataFrame:
    """Gates replaced: arm, seed, module (null: all), replacement, loss_change, accuracy_change."""
    return wide(rows, "loss_change", "accuracy_change", by=("module", "replacement"))


def reuse(rows: pl.DataFrame) -> pl.DataFrame:
    """Sources read: arm, seed, module (null: all), source, weight, loss_change, accuracy_change."""
    return wide(rows, "weight", "loss_change", "accuracy_change", by=("module", "source"))


def newest_layers(rows: pl.DataFrame) -> pl.DataFrame:
    """Selects of each block the convolution that makes its new channels: the last one on the main path."""
    parts = pl.col("module").str.split(":").list.first().str.split(".")  # of `conv:2`, a second call, `conv`
    parent = parts.list.head(parts.list.len() - 1).list.join(".")
    beside = parts.list.set_intersection(["shortcut", "downsample", "se"]).list.len() > 0
    inner = rows.filter(parts.list.len() > 1, ~beside)
    return inner.group_by(*RUN, parent.alias("block"), maintain_order=True).agg(pl.col("value").last())
