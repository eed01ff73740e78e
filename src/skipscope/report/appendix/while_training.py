"""Presents what was measured during training, for all networks together and for one network."""

from math import log

import polars as pl

from skipscope.analysis import training_readings
from skipscope.analysis.training_readings import END, MOMENTS, START, medians
from skipscope.figures import network, training
from skipscope.report.appendix.activations import activations, dead_channels_sentence
from skipscope.report.appendix.learning import learning
from skipscope.report.appendix.readings import in_pairs, least_and_most, paragraph, with_question
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Note, Section
from skipscope.report.words import Inline, code, count, rounded

MUCH = 2.0
"""Ratios within this factor of 1 are not told apart."""


def while_training(context: Context) -> Section:
    """Builds the section that compares all networks during training."""
    words = context.words
    steps = training_readings.measured_steps(context.tables.readings, "gradient_flow")
    parts: dict[str, list[Block]] = {}
    if steps.is_empty():
        blocks = [*missing(context), *before_training(context)]
    else:
        blocks = [paragraph(context, words("training.when", steps=steps["steps"].max())), *missing(context)]
        parts = {
            "gradients": gradients(context),
            "movement": movement(context),
            "responses": activations(context),
            "learning": learning(context),
        }
    sections = context.sections("while-training", "training", parts)
    return context.section("while-training", "training", blocks, sections)


def missing(context: Context) -> list[Block]:
    """Names networks that were trained without probes, which nothing can make up for afterwards."""
    tables = context.tables
    known = set(training_readings.measured_steps(tables.readings, "gradient_flow")["arm"])
    without = [code(arm.arm) for arm in tables.summaries if arm.records and arm.arm not in known]
    if not without:
        return []
    again = code(f"{tables.record.command} --workspace NEW-FOLDER")
    text = context.words("training.missing", arms=context.words.listed(without), command=again)
    return [Note(text=text)]


def training_of(context: Context, arm: str) -> list[Block]:
    """Describes one network's layers during training."""
    readings, arms = context.tables.readings, context.tables.arms
    ratios = training_readings.updates(readings, arm)
    relus = training_readings.rectifiers(readings).filter(pl.col("arm") == arm)
    if ratios.is_empty():
        return []
    drawn = [("updates", "median", network.updates(ratios, arm=arm, arms=arms, labels=context.labels))]
    said = [updates_sentence(context, arm, ratios)]
    if not relus.is_empty():
        drawn.append(("relus", "mean", network.rectifiers(relus, arm=arm, arms=arms, labels=context.labels)))
        said.append(dead_channels_sentence(context, relus))
    shown = []
    for (name, how, chart), spoken in zip(drawn, said, strict=True):
        caption, mean = f"training.{name}_of_caption", context.if_several(f"training.seeds_{how}")
        shown.append(context.figure_of(arm, name, chart, caption=caption, spoken=spoken, mean=mean))
    return [paragraph(context, *said), *in_pairs(shown)]


def updates_sentence(context: Context, arm: str, ratios: pl.DataFrame) -> Inline:
    """Names the layers that move most and least, relative to their weights."""
    by_layer = ratios.group_by("module", maintain_order=True).agg(pl.col("ratio").median()).sort("ratio")
    (slow, least), (fast, most) = (by_layer.row(end) for end in (0, -1))
    typical = medians(training_readings.typical_updates(context.tables.readings), "ratio").get(arm)
    told = {"fast": code(fast), "fast_value": rounded(most), "slow": code(slow), "slow_value": rounded(least)}
    return context.words("training.updates_of", typical=rounded(typical), **told)


def gradients(context: Context) -> list[Block]:
    """Says how much of the gradient reaches the first convolution."""
    words, readings = context.words, context.tables.readings
    ratios = training_readings.ratios_by_depth(readings)
    if ratios.is_empty():
        return [Note(text=words("training.one_convolution"))]
    values = {moment: words.by_arm(medians(ratios, "ratio", moment), rounded) for moment in MOMENTS}
    spoken = words("training.gradients_spoken", **values)
    arms, caption = context.tables.arms, context.caption("training.ratio_caption")
    table = training_readings.gradient_ratios(readings)
    chart = training.over_steps(table, told="gradient_ratio", arms=arms, labels=context.labels)
    shown = [
        *(gradient_norms(context, moment, spoken) for moment in MOMENTS),
        context.figure("gradient-ratio", chart, caption=caption, spoken=spoken),
        ratio_by_depth(context, ratios, spoken),
    ]
    said = [words("training.gradients_text", **values), farthest(context, ratios, END)]
    return with_question(context, "training.gradients_question", said, shown)


def before_training(context: Context) -> list[Block]:
    """Says how much gradient reaches the first convolution if only untrained networks were measured."""
    words, ratios = context.words, training_readings.ratios_by_depth(context.tables.readings)
    if ratios.is_empty():
        return []
    start = words.by_arm(medians(ratios, "ratio", START), rounded)
    text = words("training.gradients_text_start", start=start)
    shown = [gradient_norms(context, START, text), ratio_by_depth(context, ratios, text)]
    said = [text, farthest(context, ratios, START)]
    return with_question(context, "training.gradients_question", said, shown)


def gradient_norms(context: Context, moment: training_readings.Moment, spoken: Inline) -> Figure:
    """Draws the gradient's norm by depth, at the start or at the end."""
    norms = training_readings.gradients(context.tables.readings)
    steps = norms.filter(pl.col("moment") == moment)["step"].unique().sort()
    at = "–".join(dict.fromkeys((count(steps[0]), count(steps[-1]))))
    caption, arms = context.caption(f"training.gradients_{moment}", step=at), context.tables.arms
    chart = training.by_depth(norms, quantity="norm", moment=moment, arms=arms, labels=context.labels)
    return context.figure(f"gradients-{moment}", chart, caption=caption, spoken=spoken)


def ratio_by_depth(context: Context, ratios: pl.DataFrame, spoken: Inline) -> Figure:
    """Draws the ratio of first to last gradient norm by network depth."""
    words, study = context.words, context.tables.record.study
    several = max(study.seeds, study.initial_seeds) > 1
    range = Inline(words.raw("training.depth_range") if several else "")
    caption = words("training.depth_caption", range=range)
    chart = training.ratio_by_depth(ratios, arms=context.tables.arms, labels=context.labels)
    return context.figure("gradient-ratio-by-depth", chart, caption=caption, spoken=spoken)


def farthest(context: Context, ratios: pl.DataFrame, moment: training_readings.Moment) -> Inline:
    """Names the network whose ratio is farthest from 1, with its ratio then and at the start."""
    words, start, found = context.words, medians(ratios, "ratio", START), medians(ratios, "ratio", moment)
    if not found:
        return Inline("")
    arm = max(found, key=lambda each: abs(log(found[each])))
    if abs(log(found[arm])) <= log(MUCH):
        return words(f"training.near_{moment}")
    told = {"start": rounded(start.get(arm)), "end": rounded(found[arm])}
    return words(f"training.farthest_{moment}", arm=code(arm), **told)


def movement(context: Context) -> list[Block]:
    """Compares the sizes of updates relative to the weights."""
    words, table = context.words, training_readings.typical_updates(context.tables.readings)
    values = medians(table, "ratio")
    if not values:
        return [Note(text=words("training.not_finite"))]
    slow, fast = least_and_most(values)
    listed = words.by_arm(values, rounded)
    said = [words("training.movement_text", values=listed)]
    if slow != fast:
        times = values[fast] / values[slow]
        key = "training.movement_most" if times >= MUCH else "training.movement_alike"
        said.append(words(key, fast=code(fast), slow=code(slow), times=rounded(times)))
    first, last = (medians(training_readings.at_ends(table), "ratio", moment).get(fast) for moment in MOMENTS)
    said.append(words("training.movement_course", arm=code(fast), first=rounded(first), last=rounded(last)))
    caption, arms = context.caption("training.movement_caption"), context.tables.arms
    spoken = words("training.movement_spoken", values=listed)
    chart = training.over_steps(table, told="update_ratio", arms=arms, labels=context.labels)
    figure = context.figure("updates", chart, caption=caption, spoken=spoken)
    return with_question(context, "training.movement_question", said, [figure])
