"""Prints the report as PDF (pandoc, then typst) and as a Word document (pandoc), from one Markdown source.

Pictures and intermediate files lie in a temporary folder. Nothing is made in which a character would lack
its glyph.
"""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from html import unescape
from importlib.resources import as_file, files
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import polars as pl
import pypandoc  # type: ignore[import-untyped]

from skipscope.errors import FontError
from skipscope.figures.rendering import fonts, prints
from skipscope.report.document import Document
from skipscope.report.rendering import docx_styles, paper_source

Charts = Mapping[str, str]
"""Each figure's SVG by the figure's name."""
Family = Sequence[str]
"""Names of fonts: a glyph that the first lacks is taken from the next."""
NAMES = {"zh": "Chinese", "en": "English"}
TEMPLATES = files("skipscope.report.rendering") / "templates"


def render_pdf(document: Document, charts: Charts, family: Family) -> bytes:
    """Prints A4 pages with contents, numbered figures and page numbers."""
    (printed,) = typeset(document, charts, family, "pdf")
    return printed


def typeset(
    document: Document, charts: Charts, family: Family, format: Literal["pdf", "png"], *, ppi: int = 96
) -> list[bytes]:
    """Prints the pages: all in one PDF, or each as a PNG."""
    variables = [f"lang:{document.language}", *(f"family:{each}" for each in family)]
    if document.language == "zh":
        variables.append("region:cn")
    floating = document.part == "handin"
    if floating:
        variables.append("floating:yes")
    with _figures_folder(document) as folder, as_file(TEMPLATES / "paper.typ") as template:
        for name, chart in charts.items():
            (folder / f"figures/{name}.svg").write_text(prints.set_in(chart, family), encoding="utf-8")
        variables.append(f"author:{_quoted(document.author.name)}")
        settings = [f"--template={template}", "--wrap=none", *(f"--variable={each}" for each in variables)]
        source = _converted(document, "svg", "typst", folder, settings)
        return prints.compiled(source, folder, format, ppi=ppi, floating=floating)


def render_docx(document: Document, charts: Charts, family: Family) -> bytes:
    """Makes a Word document; its charts are PNGs, which every version shows."""
    with _figures_folder(document) as folder:
        drawn = prints.pngs([prints.set_in(chart, family) for chart in charts.values()], folder)
        for name, picture in zip(charts, drawn, strict=True):
            (folder / f"figures/{name}.png").write_bytes(picture)
        reference, written = folder / "reference.docx", folder / "report.docx"
        reference.write_bytes(_reference())
        _converted(document, "png", "docx", folder, [f"--reference-doc={reference}"], into=written)
        return docx_styles.completed(written.read_bytes(), author=document.author.name)


FORMATS: Mapping[str, Callable[[Document, Charts, Family], bytes]] = {"docx": render_docx, "pdf": render_pdf}


def choose_fonts(document: Document) -> Family:
    """Returns the fonts that the document and its charts are set in.

    Raises:
        FontError: no installed font has all its characters; says how to get one.
    """
    family = fonts.families(document.language)
    texts = [paper_source.render(document, suffix="svg"), document.title]
    texts += [unescape(re.sub("<[^>]*>", "", diagram.svg)) for diagram in document.diagrams]
    for figure in document.figures:
        texts.append(json.dumps(figure.spec, ensure_ascii=False))
        words = figure.table.select(pl.col(pl.String).drop_nulls().unique().implode())
        texts += chain.from_iterable(column[0] for column in words)
    if absent := fonts.missing("".join(texts), family):
        told = absent if len(absent) <= 12 else f"{absent[:12]}…"
        raise FontError(
            f"No font on this machine has all the characters of the report in {NAMES[document.language]} "
            f"({len(absent)} are missing: {told}): its PDF and DOCX were not made.",
            hint=fonts.HOW_TO_GET_ONE,
        )
    return family


def _quoted(text: str) -> str:
    """Writes a text as it stands between the quotation marks of typst."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


@contextmanager
def _figures_folder(document: Document) -> Iterator[Path]:
    """Makes a temporary folder with the document's pictures in `figures/`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "figures").mkdir()
        for file, picture in document.pictures.items():
            (folder / "figures" / file).write_bytes(picture)
        yield folder


def _converted(
    document: Document, suffix: str, format: str, folder: Path, settings: list[str], into: Path | None = None
) -> str:
    source = paper_source.render(document, suffix=suffix)
    given = ["--standalone", f"--metadata=title:{document.title}", f"--resource-path={folder}", *settings]
    with as_file(TEMPLATES / "paper.lua") as filter:
        given.append(f"--lua-filter={filter}")
        return str(pypandoc.convert_text(source, format, paper_source.FORMAT, given, outputfile=into))


@cache
def _reference() -> bytes:
    """Returns Pandoc's own reference document with our styles."""
    command = [pypandoc.get_pandoc_path(), "--print-default-data-file=reference.docx"]
    made = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - pandoc, as pypandoc found it
    return docx_styles.styled_reference(made.stdout)
