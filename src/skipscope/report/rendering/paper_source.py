"""The report as the Markdown that its PDF and its Word document are made from.

The same blocks as `markdown.py` renders, with a div around what those formats set in a manner of their own
(`templates/paper.lua` knows the divs): CommonMark with pandoc's pipe tables, attributes and fenced divs.
"""

import re
from collections.abc import Iterable, Sequence
from unicodedata import east_asian_width

from skipscope.report.document import (
    Block,
    Code,
    Document,
    Equation,
    Figure,
    Gallery,
    Note,
    Pair,
    Paragraph,
    Section,
    Table,
)
from skipscope.report.rendering.markdown import bold_total, fenced, marked, table_row
from skipscope.report.words import Inline, Words, literal, unmarked

FORMAT = "commonmark+pipe_tables+attributes+fenced_divs"
LINE = 100
"""Narrow characters that fit a table's line."""
TEXT_WIDTH = 166
"""Of a line, in millimetres: A4 without its margins."""
FULL = 0.999
"""Of a line, but for rounding."""
HALF_WIDTH = 80
TILE = 0.23
"""Millimetres that a pixel of a gallery's picture is drawn as: five pictures of 128 fit a line."""
IN_A_ROW = 5
LONG = 17
"""A word of so many letters may be broken, as paper.typ does it."""


def render(document: Document, *, suffix: str) -> str:
    """The document's text; its charts are `figures/<name>.<language>.<suffix>`, pictures `figures/<name>`."""
    words = Words(document.language)
    parts = [_div("banner", document.banner)] if document.banner else []
    parts += [_div("about", document.about), _div("contents", words("page.contents"))]
    parts += [_block(block, words, suffix) for block in document.lead]
    for section in document.sections:
        parts += _section(section, words, suffix, level=1)
    parts += [_div("about", words("page.made_by"))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(section: Section, words: Words, suffix: str, *, level: int) -> list[str]:
    parts = [f"{'#' * level} {section.number} {marked(section.title)} {{#{section.id}}}"]
    parts += [_block(block, words, suffix) for block in section.blocks]
    for inner in section.sections:
        parts += _section(inner, words, suffix, level=level + 1)
    return parts


def _block(block: Block, words: Words, suffix: str) -> str:  # noqa: PLR0911 - one a kind
    match block:
        case Paragraph():
            return block.text
        case Note():
            return _div(block.kind, block.text)
        case Equation():
            return _div("equation", "\\\n".join(map(literal, block.lines)))
        case Code(title=None):
            return _div("commands", fenced(block.text))
        case Code():
            return _div("listing", f"**{block.title}**\n\n{fenced(block.text)}")
        case Table():
            return _table(block)
        case Figure():
            return _div("figure", f"{_chart(block, suffix)}\n\n{_captioned(block, words)}")
        case Pair():
            cells = [
                f"{_chart(figure, suffix, HALF_WIDTH)} {_caption(figure, words)}" for figure in block.figures
            ]
            return _div("pair", _grid(cells, in_a_row=2))
        case Gallery():
            return _gallery(block, words)


def _table(table: Table) -> str:
    rules = {"left": ":--", "right": "--:"}
    lines = [
        table_row(column.title for column in table.columns),
        table_row(Inline(rules[column.align]) for column in table.columns),
        *(table_row(cells) for cells in bold_total(table)),
    ]
    shares, size = widths([[column.title for column in table.columns], *table.rows])
    told = f'widths="{" ".join(f"{share:.4f}" for share in shares)}" size="{size:.2f}"'
    spread = " .spread" if sum(shares) >= FULL else ""
    caption = f"::: caption\n{table.caption}\n:::\n\n" if table.caption else ""
    return f":::: {{.table{spread} {told}}}\n{caption}" + "\n".join(lines) + "\n::::"


def _gallery(gallery: Gallery, words: Words) -> str:
    cells = [
        f"![{literal(unmarked(tile.caption))}](figures/{gallery.file(place)})"
        f"{{width={min(tile.side[0] * TILE, TEXT_WIDTH):.1f}mm}} {tile.caption}"
        for place, tile in enumerate(gallery.tiles)
    ]
    if gallery.steps:
        cells = [f"{cell} →" for cell in cells[:-1]] + cells[-1:]
    return _div("gallery", f"{_grid(cells, in_a_row=_fitting(gallery))}\n\n{_captioned(gallery, words)}")


def _fitting(gallery: Gallery) -> int:
    """How many of the gallery's pictures fit beside each other."""
    widest = max(tile.side[0] for tile in gallery.tiles) * TILE
    return max(1, min(IN_A_ROW, len(gallery.tiles), int(TEXT_WIDTH / (widest + 2))))


def _grid(cells: Sequence[str], *, in_a_row: int) -> str:
    """A table without titles: each picture in a cell, with what it is."""
    rows = [
        table_row(Inline(cell) for cell in [*part, *[""] * (in_a_row - len(part))])
        for part in (cells[start : start + in_a_row] for start in range(0, len(cells), in_a_row))
    ]
    return "\n".join([table_row([""] * in_a_row), table_row([Inline(":--")] * in_a_row), *rows])


def _chart(figure: Figure, suffix: str, width: int = TEXT_WIDTH) -> str:
    return f"![{literal(figure.spoken)}](figures/{figure.name}.{suffix}){{width={width}mm}}"


def _captioned(block: Figure | Gallery, words: Words) -> str:
    return f"::: figcaption\n{_caption(block, words)}\n:::"


def _caption(block: Figure | Gallery, words: Words) -> str:
    return f"{words('page.figure', number=block.number)} {block.caption}"


def _div(kind: str, text: str) -> str:
    return f":::: {kind}\n{text}\n::::"


def widths(rows: Sequence[Sequence[str]]) -> tuple[list[float], float]:
    """The columns' shares of the line, and the size of the letters, 1 unless words are too long for it.

    Where every cell fits unbroken, the shares are together less than 1. Else a column gets at least its
    longest word, and of what is left as much as its longest cell is longer.
    """
    columns = list(zip(*([unmarked(cell) for cell in cells] for cells in rows), strict=True))
    wanted = [max(map(_extent, cells)) + 2 for cells in columns]
    if sum(wanted) <= LINE:
        return [want / LINE for want in wanted], 1.0
    least = [max(_extent(word) for cell in cells for word in _words(cell)) + 2 for cells in columns]
    left = max(0, LINE - sum(least))
    more = [max(0, min(want, LINE) - need) for want, need in zip(wanted, least, strict=True)]
    shares = [need + left * extra / max(1, sum(more)) for need, extra in zip(least, more, strict=True)]
    return [share / sum(shares) for share in shares], min(1.0, LINE / sum(least))


_PIECE = re.compile(r"[^-_/.]{1,16}[-_/.]?|[-_/.]")


def _words(cell: str) -> Iterable[str]:
    """Where a line may break: at spaces, around Chinese characters, within very long words."""
    spaced = "".join(f" {letter} " if _extent(letter) == 2 else letter for letter in cell)
    for word in spaced.split():
        yield from [word] if len(word) < LONG else _PIECE.findall(word)
    yield ""


def _extent(text: str) -> int:
    """Narrow characters that the text is as wide as."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
