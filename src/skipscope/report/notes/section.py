"""Builds the section with the reader's own analysis."""

from collections.abc import Sequence

from skipscope.language import LANGUAGES
from skipscope.report.context import Context
from skipscope.report.document import Section
from skipscope.report.notes.blocks import Writer, sections
from skipscope.report.notes.formulas import check_formulas
from skipscope.report.notes.inlines import text
from skipscope.report.notes.prompts import prompts
from skipscope.report.notes.source import Node, read_notes
from skipscope.report.words import Words


def notes_section(context: Context) -> Section:
    """Puts the text of the context's notes into a section, or three questions where there is none.

    Raises:
        UsageError: the file cannot be read, or shows a picture that cannot be embedded.
        PictureError: a picture in it cannot be read.
    """
    nodes = [] if context.notes is None else _without_title(read_notes(context.notes))
    if context.notes is None or not nodes:
        return context.section("notes", "notes", prompts(context))
    check_formulas(nodes, context.notes)
    begin, inner = sections(Writer(context=context, path=context.notes), nodes, id="notes")
    return context.section("notes", "notes", begin, inner)


def _without_title(nodes: Sequence[Node]) -> Sequence[Node]:
    """Drops a heading that says what the section's own says."""
    titles = {Words(language)("notes.title") for language in LANGUAGES}
    own = nodes and nodes[0]["t"] == "Header" and text(nodes[0]["c"][2]) in titles
    return nodes[1:] if own else nodes
