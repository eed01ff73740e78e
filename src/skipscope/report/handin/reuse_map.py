"""Draws what each source is worth to each layer of a dense block, by ablation, as the equation names them."""

from dataclasses import replace

import polars as pl

from skipscope.analysis import reuse
from skipscope.analysis.trained_readings import ALL, of_trained
from skipscope.figures import reuse as heat
from skipscope.probes.schedule import ablation_images
from skipscope.report.document import Figure
from skipscope.report.handin.prose import Prose
from skipscope.report.words import code

LOWER = 0.58
"""How high the map of connections is beside that of the appendix: numbers need no square cells."""


def connections(prose: Prose) -> pl.DataFrame | None:
    """Returns what cutting a source off costs a layer, of this workspace's first dense network's first block.

    None if it was not measured on CIFAR-10. Columns: those of `analysis.reuse`.
    """
    tables = prose.context.tables
    for arm in tables.arms if prose.evidence.on_cifar10 else ():
        found = reuse.reuse(tables.readings, arm).drop_nulls("loss_change")
        if not found.is_empty():
            first = found.filter(pl.col("block") == pl.col("block").min())
            return first.with_columns(arm=pl.lit(arm))
    return None


def reuse_figure(prose: Prose, table: pl.DataFrame) -> Figure:
    """Draws a row a layer and a column a source: the loss that it costs the layer to do without it."""
    context, block = prose.context, int(table["block"][0])
    chart = heat.heat(_named(prose, table), block=block, quantity="loss_change", labels=context.labels)
    chart = replace(chart, height=round(LOWER * chart.height))
    arm, falls = table["arm"][0], (table["loss_change"] < 0).any()
    ablated = of_trained(context.tables.readings, "reuse_by_ablation").filter(pl.col("arm") == arm)
    images = ablation_images(ablated.select("module", "source").n_unique())
    told = {"arm": code(arm), "block": block, "images": images}
    caption = context.words("dense.caption_reuse", **told)
    if falls:
        caption = context.words.joined([caption, context.words("dense.caption_noise")])
    return context.figure("reuse", chart, caption=caption, spoken=caption)


def _named(prose: Prose, table: pl.DataFrame) -> pl.DataFrame:
    """Names sources and readers as the equation and the close-up do: x₀ is the input, f₂ reads x₀ and x₁.

    The layer f of index l reads l sources; what reads them all comes after the block. Readers that are no
    such row of layers keep their own names.
    """
    words, everything = prose.context.charts.raw, pl.col("target") == ALL
    sources = table["of"].unique(maintain_order=True).to_list()
    readers = table.filter(~everything).group_by("to", maintain_order=True).len()
    names = {table.filter(everything)["to"].first(): words("dense.every_reader")}
    if readers["len"].to_list() != list(range(len(sources) + 1 - len(readers), len(sources) + 1)):
        return table.with_columns(pl.col("to").replace(names))
    names |= {name: f"f{index(number)}" for name, number in readers.iter_rows()}
    names[readers["to"][-1]] = words("dense.transition")
    numbered = {name: f"x{index(number)}" for number, name in enumerate(sources)}
    return table.with_columns(pl.col("to").replace(names), pl.col("of").replace(numbered))


def index(number: int) -> str:
    """Writes an index: ₁₂."""
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
