"""Describes one trained network: feature reuse, gates, deletion of blocks, loss landscape."""

from itertools import product

import polars as pl

from skipscope.analysis import landscape as planes
from skipscope.analysis import reuse, trained_readings
from skipscope.figures import deletion as removals
from skipscope.figures import gates
from skipscope.figures import landscape as maps
from skipscope.figures import reuse as heat
from skipscope.report.appendix.readings import in_pairs, paragraph, with_question
from skipscope.report.appendix.robustness import scale
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure
from skipscope.report.words import Inline, change, code, count, percent, rounded, signed

HALF = 0.5


def trained_of(context: Context, arm: str) -> list[Block]:
    """Shows everything that was measured on a trained network and applies to it."""
    return [*reuse_of(context, arm), *gates_of(context, arm), *robustness_of(context, arm)]


def reuse_of(context: Context, arm: str) -> list[Block]:
    """Draws a pair of heat maps per dense block."""
    table, words = reuse.reuse(context.tables.readings, arm), context.words
    said = reuse_sentences(context, arm)
    if not said:
        return []
    shown = []
    for block, (name, quantity) in product(table["block"].unique(maintain_order=True), heat.MEASURES.items()):
        if not table.filter(pl.col("block") == block).drop_nulls(quantity).is_empty():
            chart = heat.heat(table, block=block, quantity=quantity, labels=context.labels)
            caption = words(f"trained.reuse_{name}_caption", arm=code(arm), block=block)
            file, spoken = f"reuse-{name}-{context.file_of(arm)}-{block}", said[0 if name == "weight" else -1]
            shown.append(context.figure(file, chart, caption=caption, spoken=spoken))
    return with_question(context, "trained.reuse_question", [words("trained.reuse"), *said], shown)


def reuse_sentences(context: Context, arm: str) -> list[Inline]:
    """Says what is reused most by weight and by ablation, what hardly is, and whether the two agree."""
    words, table = context.words, reuse.reuse(context.tables.readings, arm)
    pairs = table.filter(pl.col("target") != trained_readings.ALL, pl.len().over("target") > 1)
    weights, costs = pairs.drop_nulls("relative"), pairs.drop_nulls("loss_change")
    said = []
    if not weights.is_empty():
        top = weights.sort("relative").row(-1, named=True)
        ends = {"target": code(top["target"]), "source": code(top["source"])}
        few = percent(weights.filter(pl.col("relative") < HALF).height / weights.height)
        told = {"times": rounded(top["relative"]), "share": few, "pairs": count(weights.height)}
        said.append(words("trained.reuse_weight", **ends, **told))
    if not costs.is_empty():
        top = costs.sort("loss_change").row(-1, named=True)
        ends = {"target": code(top["target"]), "source": code(top["source"])}
        typical = costs.select(pl.col("loss_change").median()).item()
        told = {"loss": change(top["loss_change"]), "typical": change(typical)}
        said.append(words("trained.reuse_ablation", **ends, **told))
    both = pairs.drop_nulls(["relative", "loss_change"])
    if not both.is_empty():
        same = pl.col("relative").arg_max() == pl.col("loss_change").arg_max()
        best = both.group_by("target").agg(same=same)
        said.append(words("trained.reuse_agree", agree=best["same"].sum(), of=best.height))
    return said


def gates_of(context: Context, arm: str) -> list[Block]:
    """Draws the gates by class, what they depend on, and what replacing them costs."""
    said = gate_sentences(context, arm)
    if not said:
        return []
    strips = gate_strips(context, arm, said[0])
    shown = [*gate_shares(context, arm, said[0]), *surgery_of(context, arm, said[-1])]
    told = [context.words("trained.gates"), *said]
    return [*with_question(context, "trained.gates_question", told, strips), *in_pairs(shown)]


def gate_sentences(context: Context, arm: str) -> list[Inline]:
    """Says how far gates depend on the class, how many are nearly shut or open, what replacing all costs."""
    words, readings = context.words, context.tables.readings
    blocks = trained_readings.means(trained_readings.gates(readings).filter(pl.col("arm") == arm), "module")
    mine = (pl.col("arm") == arm, pl.col("module") == trained_readings.ALL)
    cuts = trained_readings.surgery(readings).filter(*mine)
    costs = trained_readings.means(cuts, "by").select("by", "accuracy_lost").iter_rows()
    lost = {by: signed(-points) for by, points in costs}
    said = []
    if not blocks.is_empty():
        most = blocks.sort("class_share", nulls_last=False).row(-1, named=True)
        shares = blocks["class_share"]
        told = {"most": most["class_share"], "first": shares[0], "last": shares[-1]}
        by_class = {key: percent(share or 0.0) for key, share in told.items()}
        said.append(words("trained.gates_class", **by_class, block=code(most["module"])))
        means = blocks.select(pl.col("low", "high").mean()).row(0, named=True)
        ends = {key: percent(share) for key, share in means.items() if share is not None}
        said.append(words("trained.gates_open", **ends))
    if set(gates.REPLACEMENTS) <= lost.keys():
        said.append(words("trained.gates_replaced", **lost))
    return said


def gate_strips(context: Context, arm: str, spoken: Inline) -> list[Figure]:
    """Draws the mean gates of every class."""
    table = trained_readings.gate_strips(context.tables.readings, arm)
    if table.is_empty():
        return []
    classes = list(context.chart_names.values())
    told = context.words.listed([context.class_name(each) for each in context.chart_names])
    chart = gates.strips(table, classes=classes, labels=context.labels)
    caption = "trained.strips_caption"
    return [context.figure_of(arm, "gates", chart, caption=caption, spoken=spoken, classes=told)]


def gate_shares(context: Context, arm: str, spoken: Inline) -> list[Figure]:
    """Draws what gates depend on, block by block."""
    table = trained_readings.gates(context.tables.readings)
    if arm not in set(table["arm"]):
        return []
    chart = gates.shares(table, arm=arm, arms=context.tables.arms, labels=context.labels)
    return [context.figure_of(arm, "gate-shares", chart, caption="trained.shares_caption", spoken=spoken)]


def surgery_of(context: Context, arm: str, spoken: Inline) -> list[Figure]:
    """Draws what replacing gates costs: those of one block at a time, and all of them."""
    table, shown = trained_readings.surgery(context.tables.readings).filter(pl.col("arm") == arm), []
    for name, key, together in (("surgery", "surgery", False), ("surgery-all", "surgery_all", True)):
        if not table.filter((pl.col("module") == trained_readings.ALL) == together).is_empty():
            arms, labels, caption = context.tables.arms, context.labels, f"trained.{key}_caption"
            chart = gates.surgery(table, arm=arm, arms=arms, together=together, labels=labels)
            shown.append(context.figure_of(arm, name, chart, caption=caption, spoken=spoken))
    return shown


def robustness_of(context: Context, arm: str) -> list[Block]:
    """Shows what the network loses without one block, and the loss around its weights."""
    words, readings = context.words, context.tables.readings
    said, shown = [], []
    alone = trained_readings.deletions(readings).filter(pl.col("arm") == arm, pl.col("blocks") == 1)
    if not alone.is_empty():
        blocks = trained_readings.means(alone, "removed").sort("accuracy_lost", maintain_order=True)
        worst = blocks.row(-1, named=True)
        typical = blocks.select(pl.col("accuracy_lost").median()).item()
        told = {"typical": signed(-typical), "most": signed(-worst["accuracy_lost"])}
        said.append(words("trained.deletion_of", blocks=blocks.height, block=code(worst["removed"]), **told))
        chart = removals.by_block(alone, arm=arm, arms=context.tables.arms, labels=context.labels)
        caption, spoken = "trained.deletion_of_caption", said[-1]
        shown.append(context.figure_of(arm, "deletion", chart, caption=caption, spoken=spoken))
    cells = planes.landscape(readings)
    if arm in (tops := planes.highest(cells)):
        said.append(words("trained.landscape_of", highest=rounded(tops[arm])))
        chart = maps.map_of(cells, arm=arm, labels=context.labels)
        caption, ends = "trained.landscape_of_caption", scale(cells)
        shown.append(context.figure_of(arm, "landscape", chart, caption=caption, spoken=said[-1], **ends))
    return [paragraph(context, *said), *in_pairs(shown)] if said else []
