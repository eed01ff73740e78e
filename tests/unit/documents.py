"""Reports as data: built from tables, and what they say in plain text."""

from dataclasses import replace
from typing import Any

from skipscope.analysis.members import Entry
from skipscope.analysis.tables import StudyTables
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult
from skipscope.figures.rendering.vega import trusted
from skipscope.language import Language
from skipscope.report.build import build_document
from skipscope.report.context import Context
from skipscope.report.document import Document, Note, Paragraph, Section, Table
from skipscope.report.words import Words, unmarked


def built(tables: StudyTables, language: Language = "en", **options: Any) -> Document:
    with trusted():
        return build_document(tables, language, **options)


def section(found: Document, name: str) -> Section:
    return next(each for each in found.sections if each.id == name)


def said(found: Document | Section) -> str:
    """All paragraphs and notes, those of inner sections included."""
    blocks = found.blocks if isinstance(found, Document) else found.all_blocks
    texts = [unmarked(block.text) for block in blocks if isinstance(block, Paragraph | Note)]
    return "\n".join(texts).replace("\u00a0", " ")


def key_table(found: Document) -> Table:
    return next(block for block in found.lead if isinstance(block, Table))


def with_record(entry: Entry, **changes: object) -> Entry:
    """The run with these fields of its record changed."""
    assert entry.record is not None
    return replace(entry, record=entry.record.model_copy(update=changes))


def context_of(
    tables: StudyTables, language: Language = "en", results: tuple[ClaimResult, ...] | None = None
) -> Context:
    """What a section is built from, for tests that need no more than one."""
    words = Words(language)
    return Context(
        tables=tables, words=words, charts=words, results=evaluate(tables) if results is None else results
    )
