"""Reports: built once as data, rendered as a page and as Markdown."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from skipscope.analysis.tables import StudyTables, gather
from skipscope.claims.evaluate import evaluate
from skipscope.errors import UnknownName
from skipscope.figures import pixels, render, style
from skipscope.records.files import write_whole
from skipscope.records.store import Workspace
from skipscope.report import html, markdown
from skipscope.report.build import build_document
from skipscope.report.document import Document, Pair
from skipscope.report.words import LANGUAGES

FORMATS = frozenset({"html", "md"})


def build_report(
    workspace: Workspace,
    study: str | None,
    *,
    formats: AbstractSet[str] = FORMATS,
    language: str | None = None,
) -> list[Path]:
    """Writes the report of a study (or of the most recently planned) and says which files it is.

    The page holds both languages and opens in `language`, or in the reader's; Markdown is written in
    both. Next to them `figures/` has every figure's table and, for Markdown, its pictures.

    Raises:
        UnknownName: no such study, format or language.
        WorkspaceError: there is no study, a record is damaged, or the report cannot be written.
    """
    for format in sorted(formats - FORMATS):
        raise UnknownName("report format", format, FORMATS)
    chosen = next((known for known in LANGUAGES if known == language), None)
    if language is not None and chosen is None:
        raise UnknownName("language", language, LANGUAGES)
    tables = gather(workspace, study)
    folder = workspace.report_folder(tables.record.study.name)
    written: list[Path] = []
    with render.trusted():
        results = evaluate(tables)
        documents = [build_document(tables, each, results=results) for each in LANGUAGES]
        _write_tables(folder, documents[0])
        if "html" in formats:
            page = html.render(documents, language=chosen, library=render.library())
            written.append(_write(folder / "report.html", page))
        if "md" in formats:
            _write_pictures(folder, documents[0])
            written += [_write_markdown(folder, _drawable(tables, document)) for document in documents]
    return written


def _drawable(tables: StudyTables, document: Document) -> Document:
    """The document, with English in its charts where pictures drawn here cannot show Chinese."""
    if document.language != "zh" or render.has_chinese():
        return document
    return build_document(tables, "zh", chart_language="en")


def _write_markdown(folder: Path, document: Document) -> Path:
    """Pictures first: Markdown without them would be half a report."""
    font = style.FONT if document.language == "zh" else style.LATIN_FONT
    small = {figure.name for block in document.blocks if isinstance(block, Pair) for figure in block.figures}
    for figure in document.figures:
        width = style.PAIR_WIDTH if figure.name in small else style.WIDTH
        picture = render.svg(figure.spec, figure.table, width=width, font=font)
        _write(folder / "figures" / f"{figure.name}.{document.language}.svg", picture)
    return _write(folder / f"report.{document.language}.md", markdown.render(document))


def _write_pictures(folder: Path, document: Document) -> None:
    """Of galleries: they are the same in every language."""
    for gallery in document.galleries:
        for place, tile in enumerate(gallery.tiles):
            picture = pixels.png(pixels.enlarged(tile.picture, tile.zoom))
            write_whole(folder / "figures" / gallery.file(place), picture)


def _write_tables(folder: Path, document: Document) -> None:
    for figure in document.figures:
        _write(folder / "figures" / f"{figure.name}.csv", figure.table.write_csv())
    for gallery in document.galleries:
        _write(folder / "figures" / f"{gallery.name}.csv", gallery.table.write_csv())


def _write(path: Path, text: str) -> Path:
    write_whole(path, text.encode())
    return path
