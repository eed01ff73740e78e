"""What sections about readings say in the same way."""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from skipscope.report.appendix.overlay import items
from skipscope.report.appendix.results import joined
from skipscope.report.context import Context
from skipscope.report.document import Block, Figure, Pair, Paragraph
from skipscope.report.words import Inline, rounded


def told(context: Context, values: Mapping[str, float]) -> Inline:
    """Arms with their values, in a row."""
    return items(context, {arm: rounded(value) for arm, value in values.items()})


def over_seeds(context: Context) -> Inline:
    """What is bold and what is faint, if there are several seeds."""
    many = context.tables.record.study.seeds > 1
    told = context.words.raw("training_readings.seeds").format(each=context.each_seed)
    return Inline(told if many else "")


def several(context: Context, how: Literal["median", "mean"]) -> Inline:
    """What became of several seeds, if there are any."""
    many = context.tables.record.study.seeds > 1
    return Inline(context.words.raw(f"training_readings.seeds_{how}") if many else "")


def over_seeds_mean(context: Context) -> Inline:
    """The same where bold is the mean."""
    many = context.tables.record.study.seeds > 1
    told = context.words.raw("trained_readings.seeds").format(each=context.each_seed)
    return Inline(told if many else "")


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
    return Paragraph(text=Inline(joined(context, list(sentences))))


def question(context: Context, key: str) -> Paragraph:
    """The textbook's sentence, as the question that it is here."""
    return Paragraph(text=context.words("training_readings.question", text=context.words(key)))
