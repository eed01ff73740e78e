"""Thins out intervals for reading: each stands where its value is told first, few on the first page."""

import re
from collections.abc import Iterable
from dataclasses import replace

from skipscope.report.document import Block, Paragraph
from skipscope.report.words import Inline

BRACKETED = re.compile(r"(?P<value>[+−]?\d[\d.,]*(?: × 10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?%?) \\\[(?P<ends>[^\]\\]*)\\\]")
"""A value and the interval behind it, as `Prose` writes them."""


def bare(blocks: Iterable[Block]) -> list[Block]:
    """Leaves out the intervals of paragraphs, but for those that include zero: they leave the sign open."""
    return [_written(block, None) for block in blocks]


def once(blocks: Iterable[Block], told: set[str]) -> list[Block]:
    """Leaves out the intervals that are in `told`, values and all, and adds those that are told here."""
    return [_written(block, told) for block in blocks]


def _written(block: Block, told: set[str] | None) -> Block:
    """Writes a paragraph with fewer intervals; other blocks stay as they are."""
    if not isinstance(block, Paragraph):
        return block
    before = told if told is None else set(told)
    statements = tuple(replace(each, text=_thinned(each.text, told)) for each in block.statements)
    return replace(block, text=_thinned(block.text, before), statements=statements)


def _thinned(text: Inline, told: set[str] | None) -> Inline:
    """Leaves out intervals: all where `told` is None, else those that it holds."""

    def shown(found: re.Match[str]) -> str:
        if told is None:
            return found[0] if found["ends"].rfind("−") == 0 else found["value"]
        if found[0] in told:
            return found["value"]
        told.add(found[0])
        return found[0]

    return Inline(BRACKETED.sub(shown, text))
