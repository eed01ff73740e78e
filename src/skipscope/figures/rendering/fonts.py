"""Finds fonts for print: one with Chinese glyphs, and the characters that no font here can show."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unicodedata import category, east_asian_width

import typst

LATIN = "Libertinus Serif"
"""It comes with typst, so that print looks the same on every machine."""
CHINESE = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "Hiragino Sans GB",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "Songti SC",
    "SimSun",
)
"""Families with simplified Chinese, those with a bold weight of their own first."""
EXTRA = "manimgx_fonts_cjk"
"""Module of the package that `skipscope[zh]` installs, with Noto Sans CJK beside it."""
HOW_TO_GET_ONE = "pip install 'skipscope[zh]', or install a system font (Debian: fonts-noto-cjk)"

NOWHERE = "\U0010fffd"
"""A character that no font has; it is drawn as every missing one."""
_DRAWN = re.compile(r'<use [^>]*xlink:href="#([^"]+)"')


def extra_folder() -> Path | None:
    """Finds the folder of the extra's font, if it is installed."""
    found = find_spec(EXTRA)
    return None if found is None or found.origin is None else Path(found.origin).parent


@cache
def book() -> typst.Fonts:
    """Collects the fonts that print may use: the system's, the extra's and typst's own."""
    folder = extra_folder()
    return typst.Fonts(font_paths=[] if folder is None else [str(folder)])


@cache
def chinese() -> str | None:
    """Chooses the family for Chinese: the first whose glyphs are really there, if there is one."""
    there = set(book().families())
    found = (name for name in CHINESE if name in there and not missing("中文图骨", (name,)))
    return next(found, None)


def families(language: str) -> tuple[str, ...]:
    """Lists the families for a language in order; a later one serves glyphs that the earlier ones lack."""
    own = chinese()
    if own is None:
        return (LATIN,)
    return (own, LATIN) if language == "zh" else (LATIN, own)


def missing(text: str, family: Sequence[str]) -> str:
    """Finds the characters of `text` without a glyph in `family` and in every other font of the book.

    It draws them and compares: a character without a glyph looks like one that no font has.
    """
    letters = [letter for letter in dict.fromkeys(text) if ord(letter) > 126 and _is_drawn(letter)]
    if not letters:
        return ""
    # a codepoint a call on a page of its own: nothing is joined, and nothing in it is typst's markup
    calls = "#pagebreak()".join(f"#str.from-unicode({ord(letter)})" for letter in (NOWHERE, *letters))
    names = ", ".join(f'"{name}"' for name in family)
    page = f"#set page(width: 9cm, height: 2cm)\n#set text(font: ({names},))\n{calls}"
    drawn = typst.compile(page.encode(), font_paths=book(), format="svg")
    assert isinstance(drawn, list)  # noqa: S101 - there are two pages at least
    absent, *glyphs = (set(_DRAWN.findall(page.decode())) for page in drawn)
    return "".join(letter for letter, drawn in zip(letters, glyphs, strict=True) if drawn & absent)


def cells_of(text: str) -> int:
    """Estimates the width of a text in narrow characters: a Chinese letter is as wide as two others."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _is_drawn(letter: str) -> bool:
    """Excludes spaces and control characters; private ones are drawn if there is a glyph."""
    kind = category(letter)
    return kind == "Co" or kind[0] not in "ZC"
