"""Renders the report as one self-contained page: both parts and languages, the data once, Vega embedded."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any

import polars as pl
import polars.selectors as cs
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from skipscope.diagrams import gradients
from skipscope.figures import style
from skipscope.figures.rendering.raster import webp
from skipscope.language import Language
from skipscope.reference import shipped
from skipscope.report.document import Document
from skipscope.report.galleries import Tile
from skipscope.report.rendering import mathml
from skipscope.report.words import NO_FORMULAS, NO_LINKS, Words, to_html, unmarked

CODES = {"en": "en", "zh": "zh-CN"}
DIGITS = 6


def render(documents: Sequence[Document], *, language: Language | None, library: str) -> str:
    """Renders the page, opening in `language` or the reader's own; `library` draws its charts.

    Args:
        documents: the parts of the report in every language, in reading order.
        language: the one in which the page opens.
        library: the source of Vega.
    """
    with ThreadPoolExecutor(1) as pool:
        formulas = pool.submit(mathml.of, documents)  # pandoc's time is another process's
        data, charts, shared = _charts(documents)
        names, pictures = _pictures(documents)
    documents = _linked(documents)
    first = language or "en"
    languages = sorted(
        dict.fromkeys(document.language for document in documents), key=lambda each: each != first
    )
    page = _templates().get_template("page.html")
    return page.render(
        editions=[[each for each in documents if each.language == one] for one in languages],
        math=formulas.result(),
        words={document.language: Words(document.language) for document in documents},
        codes=CODES,
        first=first,
        fixed=language,
        style=style,
        data=_json(data),
        charts=_json(charts),
        shared=_json(shared),
        pictures=_json(pictures),
        picture_of=names.__getitem__,
        gradients=_gradients(documents),
        library=Markup(library.replace("</script", "<\\/script")),  # noqa: S704 - Vega's own source
    )


def _gradients(documents: Sequence[Document]) -> dict[str, Markup]:
    """Returns style, data and script of the diagram of gradients; nothing if no document has a live one."""
    if not any(figure.live for document in documents for figure in document.figures):
        return {}
    parts = {
        "style": gradients.stylesheet(),
        "data": gradients.data(shipped.gradients()),
        "script": gradients.script(),
    }
    return {name: Markup(part) for name, part in parts.items()}  # noqa: S704 - the package's own


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("skipscope.report.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["marks"] = _marked
    templates.filters["words_only"] = unmarked
    templates.filters["parted"] = _parted
    templates.filters["drawn"] = _drawn
    templates.tests["kind"] = lambda block, name: type(block).__name__ == name
    return templates


def _drawn(drawing: str) -> Markup:
    """Returns a drawing as it stands in the page, whose style sheet has the fonts of its texts."""
    return Markup(_FONT.sub("", drawing))  # noqa: S704 - our own SVG


_FONT = re.compile(r' font-family="[^"]*"')


def _marked(text: str, math: Mapping[str, str] = NO_FORMULAS, document: Document | None = None) -> Markup:
    """Renders a text's marks, with its formulas and the targets of its links where they are given."""
    links = NO_LINKS if document is None else document.links
    return Markup(to_html(text, math, links))  # noqa: S704 - it escapes what it does not mark


def _linked(documents: Sequence[Document]) -> list[Document]:
    """Returns the documents with the identifiers of all that can be linked to in their language."""
    links: dict[Language, dict[str, str]] = {document.language: {} for document in documents}
    for document in documents:
        links[document.language] |= {each: f"{document.language}-{each}" for each in document.targets}
    return [replace(document, links=links[document.language]) for document in documents]


def _parted(text: str) -> tuple[str, str]:
    """Splits a cell into its value and the interval after it, if it ends with one."""
    value, bracket, rest = text.partition(" \\[")
    if not rest.endswith("\\]") or "\\[" in rest:
        return text, type(text)()
    return type(text)(value), type(text)(bracket[1:] + rest)


def _pictures(documents: Sequence[Document]) -> tuple[dict[Tile, str], dict[str, str]]:
    """Returns the names of tiles' pictures, and those pictures by name, each once for both languages.

    They are in their own size, which the page enlarges.
    """
    names: dict[Tile, str] = {}
    pictures: dict[str, str] = {}
    for tile in (tile for document in documents for gallery in document.galleries for tile in gallery.tiles):
        encoded = b64encode(webp(tile.picture)).decode()
        names[tile] = f"p{sha256(encoded.encode()).hexdigest()[:12]}"
        pictures[names[tile]] = encoded
    return names, pictures


def _charts(documents: Sequence[Document]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Returns packed tables by digest, each only once, charts by language and name, and what they share.

    What is the same in every chart's specification, as its looks are, is left out of each.
    """
    tables: dict[str, Any] = {}
    charts: dict[str, Any] = {}
    names: dict[int, str] = {}
    for document in documents:
        for figure in (each for each in document.figures if not each.live):
            table = figure.table
            if id(table) not in names:
                packed = _packed(table)
                names[id(table)] = f"t{sha256(json.dumps(packed).encode()).hexdigest()[:12]}"
                tables[names[id(table)]] = packed
            spec = _hoisted(figure.spec) | {"data": {"name": names[id(table)]}}
            charts[f"{document.language}-{figure.name}"] = spec
    first: dict[str, Any] = next(iter(charts.values()), {})
    shared = {
        key: part
        for key, part in first.items()
        if key != "data" and all(spec.get(key) == part for spec in charts.values())
    }
    own = {
        name: {key: part for key, part in spec.items() if key not in shared} for name, spec in charts.items()
    }
    return tables, own, shared


def _hoisted(spec: dict[str, Any]) -> dict[str, Any]:
    """Says once what is encoded alike in all layers of a chart; each layer inherits it."""
    first, *others = (layer["encoding"] for layer in spec["layer"])
    alike = {
        key: part for key, part in first.items() if others and all(each.get(key) == part for each in others)
    }
    own = [
        layer | {"encoding": {key: part for key, part in layer["encoding"].items() if key not in alike}}
        for layer in spec["layer"]
    ]
    return spec | {"encoding": alike, "layer": own}


def _packed(table: pl.DataFrame) -> dict[str, Any]:
    """Packs a table by column, strings as codes of their few levels: a fifth of the size.

    Numbers are rounded to `DIGITS`: charts show three.
    """
    columns: dict[str, Any] = {}
    for column in table.with_columns(cs.float().round_sig_figs(DIGITS)):
        values = column.to_list()
        if column.dtype == pl.String:
            levels = {word: code for code, word in enumerate(dict.fromkeys(values))}
            columns[column.name] = {"levels": list(levels), "codes": [levels[value] for value in values]}
        elif column.dtype == pl.Boolean:
            columns[column.name] = {"levels": [False, True], "codes": [int(value) for value in values]}
        else:
            columns[column.name] = {"values": values}
    return columns


def _json(value: object) -> Markup:
    """Returns JSON that cannot close the script element around it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704
