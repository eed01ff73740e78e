"""Describes activations: their standard deviation, f(x) relative to x, and zeros behind ReLUs."""

import polars as pl

from skipscope.analysis import training_readings as measured
from skipscope.analysis.training_readings import END, START, medians
from skipscope.figures import training
from skipscope.report.appendix.readings import paragraph, question, rounded_values
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Pair, Table
from skipscope.report.words import Inline, code, percent


def activations(context: Context) -> list[Block]:
    """Compares all networks in two figures by depth and a table."""
    words, readings, arms = context.words, context.tables.readings, context.tables.arms
    spread, sizes = measured.responses(readings), measured.branches(readings)
    text = words(
        "training_readings.responses_text", values=rounded_values(context, medians(spread, "std", END))
    )
    figure = context.figure(
        "responses",
        training.by_depth(spread, quantity="std", arms=arms, labels=context.labels),
        caption=words(
            "training_readings.responses_caption", mean=context.if_several("training_readings.seeds")
        ),
        spoken=text,
    )
    drawn: list[Block]
    if sizes.is_empty():
        beside, drawn = words("training_readings.no_branches"), [figure]
    else:
        beside, drawn = branches(context, sizes, figure)
    return [
        paragraph(context, text, beside),
        question(context, "training_readings.responses_question"),
        *drawn,
        *dead_channels_table(context),
    ]


def branches(context: Context, sizes: pl.DataFrame, beside: Figure) -> tuple[Inline, list[Block]]:
    """A sentence on f(x) relative to x, and its figure beside another."""
    words = context.words
    ends = sizes.filter(pl.col("moment") == END)
    text = words(
        "training_readings.branches_text",
        values=rounded_values(context, medians(sizes, "ratio", END)),
        most=code(ends.sort("ratio")["module"][-1]),
        arm=code(ends.sort("ratio")["arm"][-1]),
    )
    figure = context.figure(
        "branches",
        training.by_depth(sizes, quantity="ratio", arms=context.tables.arms, labels=context.labels),
        caption=words(
            "training_readings.branches_caption", mean=context.if_several("training_readings.seeds")
        ),
        spoken=text,
    )
    return text, [Pair(figures=(beside, figure))]


def dead_channels_table(context: Context) -> list[Block]:
    """Tabulates zeros and dead channels of every network that has a ReLU."""
    words, table = context.words, measured.rectifiers(context.tables.readings)
    trained = set(table.filter(pl.col("moment") == END)["arm"])
    arms = [arm for arm in context.tables.arms if arm in trained]
    if not arms:
        return []
    found = [dead_channels(table.filter(pl.col("arm") == arm)) for arm in arms]
    keys = ("zeros_start", "zeros_end", "dead_start", "dead_end", "most", "place")
    return [
        Table(
            columns=(
                *context.columns("key", ["arm"]),
                *context.columns("training_readings", keys, right=keys[:-1]),
            ),
            rows=tuple(
                (code(arm), *(row[key] for key in keys)) for arm, row in zip(arms, found, strict=True)
            ),
            caption=words("training_readings.silent_caption"),
            arms=tuple(arms),
        )
    ]


def dead_channels(relus: pl.DataFrame) -> dict[str, str]:
    """Averages over one network's ReLUs, and names the one with the most dead channels."""

    def mean(column: str, moment: str) -> str:
        value = relus.filter(pl.col("moment") == moment)[column].mean()
        return percent(value) if isinstance(value, float) else "—"

    ends = relus.filter(pl.col("moment") == END).group_by("module", maintain_order=True)
    worst = ends.agg(pl.col("dead").mean()).sort("dead", descending=True, maintain_order=True)
    return {
        "zeros_start": mean("zeros", START),
        "zeros_end": mean("zeros", END),
        "dead_start": mean("dead", START),
        "dead_end": mean("dead", END),
        "most": percent(worst["dead"][0]),
        "place": code(worst["module"][0]) if worst["dead"][0] > 0 else Inline("—"),
    }


def dead_channels_sentence(context: Context, relus: pl.DataFrame) -> Inline:
    """Puts the averages into a sentence, which depends on whether any channel is dead."""
    found = dead_channels(relus)
    dead = relus.filter(pl.col("moment") == END)["dead"].sum() > 0
    return context.words(f"training_readings.relus_{'of' if dead else 'alive'}", **found)
