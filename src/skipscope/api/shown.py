"""Shows blocks of the report in a notebook, and as text where there is none.

What a notebook asks an object for is `_repr_mimebundle_`: its text by kind of text.
"""

import json
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.cells import cell_len

from skipscope.errors import SkipscopeError
from skipscope.figures import style
from skipscope.figures.rendering import drawing, vega
from skipscope.report.document import Block, Figure, Note, Panels, Paragraph, Table
from skipscope.report.words import to_html, unmarked

SIDES = {"left": "text-align: left", "right": "text-align: right"}


@dataclass(frozen=True, kw_only=True)
class Link:
    """A file that a browser opens."""

    text: str
    path: Path

    @property
    def address(self) -> str:
        """Returns the path from here, which a notebook's server knows, too, or the file's own address."""
        path, here = self.path.absolute(), Path.cwd()
        return quote(path.relative_to(here).as_posix()) if path.is_relative_to(here) else path.as_uri()


class Shown(ABC):
    """Something that a notebook shows as blocks."""

    @abstractmethod
    def blocks(self) -> Iterable[Block | Link]:
        """Builds what is shown; an error of the records is shown in its place."""

    def _repr_mimebundle_(self, **_asked: Any) -> dict[str, str]:
        try:
            blocks = list(self.blocks())
        except SkipscopeError as error:
            return {"text/plain": str(error), "text/html": f"<pre>{escape(str(error))}</pre>"}
        return {
            "text/plain": "\n".join(filter(None, map(as_text, blocks))),
            "text/html": "\n".join(map(as_html, blocks)),
        }


def as_text(block: Block | Link) -> str:
    """Writes a block as text; of a figure, what is read aloud of it."""
    match block:
        case Paragraph() | Note():
            return unmarked(block.text)
        case Table():
            return _lines(block)
        case Figure():
            return block.spoken
        case Panels():
            return "\n".join(map(as_text, block.figures))
        case Link():
            return f"{block.text}: {block.path}"
        case _:
            raise TypeError(type(block))


def _lines(table: Table) -> str:
    titles = tuple(unmarked(column.title) for column in table.columns)
    rows = [titles, *(tuple(map(unmarked, row)) for row in table.rows)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]

    def padded(cell: str, width: int, align: str) -> str:
        gap = " " * (width - cell_len(cell))
        return gap + cell if align == "right" else cell + gap

    aligned = [column.align for column in table.columns]
    return "\n".join("  ".join(map(padded, row, widths, aligned)).rstrip() for row in rows)


def as_html(block: Block | Link) -> str:
    """Writes a block as HTML that needs no style sheet; a figure is a picture."""
    match block:
        case Paragraph() | Note():
            return f"<p>{to_html(block.text)}</p>"
        case Table():
            return _table(block)
        case Link():
            link = f"<a href='{block.address}' target='_blank'>{escape(str(block.path))}</a>"
            return f"<p>{escape(block.text)}: {link}</p>"
        case Figure():
            return f"<img alt='{escape(block.spoken, quote=True)}' src='{_picture(block)}'>"
        case Panels():
            return "".join(map(as_html, block.figures))
        case _:
            raise TypeError(type(block))


def _table(table: Table) -> str:
    def row(cells: Iterable[str], tag: str) -> str:
        inside = (
            f"<{tag} style='{SIDES[column.align]}'>{to_html(cell)}</{tag}>"
            for cell, column in zip(cells, table.columns, strict=True)
        )
        return f"<tr>{''.join(inside)}</tr>"

    titles = row((column.title for column in table.columns), "th")
    return f"<table>{titles}{''.join(row(cells, 'td') for cells in table.rows)}</table>"


def _picture(figure: Figure) -> str:
    """Draws a figure as an SVG of its own, so that nothing of it can meet what another one calls the same."""
    return f"data:image/svg+xml;base64,{b64encode(svg(figure).encode()).decode()}"


def svg(figure: Figure, *, width: int = style.PAIR_WIDTH) -> str:
    """Draws a figure in this process."""
    with vega.trusted():
        chart = vega.printable(figure.spec, figure.table, width=width, font=style.LATIN_FONT)
    return drawing.svg(json.dumps(chart)).replace(style.LATIN_FONT, style.FONT)
