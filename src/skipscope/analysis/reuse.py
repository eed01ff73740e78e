"""Which layer of a dense network reads which: by the weights, and by what a source's absence costs."""

from collections import Counter
from collections.abc import Sequence

import polars as pl

from skipscope.analysis import measured
from skipscope.analysis.memoize import memoize_per_table
from skipscope.analysis.trained_readings import ALL, lost, means, of_trained


@memoize_per_table
def reuse(readings: pl.DataFrame, arm: str) -> pl.DataFrame:
    """Lists every pair of a layer and a source that it reads, mean over seeds, block by block.

    Columns: block (1, 2, ... in the order of the network), target, source, to, of (their short names, see
    `shortened`), weight (mean |w| over the source's channels), relative (that over its mean over the target's
    sources: 1 is even use), loss_change and accuracy_lost (of the source zeroed for this target alone, or,
    where target is `all`, for all of them). Null is what was not measured. Layers that read one source
    only, which no other layer reads, have nothing to choose from and are left out.
    """
    probes = (of_trained(readings, probe) for probe in ("reuse_by_weight", "reuse_by_ablation"))
    pairs = measured.reuse(pl.concat(probes).filter(pl.col("arm") == arm))
    table = means(pairs.with_columns(target=pl.col("module").fill_null(ALL)), "target", "source")
    blocks = pl.DataFrame(_blocks(table), schema={"source": pl.String, "block": pl.Int64}, orient="row")
    table = table.join(blocks, on="source", maintain_order="left").sort("block", maintain_order=True)
    for short, long in (("to", "target"), ("of", "source")):
        names = table.group_by("block", maintain_order=True).agg(pl.col(long).unique(maintain_order=True))
        labels = [(block, *pair) for block, those in names.iter_rows() for pair in shortened(those).items()]
        schema = {"block": pl.Int64, long: pl.String, short: pl.String}
        table = table.join(
            pl.DataFrame(labels, schema=schema, orient="row"), on=["block", long], maintain_order="left"
        )
    even = pl.col("weight").mean().over("block", "target")
    return table.with_columns(relative=pl.col("weight") / even).select(
        "block",
        "target",
        "source",
        "to",
        "of",
        pl.col("weight", "relative", "loss_change").round_sig_figs(4),
        lost(),
    )


def shortened(names: Sequence[str]) -> dict[str, str]:
    """Names without the parts shared by all as deep as they: `L3` for `dense.3.conv` beside `dense.4.conv`.

    A part that is only a number is written after an L, for layer.
    """
    parted = {name: name.split(".") for name in names}
    short = {}
    for name, parts in parted.items():
        alike = [other for other in parted.values() if len(other) == len(parts)]
        own = [part for index, part in enumerate(parts) if len({other[index] for other in alike}) > 1]
        short[name] = ".".join(f"L{part}" if part.isdigit() else part for part in own) or name
    return short


def _blocks(table: pl.DataFrame) -> list[tuple[str, int]]:
    """Gives each source the number of its block: sources that one layer reads together are of one block."""
    block: dict[str, int] = {}
    read = table.filter(pl.col("target") != ALL).group_by("target", maintain_order=True).agg("source")
    for index, sources in enumerate(read["source"].to_list()):
        joined = {block[source] for source in sources if source in block}
        block |= dict.fromkeys([*sources, *(s for s in block if block[s] in joined)], index)
    several = (index for index, size in Counter(block.values()).items() if size > 1)
    numbers = {index: number for number, index in enumerate(several, start=1)}
    return [(source, numbers[index]) for source, index in block.items() if index in numbers]
