"""Builds a report's two parts once as data, and renders them as one page, as Markdown, and on paper."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl

from skipscope.analysis.tables import StudyTables, gather
from skipscope.claims.calibration.calibrate import load_calibration
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult
from skipscope.errors import FontError, UnknownName, UsageError
from skipscope.figures import style
from skipscope.figures.rendering import vega
from skipscope.figures.rendering.drawing import Drawing, Picture
from skipscope.language import LANGUAGES, Language, language_of
from skipscope.records.files import write_whole
from skipscope.records.store import Workspace
from skipscope.report.build import build_document
from skipscope.report.document import PARTS, Block, Document, Figure, Panels, Part, figures_of
from skipscope.report.galleries import Gallery
from skipscope.report.rendering import html, markdown, panels, paper
from skipscope.spec.author import NOBODY, Author, read_author

PAGE = frozenset({"html"})
FORMATS = PAGE | {"md"} | paper.FORMATS.keys()
HANDIN_HEIGHT, ROWS_HEIGHT = 150, 190
"""Heights of the tallest plots of the hand-in in print, which is to be read in 10 to 14 pages: of curves, and
of charts that choose their width on paper, whose rows need theirs."""


def build_report(
    workspace: Workspace,
    study: str | None,
    *,
    formats: AbstractSet[str] = PAGE,
    language: str | None = None,
    author: Author | None = None,
    notes: Path | None = None,
) -> list[Path]:
    """Writes the report of a study (by default of the latest planned one) and returns its files.

    The page holds both parts and both languages, and opens in `language`, or in the reader's. All else is
    written part by part: the hand-in and its appendix. Markdown is written in both languages, PDF and DOCX
    (of the hand-in alone) in `language`, or in both. Next to them `figures/` has every figure's table and,
    for Markdown, its pictures. `author` is named on the first page, by default whoever is in the settings;
    `notes` is a Markdown file with the reader's own analysis.

    Raises:
        UnknownName: no such study, format or language.
        UsageError: no format was given, or notes or settings cannot be read.
        PictureError: a picture in the notes cannot be read.
        WorkspaceError: there is no study, a record is damaged, or the report cannot be written.
        FontError: no font has the characters of a language; everything that needs none was written.
    """
    chosen = _checked_language(formats, language)
    author = read_author(workspace.path) if author is None else author
    on_paper = sorted(formats & paper.FORMATS.keys())
    printed = [each for each in LANGUAGES if on_paper and chosen in (None, each)]
    drawn = LANGUAGES if "md" in formats else printed
    written: list[Path] = []
    # pandoc, typst and Vega do most of the work: they run in the background of what follows
    with vega.trusted(), ExitStack() as ends, ThreadPoolExecutor() as pool:
        drawing = ends.enter_context(closing(Drawing())) if drawn else None
        tables = gather(workspace, study)
        folder = workspace.report_folder(tables.record.study.name)
        results = evaluate(tables)  # its memory is free again before the figures need some
        judged = partial(Edition, tables=tables, results=results, calibration=load_calibration(workspace))
        edition_in = partial(judged, author=author, notes=notes)
        editions = [
            edition_in(part=part, language=each, drawing=drawing if each in drawn else None)
            for part in PARTS
            for each in LANGUAGES
        ]
        documents = [edition.document for edition in editions]
        if "html" in formats:
            page = html.render(documents, language=chosen, library=vega.library())
            written.append(_write(folder / "report.html", page))
        papers, problems = _print(pool, [each for each in editions if each.language in printed], on_paper)
        for document in documents:
            if document.language == LANGUAGES[0]:  # a figure has the same numbers in every language
                _write_tables(pool, folder / "figures", document)
                if "md" in formats:
                    _write_all(pool, folder / "figures", document.pictures)
        if "md" in formats:
            written += [_write_markdown(pool, folder, edition) for edition in editions]
        written += [_write(folder / name, made.result()) for name, made in papers.items()]
    if problems:
        what = "\n".join(error.what for error in problems)
        raise FontError(what, hint=problems[0].hint, written=written)
    return written


def _checked_language(formats: AbstractSet[str], language: str | None) -> Language | None:
    if not formats:
        raise UsageError("No format was given.", hint=f"name some of {', '.join(sorted(FORMATS))}")
    for format in sorted(formats - FORMATS):
        raise UnknownName("report format", format, FORMATS, synonyms={"word": "docx", "markdown": "md"})
    return None if language is None else language_of(language)


@dataclass(frozen=True, kw_only=True)
class Edition:
    """A part of the report in one language with its charts as pictures, drawn once for all formats."""

    tables: StudyTables
    language: Language
    part: Part = "appendix"
    results: tuple[ClaimResult, ...] | None = None
    """The claims' verdicts, if they were evaluated before."""
    calibration: Mapping[str, Any] | None = None
    """The workspace's; the package's own if left out."""
    author: Author = NOBODY
    notes: Path | None = None
    drawing: Drawing | None = None
    """Draws the charts, if they are needed as pictures."""
    begun: dict[str, Picture] = field(default_factory=dict)
    """The pictures of the figures of `drawable` that were begun so far, by the figure's name."""

    @cached_property
    def document(self) -> Document:
        """The report."""
        first = self.drawable  # its pictures are drawn in the background
        return first if self._labelled == self.language else self._build()

    @cached_property
    def drawable(self) -> Document:
        """The report with charts in a language that can be drawn here; drawing begins part by part."""
        return self._build(chart_language=self._labelled, finished=self._draw)

    def _build(self, **options: Any) -> Document:
        return build_document(
            self.tables,
            self.language,
            part=self.part,
            results=self.results,
            calibration=self.calibration,
            author=self.author,
            notes=self.notes,
            **options,
        )

    @property
    def _labelled(self) -> Language:
        """The charts' language: English where no font for pictures has Chinese glyphs."""
        shown = self.drawing is None or self.language != "zh" or vega.has_chinese()
        return self.language if shown else "en"

    def _draw(self, blocks: Iterable[Block]) -> None:
        """Begins to draw the charts in these blocks.

        Vega measures Chinese text equally well with a Latin font, in two thirds of the time.
        """
        if self.drawing is None:
            return
        for block in blocks:
            width = panels.plot_width(block) if isinstance(block, Panels) else style.WIDTH
            inner = panels.inner(block) if isinstance(block, Panels) else frozenset[str]()
            for figure in figures_of(block):
                high, for_paper = figure.chart.height, figure.chart.width is not None
                most = (ROWS_HEIGHT if for_paper else HANDIN_HEIGHT) if self.part == "handin" else high
                spec = figure.spec | {"height": min(high, most)}
                if figure.name in inner:
                    spec = vega.wordless(spec)
                plot = figure.chart.width or width
                chart = vega.printable(spec, figure.table, width=plot, font=style.LATIN_FONT)
                self.begun[figure.name] = self.drawing.draw(figure.name, chart)

    @cached_property
    def charts(self) -> dict[str, str]:
        """The finished SVG of each figure and diagram of `drawable`, by its name."""
        shown = style.FONT if self.language == "zh" else style.LATIN_FONT
        names = (figure.name for figure in self.drawable.figures)
        drawn = {name: self.begun[name]().replace(style.LATIN_FONT, shown) for name in names}
        return drawn | {diagram.name: diagram.svg for diagram in self.drawable.diagrams}


def _print(
    pool: ThreadPoolExecutor, editions: Sequence[Edition], formats: Sequence[str]
) -> tuple[dict[str, Future[bytes]], list[FontError]]:
    """Begins PDF and DOCX in every language that there are fonts for; returns them by file name.

    The appendix is printed, not written in Word: nobody writes on in it.
    """
    begun: dict[str, Future[bytes]] = {}
    problems: dict[Language, FontError] = {}
    for edition in editions:
        try:
            family = paper.choose_fonts(edition.document)
        except FontError as error:
            problems.setdefault(edition.language, error)
            continue
        for format in formats:
            if format == "pdf" or edition.part == "handin":
                making = pool.submit(paper.FORMATS[format], edition.document, edition.charts, family)
                begun[f"{edition.part}.{edition.language}.{format}"] = making
    return begun, list(problems.values())


def _write_markdown(pool: ThreadPoolExecutor, folder: Path, edition: Edition) -> Path:
    """Writes the pictures first: Markdown without them would be half a report."""
    charts = {f"{name}.{edition.language}.svg": chart for name, chart in edition.charts.items()}
    _write_all(pool, folder / "figures", charts)
    return _write(folder / f"{edition.part}.{edition.language}.md", markdown.render(edition.drawable))


def _write_tables(pool: ThreadPoolExecutor, folder: Path, document: Document) -> None:
    blocks: list[Figure | Gallery] = [*document.figures, *document.galleries]
    _write_all(pool, folder, {f"{block.name}.csv": _csv(block.table) for block in blocks})


def _csv(table: pl.DataFrame) -> str:
    """Returns the table as CSV, with the old name of `module` for who still reads it; it will be dropped."""
    if "module" in table.columns:
        table = table.clone().insert_column(table.columns.index("module") + 1, table["module"].alias("place"))
    return table.write_csv()


def _write_all(pool: ThreadPoolExecutor, folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes files in parallel: the disk takes its time once a file."""
    list(pool.map(_write, [folder / name for name in files], files.values()))


def _write(path: Path, content: str | bytes) -> Path:
    write_whole(path, content.encode() if isinstance(content, str) else content)
    return path
