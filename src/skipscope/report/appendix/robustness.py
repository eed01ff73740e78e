"""Tests how robust trained networks are: without some of their blocks, and with perturbed weights."""

from collections.abc import Mapping

import polars as pl

from skipscope.analysis import landscape as planes
from skipscope.analysis import trained_readings
from skipscope.analysis.trained_readings import arm_means
from skipscope.figures import landscape as maps
from skipscope.figures import trained as figures
from skipscope.report.appendix.readings import arms_in, least_and_most, with_question
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure
from skipscope.report.words import Inline, code, rounded, signed

MUCH = 1.25
"""Networks that differ by less than this factor are said to be alike."""


def deletion(context: Context) -> list[Block]:
    """Says what accuracy is lost without one block, and without several."""
    words, table = context.words, trained_readings.deletions(context.tables.readings)
    alone = table.filter(pl.col("blocks") == 1)
    if alone.is_empty():
        return []
    arms = arms_in(context, alone)
    text = words("trained.deletion_text", values=words.by_arm(changes(alone), signed))
    said = [text, words("trained.deletion_ends", **extremes(alone, "removed"))]
    chart = figures.by_depth(alone, quantity="accuracy_lost", arms=arms, labels=context.labels)
    caption = context.caption("trained.deletion_depth_caption")
    shown = [context.figure("deletion-by-depth", chart, caption=caption, spoken=text)]
    if table["blocks"].n_unique() > 1:
        said.append(without_several(context, table))
        chart = figures.by_number(table, arms=arms_in(context, table), labels=context.labels)
        caption = words("trained.deletion_number_caption", of=context.of_first)
        shown.append(context.figure("deletion-by-number", chart, caption=caption, spoken=said[-1]))
    return with_question(context, "trained.deletion_question", said, shown)


def without_several(context: Context, table: pl.DataFrame) -> Inline:
    """Says what each network loses without as many blocks as were removed at once."""
    words = context.words
    deepest = table.filter(pl.col("blocks") == pl.col("blocks").max().over("arm"))
    rows = trained_readings.means(deepest, "arm").select("arm", "blocks", "accuracy_lost").iter_rows()
    said = [
        words("trained.deletion_item", arm=code(arm), blocks=f"{blocks:.0f}", points=signed(-lost))
        for arm, blocks, lost in rows
    ]
    return words("trained.deletion_several", values=words.listed(said))


def reinitialisation(context: Context) -> list[Block]:
    """Says what accuracy is lost with one block reset to its weights before training."""
    words, table = context.words, trained_readings.reinitialisations(context.tables.readings)
    if table.is_empty():
        return []
    arms = arms_in(context, table)
    text = words("trained.reinitialisation_text", values=words.by_arm(changes(table), signed))
    said = [text, words("trained.reinitialisation_ends", **extremes(table, "module"))]
    chart = figures.by_depth(table, quantity="accuracy_lost", arms=arms, labels=context.labels)
    caption = context.caption("trained.reinitialisation_caption")
    shown = [context.figure("reinitialisation", chart, caption=caption, spoken=text)]
    return with_question(context, "trained.reinitialisation_question", said, shown)


def changes(table: pl.DataFrame) -> dict[str, float]:
    """Returns the mean change of each arm's accuracy, in percentage points."""
    return {arm: -lost for arm, lost in arm_means(table, "accuracy_lost").items()}


def extremes(table: pl.DataFrame, block: str) -> dict[str, Inline | str]:
    """Names the blocks (a column) with the largest and the smallest loss of accuracy, and their change."""
    ends = trained_readings.means(table, "arm", block).sort("accuracy_lost", maintain_order=True)
    (low_arm, low, least), (high_arm, high, most) = (
        ends.select("arm", block, "accuracy_lost").row(end) for end in (0, -1)
    )
    return {
        "most": signed(-most),
        "high": code(high),
        "high_arm": code(high_arm),
        "least": signed(-least),
        "low": code(low),
        "low_arm": code(low_arm),
    }


def landscape(context: Context) -> list[Block]:
    """Shows loss and accuracy along a line, and the loss over a plane, in the space of weights."""
    words, lines = context.words, trained_readings.slices(context.tables.readings)
    cells = planes.landscape(context.tables.readings)
    blocks: list[Block] = []
    if not lines.is_empty():
        distance, times = trained_readings.steepness(lines)
        values = words.by_arm(times, rounded)
        text = words("trained.landscape_text", distance=rounded(distance), values=values)
        said = [text, *apart(context, times, "landscape")]
        blocks += with_question(context, "trained.landscape_question", said, along(context, lines, text))
    if not cells.is_empty():
        blocks.append(overview(context, cells))
    return blocks


def along(context: Context, lines: pl.DataFrame, spoken: Inline) -> list[Figure]:
    """Draws loss and accuracy of all networks along one direction."""
    arms, shown = arms_in(context, lines), []
    for quantity in figures.ALONG:
        chart = figures.along(lines, quantity=quantity, arms=arms, labels=context.labels)
        caption = context.caption(f"trained.along_{quantity}")
        shown.append(context.figure(f"landscape-{quantity}", chart, caption=caption, spoken=spoken))
    return shown


def overview(context: Context, cells: pl.DataFrame) -> Figure:
    """Draws the loss planes of all networks."""
    words = context.words
    chart = maps.overview(cells, arms=arms_in(context, cells), labels=context.labels)
    caption = words("trained.planes_caption", **scale(cells))
    spoken = words("trained.planes_spoken", values=words.by_arm(planes.highest(cells), rounded))
    return context.figure("landscape-planes", chart, caption=caption, spoken=spoken)


def scale(cells: pl.DataFrame) -> dict[str, str]:
    """Returns the loss at each end of the colour scale."""
    low, high = planes.loss_span(cells.filter(pl.col("kind") == "cell")["loss"])
    return {"low": rounded(low), "high": rounded(high)}


def apart(context: Context, values: Mapping[str, float], what: str) -> list[Inline]:
    """Names the networks with the least and the most, or says that they are alike."""
    if len(values) < 2 or min(values.values()) <= 0:
        return []
    low, high = least_and_most(values)
    times = values[high] / values[low]
    key = f"{what}_apart" if times >= MUCH else "alike"
    told = {"low": code(low), "high": code(high), "times": rounded(times)}
    ends = {"low_value": rounded(values[low]), "high_value": rounded(values[high])}
    return [context.words(f"trained.{key}", **told, **ends)]
