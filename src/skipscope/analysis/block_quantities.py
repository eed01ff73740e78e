"""What claims compare of blocks, by name: a number of each run."""

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
from skipscope.analysis.per_run import FinishedRuns, Quantity, Series, logarithm, of_run, unless_lost

CHANCE = 0.1
"""Accuracy of a guess: every data set here has ten classes."""
LEARNT = 0.2
"""Accuracy below which there is too little above chance to lose a share of."""


def share_lost_when_put_back(runs: FinishedRuns) -> Series:
    """Share of accuracy above chance that is lost with one block as before the first step, mean of blocks.

    Null where the network has learnt too little (`LEARNT`).
    """
    table = measured.wide(runs.frozen("reinitialisation"), "accuracy")
    whole = pl.col("module").is_null()
    here, reset = pl.col("accuracy").filter(whole).first(), pl.col("accuracy").filter(~whole).mean()
    return of_run(table, pl.when(here > LEARNT).then((here - reset) / (here - CHANCE)))


def share_lost_by_block(runs: FinishedRuns) -> Series:
    """Accuracy lost with one block taken out, as a share of the whole network's above chance, by module.

    Null where the whole network is no better than chance.
    """
    rows = runs.frozen("block_deletion")
    intact = rows.filter(pl.col("quantity") == "accuracy", pl.col("blocks") == 0)
    above = intact.select(*RUN, above=pl.col("value") - CHANCE).filter(pl.col("above") > 0)
    alone = measured.deletions(rows).filter(pl.col("blocks") == 1)
    lost = alone.join(above, on=RUN, how="left", maintain_order="left").with_columns(
        value=-pl.col("accuracy_change") / pl.col("above")
    )
    found: dict[str, dict[int, dict[str, float] | None]] = {}
    for arm, seed, module, value in lost.select(*RUN, "removed", "value").iter_rows():
        if value is None:
            found.setdefault(arm, {})[seed] = None
        elif (blocks := found.setdefault(arm, {}).setdefault(seed, {})) is not None:
            blocks[module] = value
    return found


def of_branches(runs: FinishedRuns) -> pl.DataFrame:
    """Lists blocks of trained networks with log2 |f(x)| / |x|: arm, seed, module, block (from 1), value.

    The value is null where f(x) or x is 0 or not finite.
    """
    return _numbered(measured.series(runs.frozen("branch_scale"), "branch length"))


def branches(runs: FinishedRuns) -> Series:
    """Averages log2 |f(x)| / |x| over blocks; null where a block has none."""
    return of_run(of_branches(runs), unless_lost(pl.col("value").mean(), "value"))


def each_branch(runs: FinishedRuns) -> Series:
    """Gives log2 |f(x)| / |x| of each block, in the order of the network."""
    return of_run(of_branches(runs), pl.col("value"))


def shrinkage(rows: pl.DataFrame) -> Series:
    """Slope of log2 std(f(x)) / std(x) over log2 of the block's index, from 1, by least squares.

    Null where a block has no such number; of a network of one block there is none.
    """
    table = _numbered(measured.series(rows, "branch spread"))
    index = pl.col("block").log(2)
    slope = pl.cov(index, pl.col("value")) / index.var()
    return of_run(table.filter(pl.len().over(RUN) > 1), unless_lost(slope, "value"))


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers a run's blocks in the order of the network, and takes the values' logarithm."""
    block = pl.int_range(1, pl.len() + 1).over(RUN)
    return rows.select(*RUN, "module", block=block, value=logarithm(2))


BLOCK_QUANTITIES: dict[str, Quantity] = {
    "branch length": branches,
    "branch length by block": each_branch,
    "branch shrinkage at the start": lambda runs: shrinkage(runs.start),
    "branch shrinkage": lambda runs: shrinkage(runs.frozen("branch_scale")),
    "share lost when put back": share_lost_when_put_back,
    "share lost by block": share_lost_by_block,
}
"""By name."""
