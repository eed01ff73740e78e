"""Describes activations: their standard deviation, f(x) relative to x, and zeros behind ReLUs."""

import polars as pl

from skipscope.analysis import training_readings
from skipscope.analysis.training_readings import END, MOMENTS, medians
from skipscope.figures import training
from skipscope.report.appendix.readings import arms_in, with_question
from skipscope.report.context import Context
from skipscope.report.document import Block, Table
from skipscope.report.words import Inline, code, percent, rounded


def activations(context: Context) -> list[Block]:
    """Compares all networks in two figures by depth and a table."""
    words, readings, arms = context.words, context.tables.readings, context.tables.arms
    spread, sizes = training_readings.responses(readings), training_readings.branches(readings)
    said = [words("training.responses_text", values=words.by_arm(medians(spread, "std", END), rounded))]
    charts = {"responses": training.by_depth(spread, quantity="std", arms=arms, labels=context.labels)}
    if sizes.is_empty():
        said.append(words("training.no_branches"))
    else:
        most = sizes.filter(pl.col("moment") == END).sort("ratio").row(-1, named=True)
        values = words.by_arm(medians(sizes, "ratio", END), rounded)
        told = {"most": code(most["module"]), "arm": code(most["arm"])}
        said.append(words("training.branches_text", values=values, **told))
        charts["branches"] = training.by_depth(sizes, quantity="ratio", arms=arms, labels=context.labels)
    shown = [
        context.figure(name, chart, caption=context.caption(f"training.{name}_caption"), spoken=text)
        for (name, chart), text in zip(charts.items(), said, strict=False)
    ]
    return [
        *with_question(context, "training.responses_question", said, shown),
        *dead_channels_table(context),
    ]


def dead_channels_table(context: Context) -> list[Block]:
    """Tabulates zeros and dead channels of every network that has a ReLU."""
    table = training_readings.rectifiers(context.tables.readings)
    arms = arms_in(context, table.filter(pl.col("moment") == END))
    if not arms:
        return []
    found = {arm: dead_channels(table.filter(pl.col("arm") == arm)) for arm in arms}
    keys = list(found[arms[0]])
    titles = context.columns("key", ["arm"]) + context.columns("training", keys, right=keys[:-1])
    rows = tuple((code(arm), *values.values()) for arm, values in found.items())
    caption = context.words("training.silent_caption")
    return [Table(columns=titles, rows=rows, caption=caption, arms=tuple(arms))]


def dead_channels(relus: pl.DataFrame) -> dict[str, str]:
    """Averages over one network's ReLUs, and names the one with the most dead channels."""
    means = (
        relus.group_by("moment")
        .agg(pl.col("zeros", "dead").mean())
        .rows_by_key("moment", named=True, unique=True)
    )
    ends = relus.filter(pl.col("moment") == END).group_by("module", maintain_order=True)
    worst = ends.agg(pl.col("dead").mean()).sort("dead", descending=True, maintain_order=True)
    shares = {f"{kind}_{at}": means.get(at, {}).get(kind) for kind in ("zeros", "dead") for at in MOMENTS}
    return {
        **{key: "—" if share is None else percent(share) for key, share in shares.items()},
        "most": percent(worst["dead"][0]),
        "module": code(worst["module"][0]) if worst["dead"][0] > 0 else Inline("—"),
    }


def dead_channels_sentence(context: Context, relus: pl.DataFrame) -> Inline:
    """Puts the averages into a sentence, which depends on whether any channel is dead."""
    found = dead_channels(relus)
    dead = relus.filter(pl.col("moment") == END)["dead"].sum() > 0
    return context.words(f"training.relus_{'of' if dead else 'alive'}", **found)
