"""Renders the report as the Markdown that its PDF and its Word document are made from.

A dialect of `markdown.py` with a div around what those formats set in a manner of their own
(`templates/paper.lua` knows the divs): CommonMark with pandoc's pipe tables, attributes and fenced divs.
"""

import re
from collections.abc import Iterable, Sequence
from math import ceil

from skipscope.figures.rendering.fonts import cells_of
from skipscope.report.document import (
    Bibliography,
    Code,
    Diagram,
    Document,
    Equation,
    Figure,
    Panels,
    Shown,
    Table,
)
from skipscope.report.galleries import Gallery
from skipscope.report.rendering import markdown
from skipscope.report.rendering.markdown import IN_A_ROW, Dialect, caption, fenced, rows_of, table_row
from skipscope.report.rendering.panels import printed_width, printed_widths
from skipscope.report.words import Inline, Words, literal, unmarked

FORMAT = "commonmark+pipe_tables+attributes+bracketed_spans+fenced_divs+tex_math_dollars"
LINE = 100
"""Narrow characters in a line of a table."""
TEXT_WIDTH = 174
"""Width of a line in millimetres: A4 without its margins."""
DRAWING_WIDTH = 104
"""Width of drawings in millimetres: their texts are then 7.5 points."""
DRAWINGS = {"networks": 124}
"""Width of drawings that are looked at for their details."""
FULL = 0.999
"""Share of a line that counts as all of it, in spite of rounding."""
TILE = 0.23
"""Millimetres that a pixel of a gallery's picture is drawn as: five pictures of 128 fit a line."""
SIGNED_TILE, SIGN_SHARE = 0.2, 0.042
"""The same where signs stand between pictures, and the share of the line that a sign gets."""
UNBROKEN = 27
"""Lines of a table that are not broken over pages."""
LONG = 17
"""Letters of a word from which on it may be broken, as paper.typ does it."""


def _div(kind: str, text: str) -> str:
    return f":::: {kind}\n{text}\n::::"


PARTS = {"title": "", "end": _div("about", "{}")} | {
    kind: _div(kind, "{}")
    for kind in ("banner", "byline", "about", "contents", "warning", "note", "quiet", "blank", "lead")
}


def render(document: Document, *, suffix: str) -> str:
    """Writes the document's text; its charts are `figures/<name>.<suffix>`, its pictures `figures/<name>`."""

    def chart(figure: Figure | Diagram, width: float = TEXT_WIDTH) -> str:
        return f"![{literal(figure.spoken)}](figures/{figure.name}.{suffix}){{width={width:g}mm}}"

    def grid(found: Panels, words: Words) -> str:
        wide = printed_widths(found)

        def cell(figure: Figure, width: float) -> Inline:
            return Inline(f"{chart(figure, width)} {'' if found.number else caption(figure, words)}".rstrip())

        lines = [list(map(cell, line, wide)) for line in found.lines]
        parts = ["\n".join(map(table_row, markdown.grid(lines, ":--")))]
        if found.key:
            parts.insert(0, f"::: strokes\n{chart(found.key, printed_width(found.key.svg))}\n:::")
        parts += [_captioned(found, words)] if found.number else []
        shares = " ".join(f"{each / sum(wide):.4f}" for each in wide)
        return _div(f'{{.panels widths="{shares}"}}', "\n\n".join(parts))

    def whole(figure: Figure | Diagram, words: Words) -> str:
        width = DRAWINGS.get(figure.name, DRAWING_WIDTH) if isinstance(figure, Diagram) else TEXT_WIDTH
        return _div("figure", f"{chart(figure, width)}\n\n{_captioned(figure, words)}")

    dialect = Dialect(
        level=1,
        heading="{number} {title} {{#{id}}}",
        mark="[\\[{}\\]]{{.mark}}",
        parts=PARTS,
        blocks={
            Equation: _equation,
            Code: _code,
            Table: _table,
            Figure: whole,
            Diagram: whole,
            Panels: grid,
            Gallery: _gallery,
            Bibliography: _bibliography,
        },
    )
    return markdown.render(document, dialect)


def _equation(equation: Equation, _: Words) -> str:
    return _div("equation", "\n\n".join(f"$${line}$$" for line in equation.lines))


def _bibliography(found: Bibliography, _: Words) -> str:
    return _div("works", "\n\n".join(work.text for work in found.works))


def _code(code: Code, _: Words) -> str:
    if code.title is None:
        return _div("commands", fenced(code.text))
    return _div("listing", f"**{code.title}**\n\n{fenced(code.text)}")


def _table(table: Table, words: Words) -> str:
    shares, size = widths([[column.title for column in table.columns], *table.rows])
    layout = f'widths="{" ".join(f"{share:.4f}" for share in shares)}" size="{size:.2f}"'
    spread = " .spread" if sum(shares) >= FULL else ""
    long = " .long" if _lines(table.rows, shares) > UNBROKEN else ""
    told = markdown.table_caption(table, words)
    caption = f"::: caption\n{told}\n:::\n\n" if told else ""
    lines = markdown.table_lines(table, {"left": ":--", "right": "--:"})
    return f":::: {{.table{spread}{long} {layout}}}\n{caption}{lines}\n::::"


def _gallery(gallery: Gallery, words: Words) -> str:
    pixel = SIGNED_TILE if gallery.signs else TILE
    cells = [
        f"![{literal(unmarked(tile.caption))}](figures/{gallery.file(index)})"
        f"{{width={min(tile.side[0] * pixel, TEXT_WIDTH):.1f}mm}} {tile.caption}"
        for index, tile in enumerate(gallery.tiles)
    ]
    if gallery.signs:
        return _signed(gallery, cells, words)
    cells = [f"{cell} {gallery.sign(index)}".rstrip() for index, cell in enumerate(cells)]
    return _div("gallery", f"{_grid(cells, in_a_row=_fitting(gallery))}\n\n{_captioned(gallery, words)}")


def _signed(gallery: Gallery, cells: Sequence[str], words: Words) -> str:
    """Writes pictures in one row, with signs between them in columns of their own."""
    height = min(tile.side[1] for tile in gallery.tiles) * SIGNED_TILE
    signs = [f"[{gallery.sign(index)}]{{.sign height={height:.1f}mm}}" for index in range(len(cells))]
    row = [part for both in zip(cells, signs, strict=True) for part in both][:-1]
    share = (1 - SIGN_SHARE * (len(cells) - 1)) / len(cells)
    shares = [share, SIGN_SHARE] * len(cells)
    told = " ".join(f"{each:.4f}" for each in shares[: len(row)])
    grid = _grid(row, in_a_row=len(row))
    return f':::: {{.gallery widths="{told}"}}\n{grid}\n\n{_captioned(gallery, words)}\n::::'


def _fitting(gallery: Gallery) -> int:
    """Tells how many of the gallery's pictures fit beside each other."""
    widest = max(tile.side[0] for tile in gallery.tiles) * TILE
    return max(1, min(IN_A_ROW, len(gallery.tiles), int(TEXT_WIDTH / (widest + 2))))


def _grid(cells: Sequence[str], *, in_a_row: int) -> str:
    """Writes a table without titles: each picture in a cell, with its caption."""
    rules = [Inline(":--")] * in_a_row
    rows: list[list[Inline]] = [[Inline("")] * in_a_row, rules, *rows_of(list(map(Inline, cells)), in_a_row)]
    return "\n".join(map(table_row, rows))


def _captioned(block: Shown, words: Words) -> str:
    return f"::: figcaption\n{caption(block, words)}\n:::"


def _lines(rows: Iterable[Sequence[str]], shares: Sequence[float]) -> int:
    """Estimates how many lines the rows of a table take, with columns of these shares of the line."""
    room = [max(1.0, share * LINE - 2) for share in shares]
    return sum(
        max(ceil(cells_of(unmarked(cell)) / width) for cell, width in zip(row, room, strict=True))
        for row in rows
    )


def widths(rows: Sequence[Sequence[str]]) -> tuple[list[float], float]:
    """Returns the columns' shares of the line, and the font size, 1 unless words are too long for it.

    Where every cell fits unbroken, the shares sum to less than 1. Otherwise a column gets at least its
    longest word, and the remaining width goes, a character at a time, where it shortens the rows most.
    """
    columns = list(zip(*([unmarked(cell) for cell in cells] for cells in rows), strict=True))
    lengths = [[cells_of(cell) for cell in cells] for cells in columns]
    wanted = [max(cells) + 2 for cells in lengths]
    if sum(wanted) <= LINE:
        return [want / LINE for want in wanted], 1.0
    least = [max(cells_of(word) for cell in cells for word in _words(cell)) + 2 for cells in columns]
    given = [float(need) for need in least]
    for _ in range(max(0, LINE - sum(least))):
        given[_neediest(lengths, given)] += 1
    return [share / sum(given) for share in given], min(1.0, LINE / sum(least))


def _neediest(lengths: Sequence[Sequence[int]], given: Sequence[float]) -> int:
    """Returns the column that one more character of width helps most: it makes the rows as low as can be.

    A row is as high as its highest cell, and a line at least. Where no column by itself lowers a row, the
    fullest one is helped.
    """
    heights = [
        [length / (width - 1) for length in cells] for cells, width in zip(lengths, given, strict=True)
    ]
    rows = list(zip(*heights, strict=True))
    saved = []
    for index, width in enumerate(given):
        lower = (width - 1) / width
        saved.append(
            sum(
                max(1.0, *row) - max(1.0, *row[:index], row[index] * lower, *row[index + 1 :]) for row in rows
            )
        )
    return max(range(len(given)), key=lambda index: (saved[index], sum(heights[index])))


_PIECE = re.compile(r"[^-_/.]{1,16}[-_/.]?|[-_/.]")


SHORT = 8
"""Narrow characters that are not broken, lest Chinese stand in a column of single characters."""


def _words(cell: str) -> Iterable[str]:
    """Splits where a line may break: at spaces, around Chinese characters, in very long words."""
    if cells_of(cell) <= SHORT:
        yield cell
        return
    spaced = "".join(f" {letter} " if cells_of(letter) == 2 else letter for letter in cell)
    for word in spaced.split():
        yield from [word] if len(word) < LONG else _PIECE.findall(word)
    yield ""
