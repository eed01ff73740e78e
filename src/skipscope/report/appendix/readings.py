"""What sections about readings say in the same way."""

from collections.abc import Mapping

import polars as pl

from skipscope.report.appendix.overlay import items
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Pair, Paragraph
from skipscope.report.words import Inline, rounded


def told(context: Context, values: Mapping[str, float]) -> Inline:
    """Arms with their values, in a row."""
    return items(context, {arm: rounded(value) for arm, value in values.items()})


def arms_in(context: Context, table: pl.DataFrame) -> list[str]:
    """The arms that a table has rows of, in the study's order."""
    there = set(table["arm"])
    return [arm for arm in context.tables.arms if arm in there]


def beside(figures: list[Figure]) -> list[Block]:
    """Figures two by two, the last alone where there is no other."""
    pairs = [figures[place : place + 2] for place in range(0, len(figures), 2)]
    return [Pair(figures=(pair[0], pair[1])) if len(pair) == 2 else pair[0] for pair in pairs]


def paragraph(context: Context, *sentences: Inline) -> Paragraph:
    """Sentences in a row."""
    return Paragraph(text=context.words.joined(sentences))


def question(context: Context, key: str) -> Paragraph:
    """The textbook's sentence, as the question that it is here."""
    return Paragraph(text=context.words("training_readings.question", text=context.words(key)))
