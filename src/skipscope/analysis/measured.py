"""Each thing that is measured, defined once: a probe's readings as a table, in their order and not rounded.

The functions take readings with the columns arm and seed. Figures and reports round these tables and say
where in its network a module lies (`trained_readings`, `training_readings`, `reuse`, `landscape`); claims
make one number a run of them (`quantities`).
"""

import polars as pl

from skipscope.analysis.memoize import memoize_per_table
from skipscope.records.readings import schema_1_text

RUN = ("arm", "seed")
MOST_PIECES = 200
"""Of more pieces of a table than this, a copy is faster."""


@memoize_per_table
def of_probe(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """Selects a probe's readings, once for all that is made of them."""
    pieces = _by_probe(readings)
    if pieces is None:
        return readings.filter(pl.col("probe") == probe)
    return pl.concat([readings.clear(), *pieces.get(probe, [])])


@memoize_per_table
def _by_probe(readings: pl.DataFrame) -> dict[str, list[pl.DataFrame]] | None:
    """Cuts a table where the probe changes, without copying rows or looking at each of millions again.

    None where a probe's rows do not stand together, as those that were gathered do.
    """
    stretches = readings["probe"].rle().struct
    lengths, probes = stretches.field("len"), stretches.field("value")
    if len(probes) > MOST_PIECES:
        return None
    found: dict[str, list[pl.DataFrame]] = {}
    for start, length, probe in zip(lengths.cum_sum() - lengths, lengths, probes, strict=True):
        found.setdefault(probe, []).append(readings.slice(start, length))
    return found


@memoize_per_table
def last_steps(readings: pl.DataFrame) -> pl.DataFrame:
    """Tells after which step each run was last measured, of those measured after one: arm, seed, step."""
    steps = readings.select(*RUN, "step")  # a filter copies every column
    return steps.filter(pl.col("step") > 0).group_by(RUN).agg(pl.col("step").max())


@memoize_per_table
def of_trained(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """Selects the probe's readings of trained networks: those after each run's last step.

    That is the last at which anything was read, steps of the training among it: the same probe may have
    measured the run at an earlier step, where it is compared at equal loss.
    """
    rows, ends = of_probe(readings, probe), last_steps(readings)
    return rows.join(ends, on=[*RUN, "step"], how="semi", maintain_order="left")


def wide(rows: pl.DataFrame, *quantities: str, by: tuple[str, ...] = ("module",)) -> pl.DataFrame:
    """Gives each run a row for each `by`, and each quantity a column (null where it was not measured)."""
    chosen = rows.filter(pl.col("quantity").is_in(quantities))
    columns = [pl.col("value").filter(pl.col("quantity") == name).first().alias(name) for name in quantities]
    return chosen.group_by(*RUN, *by, maintain_order=True).agg(columns)


SERIES = {
    "gradient norm": ("gradient_flow", "output_l2"),  # of the loss, by a layer's output, over the whole batch
    "gradient ratio": ("gradient_flow", "output_l2_ratio"),  # that at the first convolution over the last's
    "layer depth": ("gradient_flow", "depth"),  # layers on the longest way up to each
    "response spread": ("activations", "std"),  # of convolutions, and of nothing else
    "branch ratio": ("activations", "branch_ratio"),  # |f(x)| / |x| of each residual block
    "branch length": ("branch_scale", "l2_ratio"),  # the same, measured alike before and after training
    "branch spread": ("branch_scale", "std_ratio"),  # std(f(x)) / std(x), with statistics of the batch
    "class accuracy": ("learning_order", "accuracy"),  # of each class in validation, after each epoch
    "right since": ("learning_order", "right_since"),  # the epoch from which on an image is right
    "autocorrelation": ("shattering", "autocorrelation"),  # of input gradients, at each lag
    "gradient agreement": ("gradient_confusion", "mean_cosine"),  # of mini-batches' gradients, over pairs
    "least gradient agreement": ("gradient_confusion", "least_cosine"),  # of a pair of them
    "eigenvalue": ("curvature", "top_eigenvalue"),  # the Hessian's largest
    "rank share": ("redundancy", "effective_rank_share"),  # of a convolution's output, over its channels
    "correlation": ("redundancy", "largest_correlation"),  # of a block's new channels with earlier ones
    "gate": ("gates", "gate"),  # mean of a channel's gate, by class
}
"""What is used as it was read: probe and quantity, by name."""


def series(readings: pl.DataFrame, name: str) -> pl.DataFrame:
    """Selects the readings that `SERIES` names."""
    probe, quantity = SERIES[name]
    return of_probe(readings, probe).filter(pl.col("quantity") == quantity)


def first_runs(table: pl.DataFrame) -> pl.DataFrame:
    """Selects the rows of each arm's first run."""
    return table.filter(pl.col("seed") == pl.col("seed").first().over("arm"))


def deletions(rows: pl.DataFrame) -> pl.DataFrame:
    """Blocks removed: arm, seed, removed (which), blocks (how many), loss_change, accuracy_change."""
    return wide(
        rows.with_columns(removed=schema_1_text()), "loss_change", "accuracy_change", by=("removed", "blocks")
    )


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
