"""What was measured of trained networks as tidy tables: one function a picture, all of them pure.

They take `StudyTables.readings`; only runs that count are in them (see `tables`). `depth` says where in its
network a module lies, from 0 (the first that was measured) to 1 (the last).
"""

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
from skipscope.analysis.memoize import memoize_per_table
from skipscope.analysis.training_readings import END, SIGNIFICANT_DIGITS, START

SHOWN_CHANNELS, SHOWN_BLOCKS = 48, 8
"""At most so many channels a block and blocks a network in the picture of gates, evenly spread."""
ALIGNMENTS = ("forward_gain", "backward_gain", "variance_kept", "gradient_kept")
"""What `signal_alignment` says of layers, but for the gradient's norm."""
ALL = "all"
"""What stands for the module in tables where all were changed together."""


@memoize_per_table
def of_trained(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """Selects the probe's readings of trained networks that count."""
    return measured.of_trained(readings, probe).filter("counted")


@memoize_per_table
def linear_probes(readings: pl.DataFrame) -> pl.DataFrame:
    """Accuracy of a linear read-out after each stage: arm, seed, module, depth, accuracy."""
    return _with_depth(_rounded(measured.wide(of_trained(readings, "linear_probes"), "accuracy")))


@memoize_per_table
def effective_ranks(readings: pl.DataFrame) -> pl.DataFrame:
    """Gives the effective rank of convolutions: arm, seed, module, depth, then both ranks."""
    rows = of_trained(readings, "redundancy")
    return _with_depth(_rounded(measured.wide(rows, "effective_rank_share", "effective_rank")))


@memoize_per_table
def largest_correlations(readings: pl.DataFrame) -> pl.DataFrame:
    """Correlates a block's new channels with earlier ones: arm, seed, module, depth, largest_correlation."""
    rows = of_trained(readings, "redundancy")
    return _with_depth(_rounded(measured.wide(rows, "largest_correlation")))


@memoize_per_table
def shattering(readings: pl.DataFrame) -> pl.DataFrame:
    """Autocorrelation of input gradients along a line: arm, seed, trained, lag, autocorrelation."""
    rows = measured.series(readings, "autocorrelation").filter("counted")
    rows = rows.filter((pl.col("step") == 0) | (pl.col("step") == pl.col("step").max().over(RUN)))
    lag, value = pl.col("lag").cast(pl.Int64), pl.col("value").round_sig_figs(SIGNIFICANT_DIGITS)
    table = rows.select(*RUN, trained=pl.col("step") > 0, lag=lag, autocorrelation=value)
    return table.sort("lag", maintain_order=True)


@memoize_per_table
def curvature(readings: pl.DataFrame) -> pl.DataFrame:
    """The Hessian's top eigenvalue and trace, each with how well it is known: a row a run."""
    quantities = ("top_eigenvalue", "top_residual", "iterations", "trace", "trace_error")
    return _rounded(measured.wide(of_trained(readings, "curvature"), *quantities, by=()))


@memoize_per_table
def deletions(readings: pl.DataFrame) -> pl.DataFrame:
    """Blocks taken out: arm, seed, removed (which), blocks (how many), depth, loss_change, accuracy_lost.

    `depth` is where a block that was taken out alone lies; it is null for pairs and sets.
    """
    table = _rounded(measured.deletions(of_trained(readings, "block_deletion")))
    block = [*RUN, "removed"]
    alone = _with_depth(table.filter(pl.col("blocks") == 1), "removed").select(*block, "depth")
    table = table.join(alone, on=block, how="left", maintain_order="left")
    return table.select(*block, pl.col("blocks").cast(pl.Int64), "depth", "loss_change", lost())


@memoize_per_table
def reinitialisations(readings: pl.DataFrame) -> pl.DataFrame:
    """Blocks reset to their start: arm, seed, module, depth, loss_change, accuracy_lost."""
    found = measured.wide(of_trained(readings, "reinitialisation"), "loss", "accuracy")
    whole = pl.col("module").is_null()
    intact = (pl.col(name) - pl.col(name).filter(whole).first().over(RUN) for name in ("loss", "accuracy"))
    changed = found.with_columns(each.name.suffix("_change") for each in intact)
    blocks = _with_depth(_rounded(changed.filter(~whole)))
    return blocks.select(*RUN, "module", "depth", "loss_change", lost())


@memoize_per_table
def gradient_agreement(readings: pl.DataFrame) -> pl.DataFrame:
    """Cosines of mini-batches' gradients: arm, seed, moment (start, end), mean_cosine, least_cosine."""
    rows = _at_both_ends(readings, "gradient_confusion")
    return measured.wide(rows, "mean_cosine", "least_cosine", by=("moment",))


@memoize_per_table
def alignments(readings: pl.DataFrame) -> pl.DataFrame:
    """What layers let through, geometric means over layers: arm, seed, moment (start, end), `ALIGNMENTS`."""
    rows = _at_both_ends(readings, "signal_alignment").filter(pl.col("value") > 0)
    means = rows.group_by(*RUN, "moment", "quantity", maintain_order=True).agg(
        pl.col("value").log().mean().exp()
    )
    return measured.wide(means, *ALIGNMENTS, by=("moment",))


@memoize_per_table
def branch_scales(readings: pl.DataFrame) -> pl.DataFrame:
    """|f(x)| / |x| at each addition: arm, seed, moment (start, end), module, depth, ratio."""
    rows = _at_both_ends(readings, "branch_scale")
    table = measured.wide(rows, "l2_ratio", by=("moment", "module")).rename({"l2_ratio": "ratio"})
    return _with_depth(_rounded(table), "moment", "module")


@memoize_per_table
def slices(readings: pl.DataFrame) -> pl.DataFrame:
    """Along one filter-normalised direction: arm, seed, distance, loss, accuracy."""
    table = _rounded(measured.line(of_trained(readings, "landscape")), but=("alpha",))
    return table.rename({"alpha": "distance"}).sort("distance", maintain_order=True)


@memoize_per_table
def gates(readings: pl.DataFrame) -> pl.DataFrame:
    """Describes what a block's gates do: arm, seed, module, depth, mean, std, class_share, low, high."""
    return _with_depth(_rounded(measured.gates(of_trained(readings, "gates"))))


@memoize_per_table
def gate_strips(readings: pl.DataFrame, arm: str) -> pl.DataFrame:
    """Mean gate by class and channel of the arm's first run: block, class, channel, position, of, gate.

    Channels are in the order of their mean gate, at `position` of `of` within the block; every so-many-th
    is kept where a block has many, and so are blocks. What is kept is one channel each, not a mean of
    several: means of channels would hide what classes differ in.
    """
    rows = of_trained(readings, "gates").filter(pl.col("arm") == arm, pl.col("quantity") == "gate")
    rows = measured.first_runs(rows)
    table = rows.select(pl.col("channel", "class").cast(pl.Int64), block="module", gate="value")
    blocks = table["block"].unique(maintain_order=True).to_list()
    kept = [blocks[index] for index in _spread(len(blocks), SHOWN_BLOCKS)]
    table = table.filter(pl.col("block").is_in(kept)).with_columns(
        mean=pl.col("gate").mean().over("block", "channel")
    )
    order = pl.struct("mean", "channel").rank("dense").over("block").cast(pl.Int64) - 1
    table = table.with_columns(position=order).with_columns(of=pl.col("position").max().over("block") + 1)
    shown = pl.min_horizontal(pl.col("of"), pl.lit(SHOWN_CHANNELS))
    # the position among those kept of each channel, if it is the first that falls on it
    at = pl.col("position") * shown // pl.col("of")
    first = at != (pl.col("position") - 1) * shown // pl.col("of")
    return (
        table.filter(first | (pl.col("position") == 0))
        .with_columns(position=at, of=shown)
        .select("block", "class", "channel", "position", "of", pl.col("gate").round(3))
        .sort("position", maintain_order=True)
    )


@memoize_per_table
def surgery(readings: pl.DataFrame) -> pl.DataFrame:
    """Gates replaced: arm, seed, module, by (one, mean, other), loss_change, accuracy_lost."""
    table = _rounded(measured.gate_surgery(of_trained(readings, "gate_surgery")))
    named = table.with_columns(pl.col("module").fill_null(ALL)).rename({"replacement": "by"})
    return named.select(pl.exclude("accuracy_change"), lost())


def lost() -> pl.Expr:
    """Turns a change of accuracy into percentage points lost, which are positive."""
    return (-100 * pl.col("accuracy_change")).round(3).alias("accuracy_lost")


def means(table: pl.DataFrame, *by: str) -> pl.DataFrame:
    """The mean over seeds of every number, a row for each `by`, in the order of the table."""
    numbers = [name for name, kind in table.schema.items() if kind.is_numeric() and name not in {*by, "seed"}]
    return table.group_by(*by, maintain_order=True).agg(pl.col(numbers).mean())


def arm_means(table: pl.DataFrame, column: str) -> dict[str, float]:
    """A column's mean over each arm's rows, in the study's order."""
    mean = table.group_by("arm", maintain_order=True).agg(pl.col(column).mean())
    return dict(mean.drop_nulls().iter_rows())


def steepness(lines: pl.DataFrame) -> tuple[float, dict[str, float]]:
    """Divides an arm's loss at a distance by that of the trained weights; also returns the distance.

    `lines` are `slices`. The distance is the one measured nearest to a half; both sides count.
    """
    far = lines.with_columns(pl.col("distance").abs().alias("far"))
    distance = min(far.filter(pl.col("far") > 0)["far"].unique(), key=lambda value: (abs(value - 0.5), value))
    there, here = (arm_means(far.filter(pl.col("far") == end), "loss") for end in (distance, 0.0))
    return distance, {arm: loss / here[arm] for arm, loss in there.items() if here.get(arm)}


def _rounded(table: pl.DataFrame, but: tuple[str, ...] = ()) -> pl.DataFrame:
    """Rounds the table's measured numbers as they are shown."""
    return table.with_columns(pl.col(pl.Float64).exclude(but).round_sig_figs(SIGNIFICANT_DIGITS))


def _at_both_ends(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """Selects the probe's readings before the first step and after the last, with `moment`."""
    begun = measured.of_probe(readings, probe).filter("counted", pl.col("step") == 0)
    ends = {START: begun, END: of_trained(readings, probe)}
    return pl.concat(rows.with_columns(moment=pl.lit(moment)) for moment, rows in ends.items())


def _with_depth(table: pl.DataFrame, *module: str) -> pl.DataFrame:
    """Adds `depth` before the quantities: a run's modules were measured in the order of the network.

    The columns `module`, by default that one, name what was measured; all but the last tell groups apart.
    """
    names = module or ("module",)
    depth = (pl.int_range(pl.len()) / (pl.len() - 1).clip(1)).over(*RUN, *names[:-1]).round(4)
    first = [*RUN, *names]
    return table.with_columns(depth=depth).select(*first, "depth", pl.exclude(*first, "depth"))


def _spread(number: int, at_most: int) -> list[int]:
    """Picks at most so many of 0..number-1, evenly spread, the first and the last among them."""
    if number <= at_most:
        return list(range(number))
    return [round(index * (number - 1) / (at_most - 1)) for index in range(at_most)]
