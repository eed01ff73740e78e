"""What was measured while networks trained, as tidy tables: one function a picture, all of them pure.

They take `StudyTables.readings`; only runs that count are in them (see `tables`). `depth` says where in its
network a module lies, from 0 (the first) to 1 (the last); `moment` is `start` (before the first step, or at
the first step that was measured) or `end` (the last step that was measured).
"""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
from skipscope.analysis.memoize import memoize_per_table

SIGNIFICANT_DIGITS = 4
"""Significant digits: more are not seen in a picture, and make its page large."""
Moment = Literal["start", "end"]
START: Moment = "start"
END: Moment = "end"
MOMENTS = (START, END)


@memoize_per_table
def of_training(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """Selects the probe's readings of runs that count."""
    return measured.of_probe(readings, probe).filter("counted")


@memoize_per_table
def measured_steps(readings: pl.DataFrame, probe: str) -> pl.DataFrame:
    """At how many steps after the start the probe looked: arm, seed, steps."""
    rows = of_training(readings, probe).select(*RUN, "step").filter(pl.col("step") > 0)
    return rows.group_by(*RUN, maintain_order=True).agg(steps=pl.col("step").n_unique())


@memoize_per_table
def gradients(readings: pl.DataFrame) -> pl.DataFrame:
    """The loss gradient by each convolution's output, at the start and at the end.

    Columns: arm, seed, moment, step, module, convolution (how many there are on the longest way from the
    image up to and with this one), depth, norm (L2, whole batch).
    """
    return _of_convolutions(readings, "gradient norm", "norm")


@memoize_per_table
def gradient_ratios(readings: pl.DataFrame) -> pl.DataFrame:
    """Its norm at the first convolution over that at the last: arm, seed, step, ratio."""
    rows = measured.series(readings, "gradient ratio").filter("counted", pl.col("value") > 0)
    return rows.select(*RUN, "step", ratio=_rounded("value"))


@memoize_per_table
def ratios_by_depth(readings: pl.DataFrame) -> pl.DataFrame:
    """Relates that ratio at the start and at the end to depth: arm, seed, moment, convolutions, ratio.

    `convolutions` are those on the longest way through the network.
    """
    lengths = depths(readings).group_by("arm").agg(convolutions=pl.col("convolution").max())
    rows = at_ends(gradient_ratios(readings)).join(lengths, on="arm", maintain_order="left")
    return rows.select(*RUN, "moment", "convolutions", "ratio")


@memoize_per_table
def updates(readings: pl.DataFrame, arm: str) -> pl.DataFrame:
    """Tells how much a step changed each layer's weight, median over seeds: module, depth, step, ratio."""
    rows = of_training(readings, "update_ratio").filter(pl.col("arm") == arm, pl.col("value") > 0)
    table = rows.group_by("module", "step", maintain_order=True).agg(ratio=pl.col("value").median())
    # layers as they are called, not as they were written down
    called = depths(readings, all_layers=True).filter(pl.col("arm") == arm).select("module", "depth")
    return (
        table.join(called, on="module", how="left", maintain_order="left")
        .sort("depth", maintain_order=True)
        .select("module", "depth", "step", ratio=_rounded("ratio"))
    )


@memoize_per_table
def typical_updates(readings: pl.DataFrame) -> pl.DataFrame:
    """Tells how much a step changed the median layer of each run: arm, seed, step, ratio."""
    rows = of_training(readings, "update_ratio").filter(pl.col("value") > 0)
    table = rows.group_by(*RUN, "step", maintain_order=True).agg(ratio=pl.col("value").median())
    return table.with_columns(_rounded("ratio"))


@memoize_per_table
def responses(readings: pl.DataFrame) -> pl.DataFrame:
    """Spread of each convolution's output after its BatchNorm, by depth.

    Columns: arm, seed, moment, step, module, convolution, depth, std.
    """
    return _of_convolutions(readings, "response spread", "std")


@memoize_per_table
def branches(readings: pl.DataFrame) -> pl.DataFrame:
    """|f(x)| / |x| of each residual block: arm, seed, moment, step, module, block (from 1), depth, ratio."""
    rows = _in_order(at_ends(measured.series(readings, "branch ratio").filter("counted")), "block")
    return rows.select(*RUN, "moment", "step", "module", "block", "depth", ratio=_rounded("value"))


@memoize_per_table
def rectifiers(readings: pl.DataFrame) -> pl.DataFrame:
    """Tells what each ReLU stops, in the order in which they are called.

    Columns: arm, seed, moment, step, module, relu (from 1), depth, zeros (share of its outputs that are 0),
    dead (share of its channels that are 0 for the whole batch).
    """
    rows = at_ends(of_training(readings, "activations"))
    table = _in_order(measured.wide(rows, "zeros", "dead", by=("moment", "step", "module")), "relu")
    return table.select(*RUN, "moment", "step", "module", "relu", "depth", pl.col("zeros", "dead").round(4))


@memoize_per_table
def class_accuracy(readings: pl.DataFrame, classes: Sequence[str]) -> pl.DataFrame:
    """Validation accuracy of each class after each epoch, mean over seeds: arm, epoch, class, accuracy."""
    rows = measured.series(readings, "class accuracy").filter("counted")
    table = rows.with_columns(epoch=_epoch(), number=pl.col("class").cast(pl.Int64))
    means = table.group_by("arm", "epoch", "number", maintain_order=True).agg(pl.col("value").mean())
    return means.select(
        "arm", "epoch", named(pl.col("number"), classes).alias("class"), accuracy=pl.col("value").round(4)
    )


@memoize_per_table
def learnt(readings: pl.DataFrame) -> pl.DataFrame:
    """Share of validation images right from an epoch on until the end: arm, seed, epoch, share, images."""
    ends = measured.series(readings, "class accuracy").filter("counted").select(*RUN, epoch=_epoch())
    counts = right_since(readings).group_by(*RUN, "epoch").agg(new=pl.len())
    whole = counts.group_by(RUN).agg(images=pl.col("new").sum())
    return (
        ends.unique(maintain_order=True)
        .join(whole, on=RUN, maintain_order="left")
        .join(counts, on=[*RUN, "epoch"], how="left", maintain_order="left")
        .with_columns(pl.col("new").fill_null(0).cum_sum().over(RUN))
        .select(*RUN, "epoch", (pl.col("new") / pl.col("images")).round(4).alias("share"), "images")
    )


@memoize_per_table
def right_since(readings: pl.DataFrame) -> pl.DataFrame:
    """Each validation image's epoch: arm, seed, position (in the split), epoch (0: wrong in the end)."""
    rows = measured.series(readings, "right since").filter("counted")
    return rows.select(*RUN, position=pl.col("image").cast(pl.Int64), epoch=pl.col("value").cast(pl.Int64))


@memoize_per_table
def depths(readings: pl.DataFrame, *, all_layers: bool = False) -> pl.DataFrame:
    """Locates each convolution (or each layer) of a network: arm, module, convolution, depth."""
    module = ["arm", "module"]
    flow = measured.series(readings, "layer depth").filter("counted")
    table = flow.select(*module, convolution=pl.col("value").cast(pl.Int64))
    table = table.unique(module, keep="first", maintain_order=True)
    if not all_layers:
        spread = measured.series(readings, "response spread").filter("counted")
        table = table.join(spread, on=module, how="semi", maintain_order="left")
    return table.with_columns(depth=_relative("convolution").over("arm"))


def at_ends(rows: pl.DataFrame) -> pl.DataFrame:
    """Selects the rows of each run's first and last measured step, with `moment`; of one step alone, both.

    A network that was measured before its first step only has no end.
    """
    first, last = (pl.col("step") == end.over(RUN) for end in (pl.col("step").min(), pl.col("step").max()))
    ends = {START: rows.filter(first), END: rows.filter(last, pl.col("step") > 0)}
    return pl.concat(end.with_columns(moment=pl.lit(moment)) for moment, end in ends.items())


def medians(table: pl.DataFrame, column: str, moment: Moment | None = None) -> dict[str, float]:
    """A column's median over each arm's rows (of one moment), in the study's order; of arms that have one."""
    rows = table if moment is None else table.filter(pl.col("moment") == moment)
    middle = rows.group_by("arm", maintain_order=True).agg(pl.col(column).median())
    return dict(middle.drop_nulls().iter_rows())


def named(number: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """A class number as its name, or as it is where there is none."""
    known = dict(enumerate(names))
    return number.replace_strict(known, default=number.cast(pl.String), return_dtype=pl.String)


def _of_convolutions(readings: pl.DataFrame, series: str, name: str) -> pl.DataFrame:
    """Tabulates a series at both ends: arm, seed, moment, step, module, convolution, depth, `name`."""
    rows = at_ends(measured.series(readings, series).filter("counted"))
    table = rows.join(depths(readings), on=["arm", "module"], maintain_order="left")
    return table.select(
        *RUN, "moment", "step", "module", "convolution", "depth", _rounded("value").alias(name)
    )


def _epoch() -> pl.Expr:
    """Numbers the epoch that a reading was made after."""
    return pl.col("step").rank("dense").over(RUN).cast(pl.Int64)


def _in_order(table: pl.DataFrame, number: str) -> pl.DataFrame:
    """Modules of one run and moment numbered in the order of measuring."""
    group = [*RUN, "moment"]
    numbered = table.with_columns(pl.int_range(1, pl.len() + 1).over(group).alias(number))
    return numbered.with_columns(depth=_relative(number).over(group))


def _relative(number: str) -> pl.Expr:
    """From 0 at the first to 1 at the last."""
    first, last = pl.col(number).min(), pl.col(number).max()
    return ((pl.col(number) - first) / (last - first).clip(1)).round(4)


def _rounded(column: str) -> pl.Expr:
    return pl.col(column).round_sig_figs(SIGNIFICANT_DIGITS)
