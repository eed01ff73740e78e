"""Turns pandoc's blocks into the report's, and headings into sections."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from skipscope.report.context import Context
from skipscope.report.document import Block, Code, Column, Equation, Items, Note, Paragraph, Section, Table
from skipscope.report.notes.images import embedded
from skipscope.report.notes.inlines import Display, Image, pieces, text
from skipscope.report.notes.source import Node
from skipscope.report.words import Inline

BEGINNING = re.compile(r"^(\d*)([.)+=:-])")
"""What would make a list, a heading or a division of a paragraph's beginning."""


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes the blocks of one file of notes."""

    context: Context
    path: Path

    def blocks(self, nodes: Sequence[Node]) -> Iterator[Block]:
        """Yields the report's blocks for pandoc's, without headings."""
        for node in nodes:
            match node:
                case {"t": "Para" | "Plain", "c": inlines}:
                    yield from self._paragraph(inlines)
                case {"t": "CodeBlock", "c": [_, words]} | {"t": "RawBlock", "c": [_, words]}:
                    yield Code(text=words)
                case {"t": "BulletList", "c": items}:
                    yield Items(items=self._items(items))
                case {"t": "OrderedList", "c": [[first, _, _], items]}:
                    yield Items(items=self._items(items), first=first)
                case {"t": "BlockQuote", "c": inner}:
                    yield from map(_quoted, self.blocks(inner))
                case {"t": "Table", "c": [_, [_, caption], columns, head, bodies, foot]}:
                    yield self._table(caption, columns, head, bodies, foot)
                case {"t": "Header", "c": [_, _, inlines]}:  # in a list or a quotation
                    yield Paragraph(text=text(inlines))
                case {"t": "HorizontalRule"}:
                    continue

    def _paragraph(self, inlines: Sequence[Node]) -> Iterator[Block]:
        for piece in pieces(inlines):
            match piece:
                case Display(tex=tex):
                    yield Equation(lines=(tex,))
                case Image():
                    yield embedded(self.context, self.path, piece)
                case _:
                    yield Paragraph(text=Inline(BEGINNING.sub(r"\1\\\2", piece)))

    def _items(self, items: Sequence[Sequence[Node]]) -> tuple[tuple[Block, ...], ...]:
        return tuple(tuple(self.blocks(item)) for item in items)

    def _table(
        self, caption: list[Node], columns: list[Any], head: Any, bodies: list[Any], foot: Any
    ) -> Table:
        """Builds a table; a row that is short is filled up."""
        titles = self._row(head[1][0]) if head[1] else []
        rows = [self._row(row) for body in bodies for row in body[3]]
        rows += [self._row(row) for row in foot[1]]
        filled = [[*row, *[Inline("")] * (len(columns) - len(row))] for row in (titles, *rows)]
        told = [inner for block in caption for inner in block["c"]]
        return Table(
            columns=tuple(
                Column(title=title, align="right" if align["t"] == "AlignRight" else "left")
                for title, (align, _) in zip(filled[0], columns, strict=True)
            ),
            rows=tuple(map(tuple, filled[1:])),
            caption=text(told) if told else None,
        )

    def _row(self, row: Any) -> list[Inline]:
        return [self._cell(cell[4]) for cell in row[1]]

    def _cell(self, blocks: Sequence[Node]) -> Inline:
        told = (text(block["c"]) for block in blocks if block["t"] in ("Para", "Plain"))
        return Inline(" ".join(told))


def _quoted(block: Block) -> Block:
    return Note(text=block.text) if isinstance(block, Paragraph) else block


def sections(
    writer: Writer, nodes: Sequence[Node], *, id: str
) -> tuple[tuple[Block, ...], tuple[Section, ...]]:
    """Returns what stands above the first heading, and a section a heading, the lesser within the greater."""
    at = [index for index, node in enumerate(nodes) if node["t"] == "Header"]
    levels = sorted({nodes[index]["c"][0] for index in at})
    found: list[Section] = []
    for number, (begin, end) in enumerate(pairwise([*at, len(nodes)]), start=1):
        level, _, title = nodes[begin]["c"]
        blocks = tuple(writer.blocks(nodes[begin + 1 : end]))
        section = Section(id=f"{id}-{number}", title=text(title), blocks=blocks)
        if found and level > levels[0]:
            above = found.pop()
            section = replace(above, sections=(*above.sections, section))
        found.append(section)
    return tuple(writer.blocks(nodes[: at[0]] if at else nodes)), tuple(found)
