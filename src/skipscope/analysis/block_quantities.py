"""What claims compare of blocks, by name: a number of each run."""

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.per_run import FinishedRuns, Quantity, Series, of_run

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


BLOCK_QUANTITIES: dict[str, Quantity] = {"share lost when put back": share_lost_when_put_back}
"""By name."""
