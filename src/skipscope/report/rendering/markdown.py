"""The report as GitHub-flavoured Markdown, its charts as pictures beside it."""

import re
from collections.abc import Iterable

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
from skipscope.report.words import Inline, Language, Words, literal, to_html, unmarked

ALERTS = {"warning": "[!WARNING]", "note": "[!NOTE]"}
IN_A_ROW = 5
"""Pictures: so many fit beside each other on a page."""


def render(document: Document, *, pictures: str = "figures") -> str:
    """The document's text; pictures are `<pictures>/<name>.<language>.svg`."""
    words = Words(document.language)
    parts = [f"> {document.banner}"] if document.banner else []
    parts += [f"# {marked(document.title)}", f"*{document.about}*"]
    parts += [_block(block, document.language, pictures) for block in document.lead]
    for section in document.sections:
        parts += _section(section, document.language, pictures, level=2)
    parts += ["---", f"*{words('page.made_by')}*"]
    return "\n\n".join(part for part in parts if part) + "\n"


def marked(text: str) -> str:
    """`text` as Markdown: its marks if it is `Inline`, else all of it to the letter."""
    return text if isinstance(text, Inline) else literal(text)


def _section(section: Section, language: Language, pictures: str, *, level: int) -> list[str]:
    parts = [f"{'#' * level} {section.number} {marked(section.title)}"]
    parts += [_block(block, language, pictures) for block in section.blocks]
    for inner in section.sections:
        parts += _section(inner, language, pictures, level=level + 1)
    return parts


def _block(block: Block, language: Language, pictures: str) -> str:  # noqa: PLR0911 - one a kind
    match block:
        case Paragraph():
            return block.text
        case Note(kind="quiet"):
            return f"*{block.text}*"
        case Note():
            return f"> {ALERTS[block.kind]}\n> {block.text}"
        case Equation():
            return fenced("\n".join(block.lines))
        case Code():
            return _code(block)
        case Table():
            return _table(block)
        case Figure():
            return _figure(block, language, pictures)
        case Pair():
            return "\n\n".join(_figure(figure, language, pictures) for figure in block.figures)
        case Gallery():
            return _gallery(block, language, pictures)


def _code(code: Code) -> str:
    if code.title is None:
        return fenced(code.text, "sh")
    return f"<details>\n<summary>{to_html(code.title)}</summary>\n\n{fenced(code.text)}\n\n</details>"


def _table(table: Table) -> str:
    rules = {"left": ":---", "right": "---:"}
    lines = [
        table_row(column.title for column in table.columns),
        table_row(Inline(rules[column.align]) for column in table.columns),
        *(table_row(cells) for cells in bold_total(table)),
    ]
    return "\n".join(lines) + (f"\n\n*{table.caption}*" if table.caption else "")


def _figure(figure: Figure, language: Language, pictures: str) -> str:
    label = Words(language)("page.figure", number=figure.number)
    return f"![{literal(figure.spoken)}]({pictures}/{figure.name}.{language}.svg)\n\n{label} {figure.caption}"


def _gallery(gallery: Gallery, language: Language, pictures: str) -> str:
    """A table of pictures over their captions, some in a row."""
    images = [
        Inline(f"![{literal(unmarked(tile.caption))}]({pictures}/{gallery.file(place)})")
        for place, tile in enumerate(gallery.tiles)
    ]
    captions = [tile.caption for tile in gallery.tiles]
    width = min(IN_A_ROW, len(images))
    rows = [
        table_row([*part, *[""] * (width - len(part))])
        for start in range(0, len(images), width)
        for part in (images[start : start + width], captions[start : start + width])
    ]
    label = Words(language)("page.figure", number=gallery.number)
    return (
        "\n".join([rows[0], table_row([Inline(":---:")] * width), *rows[1:]])
        + f"\n\n{label} {gallery.caption}"
    )


def bold_total(table: Table) -> list[tuple[str, ...]]:
    """The table's rows; the last in bold print if it is their sum."""
    if not table.total:
        return list(table.rows)
    last = tuple(Inline(f"**{marked(cell)}**") if cell else "" for cell in table.rows[-1])
    return [*table.rows[:-1], last]


def table_row(cells: Iterable[str]) -> str:
    """A row of a pipe table."""
    # a bar ends a cell even inside a code span, unless it is escaped
    shown = (re.sub(r"(?<!\\)\|", r"\\|", marked(cell)).replace("\n", " ") for cell in cells)
    return "| " + " | ".join(shown) + " |"


def fenced(text: str, tongue: str = "text") -> str:
    """Text to the letter, whatever backticks are in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{tongue}\n{text}\n{fence}"
