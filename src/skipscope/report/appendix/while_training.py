"""Presents what was measured during training, for all networks together and for one network."""

import polars as pl

from skipscope.analysis import training_readings as measured
from skipscope.analysis.training_readings import END, MOMENTS, START, medians
from skipscope.figures import network, training
from skipscope.report.appendix.activations import activations, dead_channels_sentence
from skipscope.report.appendix.learning import learning
from skipscope.report.appendix.readings import in_pairs, least_and_most, paragraph, question, rounded_values
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Note, Pair, Paragraph, Section
from skipscope.report.words import Inline, code, count, rounded

MUCH = 2.0
"""Changes by less than this factor are not called fading, growing or faster."""


def while_training(context: Context, number: str) -> Section:
    """The section that compares all networks during training."""
    words, readings = context.words, context.tables.readings
    title = words("training_readings.title")
    steps = measured.measured_steps(readings, "gradient_flow")
    if steps.is_empty():
        blocks = [*missing(context), *before_training(context)]
        return Section(id="while-training", number=number, title=title, blocks=tuple(blocks))
    parts = {
        "gradients": gradients(context),
        "movement": movement(context),
        "responses": activations(context),
        "learning": learning(context),
    }
    return Section(
        id="while-training",
        number=number,
        title=title,
        blocks=(
            Paragraph(text=words("training_readings.when", steps=steps["steps"].max())),
            *missing(context),
        ),
        sections=context.sections("while-training", number, "training_readings", parts),
    )


def missing(context: Context) -> list[Block]:
    """Names networks that were trained without probes, which nothing can make up for afterwards."""
    tables = context.tables
    known = set(measured.measured_steps(tables.readings, "gradient_flow")["arm"])
    without = [code(arm.arm) for arm in tables.summaries if arm.records and arm.arm not in known]
    if not without:
        return []
    again = code(f"{tables.record.command} --workspace NEW-FOLDER")
    text = context.words("training_readings.missing", arms=context.words.listed(without), command=again)
    return [Note(text=text)]


def training_of(context: Context, arm: str) -> list[Block]:
    """Describes one network's layers during training."""
    words, readings, arms = context.words, context.tables.readings, context.tables.arms
    ratios = measured.updates(readings, arm)
    relus = measured.rectifiers(readings).filter(pl.col("arm") == arm)
    if ratios.is_empty():
        return []
    drawn = [("updates", "median", network.updates(ratios, arm=arm, arms=arms, labels=context.labels))]
    said = [updates_sentence(context, arm, ratios)]
    if not relus.is_empty():
        drawn.append(("relus", "mean", network.rectifiers(relus, arm=arm, arms=arms, labels=context.labels)))
        said.append(dead_channels_sentence(context, relus))
    shown = [
        context.figure(
            f"{name}-{context.file_of(arm)}",
            chart,
            caption=words(
                f"training_readings.{name}_of_caption",
                arm=code(arm),
                mean=context.if_several(f"training_readings.seeds_{how}"),
            ),
            spoken=sentence,
        )
        for (name, how, chart), sentence in zip(drawn, said, strict=True)
    ]
    return [paragraph(context, *said), *in_pairs(shown)]


def updates_sentence(context: Context, arm: str, ratios: pl.DataFrame) -> Inline:
    """Names the layers that move most and least, relative to their weights."""
    by_layer = ratios.group_by("module", maintain_order=True).agg(pl.col("ratio").median()).sort("ratio")
    return context.words(
        "training_readings.updates_of",
        typical=rounded(medians(measured.typical_updates(context.tables.readings), "ratio").get(arm)),
        fast=code(by_layer["module"][-1]),
        fast_value=rounded(by_layer["ratio"][-1]),
        slow=code(by_layer["module"][0]),
        slow_value=rounded(by_layer["ratio"][0]),
    )


def gradients(context: Context) -> list[Block]:
    """Says how much of the gradient reaches the first convolution."""
    words, readings = context.words, context.tables.readings
    ratios = measured.ratios_by_depth(readings)
    if ratios.is_empty():
        return [Note(text=words("training_readings.one_convolution"))]
    values = {moment: rounded_values(context, medians(ratios, "ratio", moment)) for moment in MOMENTS}
    before, after, over_steps, by_depth = gradient_figures(
        context, ratios, words("training_readings.gradients_spoken", **values)
    )
    text = words("training_readings.gradients_text", **values)
    return [
        paragraph(context, text, *fading(context, ratios, END)),
        question(context, "training_readings.gradients_question"),
        Pair(figures=(before, after)),
        Pair(figures=(over_steps, by_depth)),
    ]


def before_training(context: Context) -> list[Block]:
    """Says how much gradient reaches the first convolution if only untrained networks were measured."""
    ratios = measured.ratios_by_depth(context.tables.readings)
    if ratios.is_empty():
        return []
    values = medians(ratios, "ratio", START)
    text = context.words("training_readings.gradients_text_start", start=rounded_values(context, values))
    return [
        paragraph(context, text, *fading(context, ratios, START)),
        question(context, "training_readings.gradients_question"),
        Pair(figures=(gradient_norms(context, START, text), ratio_by_depth(context, ratios, text))),
    ]


def gradient_figures(context: Context, ratios: pl.DataFrame, spoken: Inline) -> tuple[Figure, ...]:
    """Draws gradient norms by depth at start and end, and first over last by step and by network depth."""
    words, arms, labels = context.words, context.tables.arms, context.labels
    over_steps = measured.gradient_ratios(context.tables.readings)
    return (
        *(gradient_norms(context, moment, spoken) for moment in MOMENTS),
        context.figure(
            "gradient-ratio",
            training.over_steps(over_steps, told="gradient_ratio", arms=arms, labels=labels),
            caption=words(
                "training_readings.ratio_caption", mean=context.if_several("training_readings.seeds")
            ),
            spoken=spoken,
        ),
        ratio_by_depth(context, ratios, spoken),
    )


def gradient_norms(context: Context, moment: measured.Moment, spoken: Inline) -> Figure:
    """Draws the gradient's norm by depth, at the start or at the end."""
    norms, bold = measured.gradients(context.tables.readings), context.if_several("training_readings.seeds")
    at = steps_of(norms, moment)
    return context.figure(
        f"gradients-{moment}",
        training.by_depth(
            norms, quantity="norm", moment=moment, arms=context.tables.arms, labels=context.labels
        ),
        caption=context.words(f"training_readings.gradients_{moment}", mean=bold, step=at),
        spoken=spoken,
    )


def ratio_by_depth(context: Context, ratios: pl.DataFrame, spoken: Inline) -> Figure:
    """Draws the ratio of first to last gradient norm by network depth."""
    words, study = context.words, context.tables.record.study
    several = max(study.seeds, study.initial_seeds) > 1
    return context.figure(
        "gradient-ratio-by-depth",
        training.ratio_by_depth(ratios, arms=context.tables.arms, labels=context.labels),
        caption=words(
            "training_readings.depth_caption",
            range=Inline(words.raw("training_readings.depth_range") if several else ""),
        ),
        spoken=spoken,
    )


def steps_of(table: pl.DataFrame, moment: str) -> Inline:
    """The steps of a moment: one, or the first and the last."""
    steps = table.filter(pl.col("moment") == moment)["step"].unique().sort()
    return Inline("–".join(count(step) for step in dict.fromkeys((steps[0], steps[-1]))))


def fading(context: Context, ratios: pl.DataFrame, moment: measured.Moment) -> list[Inline]:
    """Says where the gradient fades or grows on its way to the image, if anywhere."""
    words, ends = context.words, medians(ratios, "ratio", moment)
    if not ends:
        return []
    when = words(f"training_readings.when_{moment}")
    low, high = least_and_most(ends)
    said = []
    if ends[low] * MUCH < 1:
        said.append(words("training_readings.fades", when=when, arm=code(low), value=rounded(1 / ends[low])))
    if ends[high] > MUCH:
        said.append(words("training_readings.grows", when=when, arm=code(high), value=rounded(ends[high])))
    return said or [words("training_readings.even", when=when)]


def movement(context: Context) -> list[Block]:
    """Compares the sizes of updates relative to the weights."""
    words = context.words
    table = measured.typical_updates(context.tables.readings)
    values = medians(table, "ratio")
    if not values:
        return [Note(text=words("training_readings.not_finite"))]
    slow, fast = least_and_most(values)
    first, last = (medians(measured.at_ends(table), "ratio", moment).get(fast) for moment in MOMENTS)
    sentences = [words("training_readings.movement_text", values=rounded_values(context, values))]
    if slow != fast:
        times = values[fast] / values[slow]
        key = "most" if times >= MUCH else "alike"
        sentences.append(
            words(f"training_readings.movement_{key}", fast=code(fast), slow=code(slow), times=rounded(times))
        )
    sentences.append(
        words("training_readings.movement_course", arm=code(fast), first=rounded(first), last=rounded(last))
    )
    figure = context.figure(
        "updates",
        training.over_steps(table, told="update_ratio", arms=context.tables.arms, labels=context.labels),
        caption=words(
            "training_readings.movement_caption", mean=context.if_several("training_readings.seeds")
        ),
        spoken=words("training_readings.movement_spoken", values=rounded_values(context, values)),
    )
    return [paragraph(context, *sentences), question(context, "training_readings.movement_question"), figure]
