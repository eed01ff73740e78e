"""Turns pandoc's inline elements into the report's text, with links to the figures that it names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from skipscope.report.notes.source import Node
from skipscope.report.words import Inline, code, literal

REFERENCE = re.compile(r"(?:图|[Ff]igures?|[Ff]igs?\.)[ \u00a0]?(?P<number>A?\d{1,3})(?![\w.]*\d)")
"""A figure by its number, as people write it: 图 3, 图A12, Figure A12, Fig. 3."""
LETTERS = ("Str", "Space", "SoftBreak", "LineBreak", "RawInline")


@dataclass(frozen=True, kw_only=True)
class Display:
    """A formula on a line of its own, in TeX."""

    tex: str


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture by its file, with its caption."""

    file: str
    caption: Inline


Piece = Inline | Display | Image


def pieces(nodes: Sequence[Node]) -> list[Piece]:
    """Returns the text of inline elements, in pieces where a formula or a picture stands by itself."""
    found: list[Piece] = []
    for part in _parts(nodes):
        if isinstance(part, Inline) and found and isinstance(found[-1], Inline):
            found[-1] = Inline(found[-1] + part)
        else:
            found.append(part)
    stripped = (Inline(part.strip()) if isinstance(part, Inline) else part for part in found)
    return [part for part in stripped if part]


def text(nodes: Sequence[Node]) -> Inline:
    """Returns the text of inline elements on one line: pictures by their captions, all formulas within it."""
    told = (
        part if isinstance(part, Inline) else formula(part.tex) if isinstance(part, Display) else part.caption
        for part in pieces(nodes)
    )
    return Inline(" ".join(told))


def formula(tex: str) -> Inline:
    """Writes a formula within a line; one with a dollar sign in it stays as it was typed."""
    bare = " ".join(tex.split())
    return Inline(f"${bare}$") if bare and "$" not in bare else code(bare)


def _parts(nodes: Iterable[Node]) -> Iterator[Piece]:
    """Yields the pieces one after the other; letters that follow each other are one."""
    letters = ""
    for node in nodes:
        kind: str = node["t"]
        content: Any = node.get("c")
        if kind in LETTERS:
            letters += content[1] if kind == "RawInline" else content or " "  # HTML is shown as it is typed
            continue
        yield _linked(letters)
        letters = ""
        yield from _marked(kind, content)
    yield _linked(letters)


def _marked(kind: str, content: Any) -> Iterator[Piece]:
    """Yields an element that is more than letters."""
    match kind, content:
        case "Code", [_, str(words)]:
            yield code(words)
        case "Math", [{"t": "InlineMath"}, str(tex)]:
            yield formula(tex)
        case "Math", [_, str(tex)]:
            yield Display(tex=" ".join(tex.split()))
        case "Image", [_, list(caption), [str(file), _]]:
            yield Image(file=file, caption=text(caption))
        case "Link", [_, list(inner), [str(url), _]]:
            yield from _parts(inner)
            if not url.startswith("#") and url.removeprefix("mailto:") != text(inner).replace("\\", ""):
                yield literal(f" ({url})")
        case "Note", [*blocks]:
            told = [text(block["c"]) for block in blocks if block["t"] in ("Para", "Plain")]
            yield Inline(f" ({' '.join(told)})")
        case (("Strong" | "Emph"), [*inner]):
            yield bold(text(inner))
        case ("Strikeout", [*inner]) | ("Span", [_, [*inner]]):
            yield from _parts(inner)
        case _:
            raise NotImplementedError(kind)  # FORMAT has no others


def bold(inner: str) -> Inline:
    """Sets a text in bold print, without the punctuation around it: Markdown ends no bold print after that.

    Chinese has no italics, and the report none either, so that this is all the emphasis there is.
    """
    bare = inner.replace("**", "")
    found = re.fullmatch(r"(\W*)(.*?)(\W*)", bare, re.DOTALL)
    before, middle, after = found.groups() if found else ("", bare, "")
    plain = middle and not re.search(r"[\\`$\[\]]", before + after)
    return Inline(f"{before}**{middle}**{after}" if plain else bare)


def _linked(letters: str) -> Inline:
    """Escapes letters, and links figures; where there is none of that number, a page drops the link."""
    done, written = 0, ""
    for found in REFERENCE.finditer(letters):
        written += f"{_plain(letters[done : found.start()])}[{_plain(found[0])}](#figure-{found['number']})"
        done = found.end()
    return Inline(written + _plain(letters[done:]))


def _plain(letters: str) -> str:
    """Escapes letters, those included that mean something to pandoc alone."""
    return literal(letters).replace("{", "\\{")
