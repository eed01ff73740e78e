"""Turns a report's formulas into MathML, which browsers draw without a script: by pandoc, in one call."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import pypandoc  # type: ignore[import-untyped]

from skipscope.report.document import (
    Block,
    Diagram,
    Document,
    Equation,
    Figure,
    Items,
    Note,
    Panels,
    Paragraph,
    Table,
)
from skipscope.report.galleries import Gallery
from skipscope.report.words import formulas_of

DISPLAYED = "\\displaystyle "
"""Stands before the TeX of a formula on a line of its own; pandoc makes nothing of it."""

_OPENED = '<math displaystyle="true"'


def of(documents: Sequence[Document]) -> Mapping[str, str]:
    """Returns the MathML of every formula in these documents, by its TeX."""
    found: dict[str, None] = {}
    for document in documents:
        for block in document.blocks:
            found |= dict.fromkeys(_formulas(block))
    return _converted(tuple(found))


def _formulas(block: Block) -> Iterator[str]:
    match block:
        case Equation():
            yield from (DISPLAYED + line for line in block.lines)
        case Paragraph() | Note():
            yield from formulas_of(block.text)
        case Table():
            titles = (column.title for column in block.columns)
            cells = (cell for row in block.rows for cell in row)
            yield from (tex for told in (block.caption or "", *titles, *cells) for tex in formulas_of(told))
        case Items():
            yield from (tex for item in block.items for inner in item for tex in _formulas(inner))
        case Figure() | Diagram() | Gallery():
            yield from formulas_of(block.caption)
        case Panels():
            captions = (block.caption, *(figure.caption for figure in block.figures))
            yield from (tex for caption in captions for tex in formulas_of(caption))


@cache
def _converted(formulas: tuple[str, ...]) -> Mapping[str, str]:
    if not formulas:
        return {}
    source = "\n\n".join(f"${tex}$" for tex in formulas)
    page = str(
        pypandoc.convert_text(source, "html", "commonmark+tex_math_dollars", ["--mathml", "--wrap=none"])
    )
    # the TeX that pandoc keeps beside the MathML would be read aloud and copied
    page = re.sub(r"<annotation.*?</annotation>", "", page, flags=re.DOTALL)
    drawn = zip(formulas, re.findall(r"<math.*?</math>", page, re.DOTALL), strict=True)
    return {
        tex: math.replace("<math", _OPENED, 1) if tex.startswith(DISPLAYED) else math for tex, math in drawn
    }
