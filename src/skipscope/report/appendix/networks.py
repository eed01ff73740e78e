"""Describes each network in a section: the idea, its curves and readings, its stages and structure."""

import polars as pl

from skipscope.analysis.tables import ArmSummary
from skipscope.figures import accuracies, curves
from skipscope.records.network_card import NetworkCard
from skipscope.records.printed import anatomy_of
from skipscope.report.appendix.overlay import last_values
from skipscope.report.appendix.pictures import pictures_of
from skipscope.report.appendix.readings import in_pairs
from skipscope.report.appendix.trained_network import trained_of
from skipscope.report.appendix.while_training import training_of
from skipscope.report.context import Context
from skipscope.report.document import Block, Code, Equation, Figure, Note, Paragraph, Section, Table
from skipscope.report.families import family_of
from skipscope.report.words import Inline, code, count, percent, short

IMAGE_SIDE = 32


def networks(context: Context) -> Section:
    """Explains a convolution, then every network."""
    parts = [primer(context), *(network(context, summary) for summary in context.tables.summaries)]
    return context.section("networks", "networks", (), parts)


def primer(context: Context) -> Section:
    """Explains the arithmetic of a convolution."""
    text, after = (Paragraph(text=context.words(f"primer.{key}")) for key in ("text", "text_after"))
    equation = Equation(lines=tuple(context.words.raw("primer.equation")))
    return context.section("convolution", "primer", [text, equation, after])


def network(context: Context, summary: ArmSummary) -> Section:
    """Builds one arm's section."""
    blocks: list[Block] = [*ideas(context, summary), *context.troubles(summary.arm)]
    if summary.network is None:
        blocks.append(Note(text=context.words("networks.no_record")))
    else:
        printed = summary.network.structure
        blocks += [
            *curves_of(context, summary.arm),
            *training_of(context, summary.arm),
            stage_table(context, summary.network),
            *joins_of(context, summary.network),
            *first_convolution(context, summary.network),
            *pictures_of(context, summary.arm),
            *trained_of(context, summary.arm),
            Code(text=printed, title=context.words("networks.structure", lines=len(printed.split("\n")))),
        ]
    id = f"network-{context.tables.arms.index(summary.arm) + 1}"
    return Section(id=id, title=code(summary.arm), blocks=tuple(blocks), arm=summary.arm)


def ideas(context: Context, summary: ArmSummary) -> list[Block]:
    """Says what the network is, what is claimed of it and what was measured."""
    words = context.words
    measured = Paragraph(text=words("networks.measured", text=reached(context, summary)))
    found = family_of(summary.model)
    if found is None:
        return [Note(text=words("networks.unknown")), measured]
    family, kind = found
    texts: list[Block] = [
        Paragraph(text=words(f"network.{family}.idea")),
        Paragraph(text=words(f"network.{family}.{kind}")),
        Equation(lines=tuple(words.raw(f"network.{family}.equation"))),
        Paragraph(text=words("networks.claimed", text=words(f"network.{family}.claimed"))),
        measured,
    ]
    if family == summary.model:  # the caution is about the classroom network, not about its family
        texts.append(Note(text=words(f"network.{family}.caution")))
    return texts


def reached(context: Context, summary: ArmSummary) -> Inline:
    """Sums up the arm's results in one sentence."""
    if summary.network is None or not summary.finished:
        return context.words("networks.nothing")
    return context.words(
        "networks.reached",
        params=count(summary.network.params),
        macs=short(summary.network.macs),
        validation=context.validation_cell(summary),
        test=context.test_cell(summary),
    )


def curves_of(context: Context, arm: str) -> list[Block]:
    """Draws the arm's loss and accuracy, as far as they were recorded."""
    tables, words = context.tables, context.words
    shown: list[Figure] = []
    if not tables.steps.filter(pl.col("arm") == arm).is_empty():
        loss = last_values(tables.steps, "smoothed", by="step").get(arm)
        told = words.by_arm({arm: "—" if loss is None else f"{loss:.3g}"})
        chart = curves.loss(tables.steps, arms=tables.arms, labels=context.labels, only=arm)
        spoken, faint = words("overlay.alt_loss", arms=code(arm), values=told), context.faint
        shown.append(
            context.figure_of(arm, "loss", chart, caption="networks.loss", spoken=spoken, faint=faint)
        )
    if not tables.epochs.filter(pl.col("arm") == arm, "counted").is_empty():
        last = last_values(tables.epochs, "val_accuracy", by="epoch").get(arm)
        value = "—" if last is None else percent(last)
        chart = accuracies.accuracy_of(
            tables.epochs, arm=arm, arms=tables.arms, labels=context.labels, checks=tables.checks
        )
        what = words("chart.val_accuracy")
        spoken = words("overlay.alt_accuracy", what=what, arms=code(arm), values=value)
        shown.append(context.figure_of(arm, "accuracy", chart, caption="networks.accuracy", spoken=spoken))
    return in_pairs(shown)


def stage_table(context: Context, card: NetworkCard) -> Table:
    """Tabulates output shape, parameters and multiply-adds of each stage, with their sums."""
    words, numeric = context.words, ("shape", "params", "macs")
    rows = [
        (
            code(stage.name),
            stage.kind,
            " × ".join(map(count, stage.shape)),
            # zeros would distract from the other numbers
            *("·" if number == 0 else count(number) for number in (stage.params, stage.macs)),
        )
        for stage in card.stages
    ]
    return Table(
        columns=context.columns("networks", ("stage", "kind", *numeric), right=numeric),
        rows=(*rows, (words("networks.total"), "", "", count(card.params), count(card.macs))),
        caption=words("networks.stages"),
        total=True,
    )


def joins_of(context: Context, card: NetworkCard) -> list[Block]:
    """Says how many shortcuts, gates and concatenations were found, and by module what was not followed."""
    words, found = context.words, anatomy_of(card)
    kinds = ("shortcuts", "gates", "concatenations")
    numbers = {kind: count(len(getattr(found, kind))) for kind in kinds}
    blocks: list[Block] = [Paragraph(text=words("networks.joins", **numbers))]
    scales = [shortcut.scale for shortcut in found.shortcuts if shortcut.scale != "none"]
    if scales:
        kind = "by_channel" if "by_channel" in scales else "number"
        blocks.append(Paragraph(text=words(f"networks.scaled_{kind}", branches=count(len(scales)))))
    reasons: dict[str, list[Inline]] = {}
    for each in found.unfollowed:
        module = code(each.module) if each.module else words("networks.whole")
        reasons.setdefault(each.reason, []).append(module)
    for reason, modules in reasons.items():
        does = words(f"unfollowed.{reason}")
        text = words("networks.unfollowed", modules=words.listed(modules), does=does)
        blocks.append(Note(text=text, kind="warning"))
    return blocks


def first_convolution(context: Context, card: NetworkCard) -> list[Block]:
    """Works out the arithmetic of the first convolution, if it is square and the records agree."""
    stem = anatomy_of(card).stem
    stage = next((stage for stage in card.stages if stem and stage.name == stem[0].module), None)
    if stage is None or stem[0].kind != "conv":
        return []
    inputs, outputs = stem[0].channels
    (kernel, same), (stride, _), (padding, _) = stem[0].kernel, stem[0].stride, stem[0].padding
    out = (IMAGE_SIDE + 2 * padding - kernel) // stride + 1
    biases = stage.params - kernel**2 * inputs * outputs
    if kernel != same or stage.shape != (outputs, out, out) or biases not in (0, outputs):
        return []
    told = {"inputs": inputs, "outputs": outputs, "kernel": kernel, "stride": stride, "padding": padding}
    totals = {"out": out, "params": count(stage.params), "bias": f" + {biases}" if biases else ""}
    return [Paragraph(text=context.words("networks.first", **told, **totals))]
