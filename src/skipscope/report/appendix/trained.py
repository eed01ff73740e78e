"""Compares the trained networks with each other."""

import polars as pl

from skipscope.analysis import trained_readings
from skipscope.analysis.trained_readings import ALIGNMENTS, arm_means
from skipscope.analysis.training_readings import MOMENTS, medians
from skipscope.figures import trained as figures
from skipscope.figures import training
from skipscope.report.appendix.readings import arms_in, missing_note, paragraph, with_question
from skipscope.report.appendix.robustness import apart, deletion, landscape, reinitialisation
from skipscope.report.appendix.trained_network import gate_sentences, reuse_sentences
from skipscope.report.context import Context
from skipscope.report.document import Block, Note, Section, Table
from skipscope.report.words import code, count, percent, rounded, signed

ON_ANY_NETWORK = (
    "linear_probes", "redundancy", "reinitialisation", "landscape", "curvature", "shattering",
    "gradient_confusion", "signal_alignment",
)  # fmt: skip
"""Probes that apply to every network; the others depend on its parts."""


def trained(context: Context) -> Section:
    """Builds the section, with a part for everything that was measured on at least one network."""
    words = context.words
    parts = (
        readouts, deletion, reinitialisation, branch_scale, landscape, curvature, shattering, agreement,
        alignment, redundancy, inside,
    )  # fmt: skip
    found = {part.__name__: blocks for part in parts if (blocks := part(context))}
    intro = [words("trained.intro"), words("trained.judged")]
    if images := len(context.tables.sample.get("labels", ())):
        intro.insert(1, words("trained.sample", images=count(images)))
    blocks = [*([paragraph(context, *intro)] if found else []), *missing(context)]
    return context.section("trained", "trained", blocks, context.sections("trained", "trained", found))


def missing(context: Context) -> list[Block]:
    """Names finished runs with missing measurements, and the commands that add them."""
    tables = context.tables
    finished = [entry for entry in tables.entries if entry.state == "done"]
    if not finished:
        return [Note(text=context.words("trained.none"))]
    # the columns first: a filter copies the others of a large study, too
    rows = tables.readings.select("arm", "probe", "step").filter(
        pl.col("probe").is_in(ON_ANY_NETWORK), pl.col("step") > 0
    )
    probes = dict(rows.group_by("arm").agg(pl.col("probe").n_unique()).iter_rows())
    without = [entry for entry in finished if probes.get(entry.arm, 0) < len(ON_ANY_NETWORK)]
    return missing_note(context, "trained.missing", without)


def readouts(context: Context) -> list[Block]:
    """Shows the accuracy of linear probes, stage by stage."""
    words, table = context.words, trained_readings.linear_probes(context.tables.readings)
    if table.is_empty():
        return []
    stages = trained_readings.means(table, "arm", "module")
    ends = stages.group_by("arm", maintain_order=True)
    first, last = (
        words.by_arm(dict(end.select("arm", "accuracy").iter_rows()), percent)
        for end in (ends.first(), ends.last())
    )
    said = [words("trained.readouts_text", first=first, last=last)]
    gains = stages.with_columns(gain=pl.col("accuracy").diff().over("arm")).drop_nulls("gain").sort("gain")
    if not gains.is_empty():
        arm, module, gain = gains.select("arm", "module", "gain").row(-1)
        most = {"arm": code(arm), "module": code(module), "points": signed(100 * gain)}
        said.append(words("trained.readouts_most", **most))
    arms, caption = arms_in(context, table), context.caption("trained.readouts_caption")
    chart = figures.by_depth(table, quantity="accuracy", arms=arms, labels=context.labels)
    figure = context.figure("linear-probes", chart, caption=caption, spoken=said[0])
    return with_question(context, "trained.readouts_question", said, [figure])


def curvature(context: Context) -> list[Block]:
    """Shows the Hessian's largest eigenvalue and trace."""
    words, table = context.words, trained_readings.curvature(context.tables.readings)
    if table.is_empty():
        return []
    arms, top = arms_in(context, table), arm_means(table, "top_eigenvalue")
    trace = words.by_arm(arm_means(table, "trace"), rounded)
    text = words("trained.curvature_text", top=words.by_arm(top, rounded), trace=trace)
    errors = table.select(pl.col("top_residual").max(), (pl.col("trace_error") / pl.col("trace")).abs().max())
    residual, error = (value or 0.0 for value in errors.row(0))
    known = words("trained.curvature_known", residual=rounded(residual), error=percent(error))
    seeds, shown = context.if_several("trained.seeds_points"), []
    for name, quantity in figures.CURVATURES.items():
        chart = figures.bars(table, quantity=quantity, arms=arms, labels=context.labels)
        caption = words(f"trained.{quantity}_caption", seeds=seeds)
        shown.append(context.figure(name, chart, caption=caption, spoken=text))
    said = [text, *apart(context, top, "curvature"), known]
    return with_question(context, "trained.curvature_question", said, shown)


def shattering(context: Context) -> list[Block]:
    """Shows the autocorrelation of input gradients, before and after training."""
    words, table = context.words, trained_readings.shattering(context.tables.readings)
    if table.is_empty():
        return []
    near, arms = table.filter(pl.col("lag") == pl.col("lag").min()), arms_in(context, table)
    said, shown = [words("trained.shattering_text")], []
    for when, ended in (("start", False), ("end", True)):
        rows = near.filter(pl.col("trained") == ended)
        if not rows.is_empty():
            values = words.by_arm(arm_means(rows, "autocorrelation"), rounded)
            said.append(words(f"trained.shattering_{when}", values=values))
            chart = figures.by_lag(table, trained=ended, arms=arms, labels=context.labels)
            caption = context.caption(f"trained.shattering_{when}_caption")
            shown.append(context.figure(f"shattering-{when}", chart, caption=caption, spoken=said[-1]))
    return with_question(context, "trained.shattering_question", said, shown)


def agreement(context: Context) -> list[Block]:
    """Tabulates how well the gradients of mini-batches agree, before and after training."""
    words, table = context.words, trained_readings.gradient_agreement(context.tables.readings)
    if table.is_empty():
        return []
    moments = {moment: table.filter(pl.col("moment") == moment) for moment in MOMENTS}
    means = {moment: arm_means(rows, "mean_cosine") for moment, rows in moments.items()}
    said = {moment: words.by_arm(found, rounded) or "—" for moment, found in means.items()}
    least = {moment: arm_means(rows, "least_cosine") for moment, rows in moments.items()}
    arms, found = arms_in(context, table), {"mean": means, "least": least}
    columns = [(kind, moment) for moment in MOMENTS for kind in found]
    keys = [f"{kind}_{moment}" for kind, moment in columns]
    shown = Table(
        columns=context.columns("key", ["arm"]) + context.columns("trained", keys, right=keys),
        rows=tuple((code(a), *(rounded(found[kind][at].get(a)) for kind, at in columns)) for a in arms),
        caption=words("trained.agreement_caption"),
        arms=tuple(arms),
    )
    text = [words("trained.agreement_text", **said)]
    return [*with_question(context, "trained.agreement_question", text, []), shown]


def alignment(context: Context) -> list[Block]:
    """Tabulates how much more of the signal than of the gradient layers let through, before and after."""
    words, table = context.words, trained_readings.alignments(context.tables.readings)
    if table.is_empty():
        return []
    found = {moment: table.filter(pl.col("moment") == moment) for moment in MOMENTS}
    means = {(of, at): arm_means(rows, of) for of in ALIGNMENTS for at, rows in found.items()}
    told = {at: words.by_arm(means["forward_gain", at], rounded) or "—" for at in MOMENTS}
    arms, keys = arms_in(context, table), [f"{of}_{at}" for of, at in means]
    shown = Table(
        columns=context.columns("key", ["arm"]) + context.columns("trained", keys, right=keys),
        rows=tuple((code(arm), *(rounded(each.get(arm)) for each in means.values())) for arm in arms),
        caption=words("trained.alignment_caption"),
        arms=tuple(arms),
    )
    text = [words("trained.alignment_text", **told)]
    return [*with_question(context, "trained.alignment_question", text, []), shown]


def branch_scale(context: Context) -> list[Block]:
    """Shows the size of f(x) beside x at every addition, before and after training."""
    words, table = context.words, trained_readings.branch_scales(context.tables.readings)
    if table.is_empty():
        return []
    found = {moment: medians(table, "ratio", moment) for moment in MOMENTS}
    told = {moment: words.by_arm(values, rounded) or "—" for moment, values in found.items()}
    text, arms = words("trained.branch_scale_text", **told), arms_in(context, table)
    shown = []
    for moment in (each for each in MOMENTS if found[each]):
        chart = training.by_depth(table, quantity="ratio", moment=moment, arms=arms, labels=context.labels)
        caption = words(f"trained.branch_scale_{moment}_caption", mean=context.if_several("training.seeds"))
        shown.append(context.figure(f"branch-scale-{moment}", chart, caption=caption, spoken=text))
    return with_question(context, "trained.branch_scale_question", [text], shown)


def redundancy(context: Context) -> list[Block]:
    """Shows the effective rank of layers, and correlation of new channels with earlier ones."""
    words, readings = context.words, context.tables.readings
    tables = {
        "effective_rank_share": trained_readings.effective_ranks(readings),
        "largest_correlation": trained_readings.largest_correlations(readings),
    }
    said, shown = [], []
    for quantity in figures.REDUNDANCIES:
        table = tables[quantity]
        if not table.is_empty():
            shown_as = percent if quantity == "effective_rank_share" else rounded
            values = words.by_arm(arm_means(table, quantity), shown_as)
            said.append(words(f"trained.{quantity}_text", values=values))
            arms, name = arms_in(context, table), quantity.replace("_", "-")
            chart = figures.by_depth(table, quantity=quantity, arms=arms, labels=context.labels)
            caption = context.caption(f"trained.{quantity}_caption")
            shown.append(context.figure(name, chart, caption=caption, spoken=said[-1]))
    return with_question(context, "trained.redundancy_question", said, shown) if shown else []


def inside(context: Context) -> list[Block]:
    """Puts reuse and gates into sentences; their figures are in the networks' own sections."""
    return [
        paragraph(context, context.words("trained.own", arm=code(arm)), *said)
        for arm in context.tables.arms
        if (said := [*reuse_sentences(context, arm), *gate_sentences(context, arm)])
    ]
