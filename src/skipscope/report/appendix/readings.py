"""Holds what sections about readings have in common."""

from collections.abc import Iterable, Mapping

import polars as pl

from skipscope.analysis.members import Entry
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Note, Panels, Paragraph
from skipscope.report.galleries import Tile
from skipscope.report.words import Inline, code

EXAMPLES = 10
"""The most images of a kind that are shown."""
ZOOM = 4
"""Enlargement of an image of 32 x 32 pixels."""


def arms_in(context: Context, table: pl.DataFrame) -> list[str]:
    """Returns the arms that a table has rows for, in the study's order."""
    there = set(table["arm"])
    return [arm for arm in context.tables.arms if arm in there]


def in_pairs(figures: list[Figure]) -> list[Block]:
    """Lays figures out in pairs; an odd last one stands alone."""
    pairs = [figures[start : start + 2] for start in range(0, len(figures), 2)]
    return [Panels(figures=(pair[0], pair[1])) if len(pair) == 2 else pair[0] for pair in pairs]


def missing_note(context: Context, key: str, without: Iterable[Entry]) -> list[Block]:
    """Names the arms of these runs, which lack readings, and the commands that add them to their first."""
    runs = {entry.arm: entry.run for entry in reversed(list(without))}
    arms = [arm for arm in context.tables.arms if arm in runs]
    commands = context.words.listed([context.command(f"skipscope probe {runs[arm]}") for arm in arms])
    text = context.words(key, arms=context.words.listed(list(map(code, arms))), commands=commands)
    return [Note(text=text)] if arms else []


def least_and_most(values: Mapping[str, float]) -> tuple[str, str]:
    """Returns the keys of the smallest and of the largest value."""
    return min(values, key=values.__getitem__), max(values, key=values.__getitem__)


def image_tile(context: Context, image: int, caption: Inline) -> Tile:
    """Shows an image of the sample."""
    return Tile(picture=context.tables.sample["images"][image], zoom=ZOOM, caption=caption)


def paragraph(context: Context, *sentences: Inline) -> Paragraph:
    """Makes one paragraph of some sentences."""
    return Paragraph(text=context.words.joined(sentences))


def with_question(context: Context, key: str, said: Iterable[Inline], figures: list[Figure]) -> list[Block]:
    """Adds the textbook's sentence `key` to what was measured, as the question, and then the figures."""
    asked = context.words("training.question", text=context.words(key))
    return [paragraph(context, *said), Paragraph(text=asked), *in_pairs(figures)]
