"""Compares the trained networks with each other."""

from collections.abc import Callable

import polars as pl

from skipscope.analysis import trained_readings as measured
from skipscope.analysis.trained_readings import arm_means
from skipscope.figures import trained as figures
from skipscope.report.appendix.overlay import arm_values
from skipscope.report.appendix.readings import (
    arms_in,
    in_pairs,
    missing_note,
    paragraph,
    question,
    rounded_values,
)
from skipscope.report.appendix.robustness import apart, deletion, landscape
from skipscope.report.appendix.trained_network import gate_sentences, reuse_sentences
from skipscope.report.context import Context
from skipscope.report.document import Block, Note, Section
from skipscope.report.words import Inline, code, count, percent, rounded, signed

ON_ANY_NETWORK = ("linear_probes", "redundancy", "landscape", "curvature", "shattering")
"""Probes that apply to every network; the others depend on its parts."""


def trained(context: Context, number: str) -> Section:
    """The section, with a part for everything that was measured on at least one network."""
    words = context.words
    parts: dict[str, Callable[[Context], list[Block]]] = {
        "readouts": readouts,
        "deletion": deletion,
        "landscape": landscape,
        "curvature": curvature,
        "shattering": shattering,
        "redundancy": redundancy,
        "inside": inside,
    }
    found = {name: blocks for name, part in parts.items() if (blocks := part(context))}
    images = len(context.tables.sample.get("labels", ()))
    sample = [words("trained_readings.sample", images=count(images))] if images else []
    intro = [words("trained_readings.intro"), *sample, words("trained_readings.judged")]
    return Section(
        id="trained",
        number=number,
        title=words("trained_readings.title"),
        blocks=(*([paragraph(context, *intro)] if found else []), *missing(context)),
        sections=context.sections("trained", number, "trained_readings", found),
    )


def missing(context: Context) -> list[Block]:
    """Names finished runs with missing measurements, and the commands that add them."""
    tables = context.tables
    if not any(entry.state == "done" for entry in tables.entries):
        return [Note(text=context.words("trained_readings.none"))]
    rows = tables.readings.select("arm", "probe", "step").filter(
        pl.col("probe").is_in(ON_ANY_NETWORK), pl.col("step") > 0
    )
    probes = dict(rows.group_by("arm").agg(pl.col("probe").n_unique()).iter_rows())
    without = {
        entry.arm: entry.run
        for entry in reversed(tables.entries)
        if entry.state == "done" and probes.get(entry.arm, 0) < len(ON_ANY_NETWORK)
    }
    return missing_note(context, "trained_readings.missing", without)


def readouts(context: Context) -> list[Block]:
    """Accuracy of linear probes, stage by stage."""
    words, table = context.words, measured.linear_probes(context.tables.readings)
    if table.is_empty():
        return []
    stages = measured.means(table, "arm", "module")
    ends = stages.group_by("arm", maintain_order=True)
    first, last = (
        dict(ends.agg(end).iter_rows()) for end in (pl.col("accuracy").first(), pl.col("accuracy").last())
    )
    said = [words("trained_readings.readouts_text", first=shares(context, first), last=shares(context, last))]
    gains = stages.with_columns(gain=pl.col("accuracy").diff().over("arm")).drop_nulls("gain").sort("gain")
    if not gains.is_empty():
        arm, module, gain = gains.select("arm", "module", "gain").row(-1)
        most = {"arm": code(arm), "place": code(module), "points": signed(100 * gain)}
        said.append(words("trained_readings.readouts_most", **most))
    figure = context.figure(
        "linear-probes",
        figures.by_depth(table, quantity="accuracy", arms=arms_in(context, table), labels=context.labels),
        caption=words("trained_readings.readouts_caption", mean=context.if_several("trained_readings.seeds")),
        spoken=said[0],
    )
    return [paragraph(context, *said), question(context, "trained_readings.readouts_question"), figure]


def curvature(context: Context) -> list[Block]:
    """The Hessian's largest eigenvalue and trace."""
    words, table = context.words, measured.curvature(context.tables.readings)
    if table.is_empty():
        return []
    top, trace = arm_means(table, "top_eigenvalue"), arm_means(table, "trace")
    text = words(
        "trained_readings.curvature_text",
        top=rounded_values(context, top),
        trace=rounded_values(context, trace),
    )
    errors = table.select(pl.col("top_residual").max(), (pl.col("trace_error") / pl.col("trace")).abs().max())
    residual, error = (float(value or 0.0) for value in errors.row(0))
    known = words("trained_readings.curvature_known", residual=rounded(residual), error=percent(error))
    shown = [
        context.figure(
            name,
            figures.bars(table, quantity=quantity, arms=arms_in(context, table), labels=context.labels),
            caption=words(
                f"trained_readings.{quantity}_caption",
                seeds=context.if_several("trained_readings.seeds_points"),
            ),
            spoken=text,
        )
        for name, quantity in figures.CURVATURES.items()
    ]
    ask = question(context, "trained_readings.curvature_question")
    return [paragraph(context, text, *apart(context, top, "curvature"), known), ask, *in_pairs(shown)]


def shattering(context: Context) -> list[Block]:
    """Autocorrelation of input gradients, before and after training."""
    words, table = context.words, measured.shattering(context.tables.readings)
    if table.is_empty():
        return []
    near = table.filter(pl.col("lag") == pl.col("lag").min())
    said, shown = [words("trained_readings.shattering_text")], []
    for when, rows in (("start", near.filter(~pl.col("trained"))), ("end", near.filter("trained"))):
        if not rows.is_empty():
            values = rounded_values(context, arm_means(rows, "autocorrelation"))
            said.append(words(f"trained_readings.shattering_{when}", values=values))
            arms = arms_in(context, table)
            shown.append(
                context.figure(
                    f"shattering-{when}",
                    figures.by_lag(table, trained=when == "end", arms=arms, labels=context.labels),
                    caption=words(
                        f"trained_readings.shattering_{when}_caption",
                        mean=context.if_several("trained_readings.seeds"),
                    ),
                    spoken=said[-1],
                )
            )
    ask = question(context, "trained_readings.shattering_question")
    return [paragraph(context, *said), ask, *in_pairs(shown)]


def redundancy(context: Context) -> list[Block]:
    """Effective rank of layers, and correlation of new channels with earlier ones."""
    words, readings = context.words, context.tables.readings
    tables = {
        "effective_rank_share": measured.effective_ranks(readings),
        "largest_correlation": measured.largest_correlations(readings),
    }
    said, shown = [], []
    for quantity in figures.REDUNDANCIES:
        table = tables[quantity]
        if not table.is_empty():
            values = shares(context, arm_means(table, quantity))
            said.append(words(f"trained_readings.{quantity}_text", values=values))
            arms = arms_in(context, table)
            shown.append(
                context.figure(
                    quantity.replace("_", "-"),
                    figures.by_depth(table, quantity=quantity, arms=arms, labels=context.labels),
                    caption=words(
                        f"trained_readings.{quantity}_caption",
                        mean=context.if_several("trained_readings.seeds"),
                    ),
                    spoken=said[-1],
                )
            )
    ask = question(context, "trained_readings.redundancy_question")
    return [paragraph(context, *said), ask, *in_pairs(shown)] if shown else []


def inside(context: Context) -> list[Block]:
    """Puts reuse and gates into sentences; their figures are in the networks' own sections."""
    return [
        paragraph(context, context.words("trained_readings.own", arm=code(arm)), *said)
        for arm in context.tables.arms
        if (said := [*reuse_sentences(context, arm), *gate_sentences(context, arm)])
    ]


def shares(context: Context, values: dict[str, float]) -> Inline:
    """Lists arms with their shares in per cent."""
    return arm_values(context, {arm: percent(value) for arm, value in values.items()})
