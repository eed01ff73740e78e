"""Tests how robust trained networks are: without some of their blocks, and with perturbed weights."""

from collections.abc import Mapping

import polars as pl

from skipscope.analysis import landscape as planes
from skipscope.analysis import trained_readings as measured
from skipscope.analysis.trained_readings import arm_means
from skipscope.figures import landscape as maps
from skipscope.figures import trained as figures
from skipscope.report.appendix.overlay import arm_values
from skipscope.report.appendix.readings import (
    arms_in,
    in_pairs,
    least_and_most,
    paragraph,
    question,
    rounded_values,
)
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure
from skipscope.report.words import Inline, code, rounded, signed

MUCH = 1.25
"""Networks that differ by less than this factor are said to be alike."""


def deletion(context: Context) -> list[Block]:
    """Says what accuracy is lost without one block, and without several."""
    words, table = context.words, measured.deletions(context.tables.readings)
    alone = table.filter(pl.col("blocks") == 1)
    if alone.is_empty():
        return []
    changes = {arm: signed(-lost) for arm, lost in arm_means(alone, "accuracy_lost").items()}
    text = words("trained_readings.deletion_text", values=arm_values(context, changes))
    ends = measured.means(alone, "arm", "removed").sort("accuracy_lost", maintain_order=True)
    (low_arm, low, least), (high_arm, high, most) = (
        ends.select("arm", "removed", "accuracy_lost").row(end) for end in (0, -1)
    )
    extremes = {"most": signed(-most), "high": code(high), "high_arm": code(high_arm)}
    extremes |= {"least": signed(-least), "low": code(low), "low_arm": code(low_arm)}
    said = [text, words("trained_readings.deletion_ends", **extremes)]
    shown = [
        context.figure(
            "deletion-by-depth",
            figures.by_depth(
                alone, quantity="accuracy_lost", arms=arms_in(context, alone), labels=context.labels
            ),
            caption=words(
                "trained_readings.deletion_depth_caption", mean=context.if_several("trained_readings.seeds")
            ),
            spoken=text,
        )
    ]
    if table["blocks"].n_unique() > 1:
        said.append(without_several(context, table))
        shown.append(
            context.figure(
                "deletion-by-number",
                figures.by_number(table, arms=arms_in(context, table), labels=context.labels),
                caption=words("trained_readings.deletion_number_caption", of=context.of_first),
                spoken=said[-1],
            )
        )
    ask = question(context, "trained_readings.deletion_question")
    return [paragraph(context, *said), ask, *in_pairs(shown)]


def without_several(context: Context, table: pl.DataFrame) -> Inline:
    """Says what each network loses without as many blocks as were removed at once."""
    words = context.words
    deepest = table.filter(pl.col("blocks") == pl.col("blocks").max().over("arm"))
    rows = measured.means(deepest, "arm").select("arm", "blocks", "accuracy_lost").iter_rows()
    said = [
        words("trained_readings.deletion_item", arm=code(arm), blocks=f"{blocks:.0f}", points=signed(-lost))
        for arm, blocks, lost in rows
    ]
    return words("trained_readings.deletion_several", values=words.listed(said))


def landscape(context: Context) -> list[Block]:
    """Loss and accuracy along a line, and the loss over a plane, in the space of weights."""
    lines = measured.slices(context.tables.readings)
    cells = planes.landscape(context.tables.readings)
    blocks: list[Block] = []
    if not lines.is_empty():
        distance, times = measured.steepness(lines)
        text = context.words(
            "trained_readings.landscape_text",
            distance=rounded(distance),
            values=rounded_values(context, times),
        )
        blocks.append(paragraph(context, text, *apart(context, times, "landscape")))
        blocks.append(question(context, "trained_readings.landscape_question"))
        blocks += in_pairs(along(context, lines, text))
    if not cells.is_empty():
        blocks.append(overview(context, cells))
    return blocks


def along(context: Context, lines: pl.DataFrame, spoken: Inline) -> list[Figure]:
    """Draws loss and accuracy of all networks along one direction."""
    arms, words = arms_in(context, lines), context.words
    return [
        context.figure(
            f"landscape-{quantity}",
            figures.along(lines, quantity=quantity, arms=arms, labels=context.labels),
            caption=words(
                f"trained_readings.along_{quantity}", mean=context.if_several("trained_readings.seeds")
            ),
            spoken=spoken,
        )
        for quantity in figures.ALONG
    ]


def overview(context: Context, cells: pl.DataFrame) -> Figure:
    """Draws the loss planes of all networks."""
    words, arms = context.words, arms_in(context, cells)
    return context.figure(
        "landscape-planes",
        maps.overview(cells, arms=arms, labels=context.labels),
        caption=words("trained_readings.planes_caption", **scale(cells)),
        spoken=words("trained_readings.planes_spoken", values=rounded_values(context, planes.highest(cells))),
    )


def scale(cells: pl.DataFrame) -> dict[str, str]:
    """The loss at each end of the colour scale."""
    low, high = planes.loss_span(cells.filter(pl.col("kind") == "cell")["loss"])
    return {"low": rounded(low), "high": rounded(high)}


def apart(context: Context, values: Mapping[str, float], what: str) -> list[Inline]:
    """Names the networks with the least and the most, or says that they are alike."""
    if len(values) < 2:
        return []
    low, high = least_and_most(values)
    if values[low] <= 0:
        return []
    times = values[high] / values[low]
    key = f"{what}_apart" if times >= MUCH else "alike"
    return [context.words(f"trained_readings.{key}", low=code(low), high=code(high), times=rounded(times))]
