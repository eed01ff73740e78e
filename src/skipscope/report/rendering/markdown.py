"""Renders the report as Markdown: here as GitHub's, its charts as pictures beside it.

`render` walks over the document; what a kind of Markdown does with each part of it is a `Dialect`.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from skipscope.report.document import (
    Bibliography,
    Block,
    Code,
    Diagram,
    Document,
    Equation,
    Figure,
    Items,
    Note,
    Panels,
    Paragraph,
    Section,
    Shown,
    Table,
)
from skipscope.report.galleries import Gallery
from skipscope.report.words import Inline, Words, literal, to_html, unmarked

IN_A_ROW = 5
"""The most pictures side by side."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a kind of Markdown writes the parts of a report; `{}` stands for a part's text."""

    level: int  # of the headings of the outermost sections
    heading: str
    mark: str  # what a statement rests on
    parts: Mapping[
        str, str
    ]  # banner, title, byline, about, contents and end; notes by their kind; a lead to an equation
    blocks: Mapping[type[Block], Callable[[Any, Words], str]]


def render(document: Document, dialect: Dialect | None = None) -> str:
    """Renders the document; without a dialect as GitHub's, with pictures `figures/<name>.<language>.svg`."""
    words, dialect = Words(document.language), dialect or GITHUB
    texts = {
        "banner": document.banner,
        "title": marked(document.title),
        "byline": document.byline,
        "about": document.about if document.part == "appendix" else document.made_by,
    }
    parts = [dialect.parts[part].format(text) for part, text in texts.items() if text]
    chapters = [_section(section, words, dialect, level=dialect.level) for section in document.sections]
    contents = dialect.parts["contents"].format(words("page.contents"))
    lead = [_block(block, words, dialect) for block in document.lead]
    # the hand-in opens with its summary
    begin = [*lead, *chapters.pop(0), contents] if document.part == "handin" else [contents, *lead]
    parts += [*begin, *chain.from_iterable(chapters)]
    if document.part == "appendix":  # the hand-in says it on its first page
        parts.append(dialect.parts["end"].format(document.made_by))
    text = unlinked("\n\n".join(part for part in parts if part))
    return _MARK.sub(lambda mark: dialect.mark.format(mark[1]), text) + "\n"


def unlinked(text: str) -> str:
    """Takes the targets from links: most lie in the other part, which is another file."""
    return _LINK.sub(r"\1", text)


_MARK = re.compile(r"(?<!\\)⟦([^⟦⟧]+)⟧")
_LINK = re.compile(r"(?<![!\\])\[((?:\\.|[^\[\]\\])+)\]\(#[\w.-]+\)")


def _section(section: Section, words: Words, dialect: Dialect, *, level: int) -> list[str]:
    title = dialect.heading.format(number=section.number, title=marked(section.title), id=section.id)
    parts = [f"{'#' * level} {title.strip()}"]
    for block, following in zip_longest(section.blocks, section.blocks[1:]):
        text = _block(block, words, dialect)
        leads = isinstance(block, Paragraph) and isinstance(following, Equation)
        parts.append(dialect.parts["lead"].format(text) if leads else text)
    for inner in section.sections:
        parts += _section(inner, words, dialect, level=level + 1)
    return parts


def _block(block: Block, words: Words, dialect: Dialect) -> str:
    match block:
        case Paragraph():
            return block.text
        case Note(on="page"):
            return ""
        case Note():
            return dialect.parts[block.kind].format(block.text)
        case Items():
            return _items(block, words, dialect)
        case _:
            return dialect.blocks[type(block)](block, words)


def _items(block: Items, words: Words, dialect: Dialect) -> str:
    """Writes a list; what an item goes on with stands below its beginning."""
    written = []
    for index, item in enumerate(block.items):
        mark = "-" if block.first is None else f"{block.first + index}."
        text = "\n\n".join(_block(inner, words, dialect) for inner in item)
        written.append(f"{mark} {text}".replace("\n", f"\n{' ' * (len(mark) + 1)}"))
    return "\n".join(written)


def marked(text: str) -> str:
    """`text` as Markdown: its marks if it is `Inline`, else all of it to the letter."""
    return text if isinstance(text, Inline) else literal(text)


def caption(block: Shown, words: Words) -> str:
    """Writes the caption after the figure's number."""
    return f"{words('page.figure', number=block.number)} {block.caption}"


def table_caption(table: Table, words: Words) -> str:
    """Writes a table's caption, after its number if it has one."""
    if not table.number:
        return table.caption or ""
    return f"{words('page.table', number=table.number)} {table.caption or ''}".rstrip()


def table_lines(table: Table, rules: Mapping[str, str]) -> str:
    """Writes a pipe table, aligned by the `rules`; its last row is bold if it is the sum of the others."""
    rows = list(table.rows)
    if table.total:
        rows[-1] = tuple(Inline(f"**{marked(cell)}**") if cell else "" for cell in rows[-1])
    lines = [
        table_row(column.title for column in table.columns),
        table_row(Inline(rules[column.align]) for column in table.columns),
        *map(table_row, rows),
    ]
    return "\n".join(lines)


def table_row(cells: Iterable[str]) -> str:
    """Writes a row of a pipe table."""
    # a bar ends a cell even inside a code span, unless it is escaped
    shown = (re.sub(r"(?<!\\)\|", r"\\|", marked(cell)).replace("\n", " ") for cell in cells)
    return "| " + " | ".join(shown) + " |"


def grid(lines: Sequence[Sequence[Inline]], rule: str) -> list[list[Inline]]:
    """Returns the rows of a pipe table without titles; short lines are filled up with empty cells."""
    width = max(map(len, lines))
    rows = [[*line, *[Inline("")] * (width - len(line))] for line in lines]
    return [[Inline("")] * width, [Inline(rule)] * width, *rows]


def rows_of(cells: Sequence[Inline], width: int) -> list[list[Inline]]:
    """Returns the cells in rows of `width`, the last one filled up with empty cells."""
    padded = [*cells, *[Inline("")] * (-len(cells) % width)]
    return [padded[start : start + width] for start in range(0, len(padded), width)]


def fenced(text: str, language: str = "text") -> str:
    """Writes a code block, whatever backticks are in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _code(code: Code, _: Words) -> str:
    if code.title is None:
        return fenced(code.text, "sh")
    return f"<details>\n<summary>{to_html(code.title)}</summary>\n\n{fenced(code.text)}\n\n</details>"


def _table(table: Table, words: Words) -> str:
    lines, told = table_lines(table, {"left": ":---", "right": "---:"}), table_caption(table, words)
    if not told:
        return lines
    return f"{lines}\n\n{told if table.number else f'*{told}*'}"


def _figure(figure: Figure | Diagram, words: Words) -> str:
    image = f"![{literal(figure.spoken)}](figures/{figure.name}.{words.language}.svg)"
    return f"{image}\n\n{caption(figure, words)}" if figure.number else image


def _panels(panels: Panels, words: Words) -> str:
    """Writes a table of panels that stand in a grid; others follow each other."""
    if panels.rows == 1:
        shown = [_figure(figure, words) for figure in panels.figures]
    else:
        cells = [[Inline(_figure(figure, words)) for figure in line] for line in panels.lines]
        shown = ["\n".join(map(table_row, grid(cells, ":---")))]
    key = [_figure(panels.key, words)] if panels.key else []
    return "\n\n".join([*key, *shown, *([caption(panels, words)] if panels.number else [])])


def _gallery(gallery: Gallery, words: Words) -> str:
    """Writes a table of pictures over their captions."""
    images = [
        Inline(f"![{literal(unmarked(tile.caption))}](figures/{gallery.file(index)})")
        for index, tile in enumerate(gallery.tiles)
    ]
    width = min(IN_A_ROW, len(images))
    captions = rows_of([tile.caption for tile in gallery.tiles], width)
    first, *rest = (row for pair in zip(rows_of(images, width), captions, strict=True) for row in pair)
    rows = "\n".join(map(table_row, [first, [Inline(":---:")] * width, *rest]))
    return f"{rows}\n\n{caption(gallery, words)}"


GITHUB = Dialect(
    level=2,
    heading="{number} {title}",
    mark="\\[{}\\]",
    parts={
        "banner": "> {}",
        "title": "# {}",
        "byline": "{}",
        "about": "*{}*",
        "contents": "",
        "end": "---\n\n*{}*",
        "warning": "> [!WARNING]\n> {}",
        "note": "> [!NOTE]\n> {}",
        "quiet": "*{}*",
        "blank": "*{}*",
        "lead": "{}",
    },
    blocks={
        Equation: lambda equation, _: "\n\n".join(f"$${line}$$" for line in equation.lines),
        Code: _code,
        Table: _table,
        Figure: _figure,
        Diagram: _figure,
        Panels: _panels,
        Gallery: _gallery,
        Bibliography: lambda found, _: "\n".join(f"- {work.text}" for work in found.works),
    },
)
