"""What claims compare of blocks, by name: a number of each run."""

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.measured import RUN
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


BLOCK_QUANTITIES: dict[str, Quantity] = {
    "share lost when put back": share_lost_when_put_back,
    "share lost by block": share_lost_by_block,
}
"""By name."""
