"""Prints the report as PDF (pandoc, then typst) and as a Word document (pandoc), from one Markdown source.

Pictures and intermediate files lie in a temporary folder. Nothing is made in which a character would lack
its glyph.
"""

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import polars as pl
import pypandoc  # type: ignore[import-untyped]
import typst

from skipscope.errors import FontError
from skipscope.figures.rendering import fonts, prints, raster
from skipscope.report.document import Document
from skipscope.report.rendering import docx_styles, paper_source

Charts = Mapping[str, str]
"""Each figure's SVG by the figure's name."""
Family = Sequence[str]
"""Names of fonts: a glyph that the first lacks is taken from the next."""
REGIONS = {"zh": "cn"}
NAMES = {"zh": "Chinese", "en": "English"}
TEMPLATES = files("skipscope.report.rendering") / "templates"


def render_pdf(document: Document, charts: Charts, family: Family) -> bytes:
    """A4 pages with contents, numbered figures and page numbers."""
    (printed,) = typeset(document, charts, family, "pdf")
    return printed


def typeset(
    document: Document, charts: Charts, family: Family, format: Literal["pdf", "png"], *, ppi: int = 96
) -> list[bytes]:
    """The pages: all in one PDF, or each as a PNG."""
    with _figures_folder(document) as folder, as_file(TEMPLATES / "paper.typ") as template:
        for name, chart in charts.items():
            path = folder / _chart_file(name, "svg")
            path.write_text(prints.set_in(chart, family), encoding="utf-8")
        given = {"lang": document.language, "region": REGIONS.get(document.language), "family": family}
        settings = [f"--template={template}", "--wrap=none", *_variables(given)]
        text = _converted(document, "svg", "typst", folder, settings)
        (folder / "report.typ").write_text(text, encoding="utf-8")
        made = typst.compile(
            folder / "report.typ", root=folder, font_paths=fonts.book(), format=format, ppi=ppi
        )
    return [page for page in (made if isinstance(made, list) else [made]) if isinstance(page, bytes)]


def render_docx(document: Document, charts: Charts, family: Family) -> bytes:
    """A Word document; its charts are PNGs, which every version shows."""
    with _figures_folder(document) as folder:
        drawn = prints.pngs([prints.set_in(chart, family) for chart in charts.values()], folder)
        for name, picture in zip(charts, drawn, strict=True):
            (folder / _chart_file(name, "png")).write_bytes(picture)
        (folder / "reference.docx").write_bytes(_reference())
        settings = [f"--reference-doc={folder / 'reference.docx'}"]
        written = folder / "report.docx"
        _converted(document, "png", "docx", folder, settings, into=written)
        return docx_styles.with_contents(written.read_bytes())


FORMATS: Mapping[str, Callable[[Document, Charts, Family], bytes]] = {"docx": render_docx, "pdf": render_pdf}


def choose_fonts(document: Document) -> Family:
    """The fonts that the document and its charts are set in.

    Raises:
        FontError: no installed font has all its characters; says how to get one.
    """
    family = fonts.families(document.language)
    written = paper_source.render(document, suffix="svg") + document.title
    charted = "".join(json.dumps(figure.spec, ensure_ascii=False) for figure in document.figures)
    shown = {
        value
        for figure in document.figures
        for column in figure.table.iter_columns()
        if column.dtype == pl.String
        for value in column
        if value is not None
    }
    absent = fonts.missing("".join((written, charted, *sorted(shown))), family)
    if absent:
        told = absent if len(absent) <= 12 else f"{absent[:12]}…"
        raise FontError(
            f"No font on this machine has all the characters of the report in {NAMES[document.language]} "
            f"({len(absent)} are missing: {told}): its PDF and DOCX were not made.",
            hint=fonts.HOW_TO_GET_ONE,
        )
    return family


@contextmanager
def _figures_folder(document: Document) -> Iterator[Path]:
    """A temporary folder with the document's pictures in `figures/`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figures").mkdir()
        for gallery in document.galleries:
            for index, tile in enumerate(gallery.tiles):
                picture = raster.png(raster.enlarged(tile.picture, tile.zoom))
                (folder / "figures" / gallery.file(index)).write_bytes(picture)
        yield folder


def _chart_file(name: str, suffix: str) -> str:
    return f"figures/{name}.{suffix}"


def _converted(
    document: Document, suffix: str, format: str, folder: Path, settings: list[str], into: Path | None = None
) -> str:
    source = paper_source.render(document, suffix=suffix)
    with as_file(TEMPLATES / "paper.lua") as filter:
        return str(
            pypandoc.convert_text(
                source,
                format,
                format=paper_source.FORMAT,
                outputfile=into,
                extra_args=[
                    "--standalone",
                    f"--metadata=title:{document.title}",
                    f"--resource-path={folder}",
                    f"--lua-filter={filter}",
                    *settings,
                ],
            )
        )


def _variables(given: Mapping[str, str | Family | None]) -> list[str]:
    return [
        f"--variable={name}:{value}"
        for name, values in given.items()
        for value in ((values,) if isinstance(values, str) else values or ())
    ]


@cache
def _reference() -> bytes:
    """Pandoc's own reference document with our styles."""
    command = [pypandoc.get_pandoc_path(), "--print-default-data-file=reference.docx"]
    made = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - pandoc, as pypandoc found it
    return docx_styles.styled_reference(made.stdout)
