"""Describes one trained network: feature reuse, gates, deletion of blocks, loss landscape."""

import polars as pl

from skipscope.analysis import landscape as planes
from skipscope.analysis import reuse
from skipscope.analysis import trained_readings as measured
from skipscope.figures import deletion as removals
from skipscope.figures import gates
from skipscope.figures import landscape as maps
from skipscope.figures import reuse as heat
from skipscope.report.appendix.readings import in_pairs, paragraph, question
from skipscope.report.appendix.robustness import scale
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure
from skipscope.report.words import Inline, code, count, percent, rounded, signed

HALF = 0.5


def trained_of(context: Context, arm: str) -> list[Block]:
    """Everything that was measured on a trained network and applies to it."""
    return [*reuse_of(context, arm), *gates_of(context, arm), *robustness_of(context, arm)]


def reuse_of(context: Context, arm: str) -> list[Block]:
    """Draws a pair of heat maps per dense block."""
    table, words = reuse.reuse(context.tables.readings, arm), context.words
    said = reuse_sentences(context, arm)
    if not said:
        return []
    shown = [
        context.figure(
            f"reuse-{name}-{context.file_of(arm)}-{block}",
            heat.heat(table, block=block, quantity=quantity, labels=context.labels),
            caption=words(f"trained_readings.reuse_{name}_caption", arm=code(arm), block=block),
            spoken=said[0] if name == "weight" else said[-1],
        )
        for block in table["block"].unique(maintain_order=True)
        for name, quantity in heat.MEASURES.items()
        if not table.filter(pl.col("block") == block).drop_nulls(quantity).is_empty()
    ]
    ask = question(context, "trained_readings.reuse_question")
    return [paragraph(context, words("trained_readings.reuse"), *said), ask, *in_pairs(shown)]


def reuse_sentences(context: Context, arm: str) -> list[Inline]:
    """Says what is reused most by weight and by ablation, what hardly is, and whether the two agree."""
    words, table = context.words, reuse.reuse(context.tables.readings, arm)
    pairs = table.filter(pl.col("target") != measured.ALL, pl.len().over("target") > 1)
    weights, costs = pairs.drop_nulls("relative"), pairs.drop_nulls("loss_change")
    said = []
    if not weights.is_empty():
        top = weights.sort("relative").row(-1, named=True)
        said.append(
            words(
                "trained_readings.reuse_weight",
                target=code(top["target"]),
                source=code(top["source"]),
                times=rounded(top["relative"]),
                share=percent(weights.filter(pl.col("relative") < HALF).height / weights.height),
                pairs=count(weights.height),
            )
        )
    if not costs.is_empty():
        top = costs.sort("loss_change").row(-1, named=True)
        said.append(
            words(
                "trained_readings.reuse_ablation",
                target=code(top["target"]),
                source=code(top["source"]),
                loss=_change(top["loss_change"]),
                typical=_change(costs["loss_change"].median()),
            )
        )
    both = pairs.drop_nulls(["relative", "loss_change"])
    if not both.is_empty():
        best = both.group_by("target").agg(
            same=pl.col("relative").arg_max() == pl.col("loss_change").arg_max()
        )
        agree, of = best["same"].sum(), best.height
        said.append(words("trained_readings.reuse_agree", agree=agree, of=of))
    return said


def gates_of(context: Context, arm: str) -> list[Block]:
    """Draws the gates by class, what they depend on, and what replacing them costs."""
    words, said = context.words, gate_sentences(context, arm)
    if not said:
        return []
    ask = question(context, "trained_readings.gates_question")
    strips = gate_strips(context, arm, said[0])
    shown = [*gate_shares(context, arm, said[0]), *surgery_of(context, arm, said[-1])]
    return [paragraph(context, words("trained_readings.gates"), *said), ask, *strips, *in_pairs(shown)]


def gate_sentences(context: Context, arm: str) -> list[Inline]:
    """Says how far gates depend on the class, how many are nearly shut or open, what replacing all costs."""
    words, readings = context.words, context.tables.readings
    blocks = measured.means(measured.gates(readings).filter(pl.col("arm") == arm), "module")
    cuts = measured.surgery(readings).filter(pl.col("arm") == arm, pl.col("module") == measured.ALL)
    lost = {
        by: signed(-points)
        for by, points in measured.means(cuts, "by").select("by", "accuracy_lost").iter_rows()
    }
    said = []
    if not blocks.is_empty():
        most = blocks.sort("class_share", nulls_last=False).row(-1, named=True)
        shares = {
            key: percent(value) for key in ("low", "high") if isinstance(value := blocks[key].mean(), float)
        }
        ends = {
            end: percent(blocks["class_share"][index] or 0.0) for end, index in (("first", 0), ("last", -1))
        }
        said.append(
            words(
                "trained_readings.gates_class",
                **ends,
                most=percent(most["class_share"] or 0.0),
                block=code(most["module"]),
            )
        )
        said.append(words("trained_readings.gates_open", **shares))
    if set(gates.REPLACEMENTS) <= lost.keys():
        said.append(words("trained_readings.gates_replaced", **lost))
    return said


def gate_strips(context: Context, arm: str, spoken: Inline) -> list[Figure]:
    """Draws the mean gates of every class."""
    data = context.tables.record.data.classes
    classes = [context.chart_classes.get(each, each) for each in data]
    table = measured.gate_strips(context.tables.readings, arm)
    if table.is_empty():
        return []
    table = table.with_columns(
        pl.col("class").replace_strict(dict(enumerate(classes)), return_dtype=pl.String)
    )
    told = context.words.listed([context.class_name(each) for each in data])
    return [
        context.figure(
            f"gates-{context.file_of(arm)}",
            gates.strips(table, classes=classes, labels=context.labels),
            caption=context.words("trained_readings.strips_caption", arm=code(arm), classes=told),
            spoken=spoken,
        )
    ]


def gate_shares(context: Context, arm: str, spoken: Inline) -> list[Figure]:
    """Draws what gates depend on, block by block."""
    table = measured.gates(context.tables.readings)
    if arm not in set(table["arm"]):
        return []
    return [
        context.figure(
            f"gate-shares-{context.file_of(arm)}",
            gates.shares(table, arm=arm, arms=context.tables.arms, labels=context.labels),
            caption=context.words("trained_readings.shares_caption", arm=code(arm)),
            spoken=spoken,
        )
    ]


def surgery_of(context: Context, arm: str, spoken: Inline) -> list[Figure]:
    """Draws what replacing gates costs: those of one block at a time, and all of them."""
    table = measured.surgery(context.tables.readings).filter(pl.col("arm") == arm)
    shown = []
    for name, together in (("surgery", False), ("surgery_all", True)):
        if not table.filter((pl.col("module") == measured.ALL) == together).is_empty():
            chart = gates.surgery(
                table, arm=arm, arms=context.tables.arms, together=together, labels=context.labels
            )
            caption = context.words(f"trained_readings.{name}_caption", arm=code(arm))
            file = f"{name.replace('_', '-')}-{context.file_of(arm)}"
            shown.append(context.figure(file, chart, caption=caption, spoken=spoken))
    return shown


def robustness_of(context: Context, arm: str) -> list[Block]:
    """What the network loses without one block, and the loss around its weights."""
    words, readings, arms = context.words, context.tables.readings, context.tables.arms
    said: list[Inline] = []
    shown: list[Figure] = []
    alone = measured.deletions(readings).filter(pl.col("arm") == arm, pl.col("blocks") == 1)
    if not alone.is_empty():
        blocks = measured.means(alone, "removed").sort("accuracy_lost", maintain_order=True)
        worst = blocks.row(-1, named=True)
        typical = blocks["accuracy_lost"].median()
        said.append(
            words(
                "trained_readings.deletion_of",
                blocks=blocks.height,
                typical=signed(-typical if isinstance(typical, float) else 0.0),
                most=signed(-worst["accuracy_lost"]),
                block=code(worst["removed"]),
            )
        )
        shown.append(
            context.figure(
                f"deletion-{context.file_of(arm)}",
                removals.by_block(alone, arm=arm, arms=arms, labels=context.labels),
                caption=words("trained_readings.deletion_of_caption", arm=code(arm)),
                spoken=said[-1],
            )
        )
    cells = planes.landscape(readings)
    if arm in (tops := planes.highest(cells)):
        said.append(words("trained_readings.landscape_of", highest=rounded(tops[arm])))
        shown.append(
            context.figure(
                f"landscape-{context.file_of(arm)}",
                maps.map_of(cells, arm=arm, labels=context.labels),
                caption=words("trained_readings.landscape_of_caption", arm=code(arm), **scale(cells)),
                spoken=said[-1],
            )
        )
    return [paragraph(context, *said), *in_pairs(shown)] if said else []


def _change(value: object) -> str:
    """Formats a change of the loss as +0.31 or −0.0042."""
    if not isinstance(value, float):
        return "—"
    return ("+" if value >= 0 else "−") + rounded(abs(value))
