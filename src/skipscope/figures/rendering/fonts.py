"""Fonts for print: which one shows Chinese here, and which characters of a text nothing here can show."""

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unicodedata import category

import typst

LATIN = "Libertinus Serif"
"""Typst brings it: print looks the same on every machine."""
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
"""The module of the package that `skipscope[zh]` installs: Noto Sans CJK lies beside it."""
HOW_TO_GET_ONE = "pip install 'skipscope[zh]', or install a system font (Debian: fonts-noto-cjk)"

NOWHERE = "\U0010fffd"
"""A character that no font has: it is drawn as every missing one is."""
_DRAWN = re.compile(r'<use [^>]*xlink:href="#([^"]+)"')


def extra_folder() -> Path | None:
    """Where the extra's font lies, if it is installed."""
    found = find_spec(EXTRA)
    return None if found is None or found.origin is None else Path(found.origin).parent


@cache
def book() -> typst.Fonts:
    """All fonts that print may use: the system's, the extra's and those that typst brings."""
    folder = extra_folder()
    return typst.Fonts(font_paths=[] if folder is None else [str(folder)])


@cache
def chinese() -> str | None:
    """The family that Chinese is set in, if there is one and its glyphs are really there."""
    there = set(book().families())
    found = (name for name in CHINESE if name in there and not missing("中文图骨", (name,)))
    return next(found, None)


def families(language: str) -> tuple[str, ...]:
    """What a text of this language is set in; what the first has no glyph for, the next may have."""
    own = chinese()
    if own is None:
        return (LATIN,)
    return (own, LATIN) if language == "zh" else (LATIN, own)


def missing(text: str, family: Sequence[str]) -> str:
    """The characters of `text` for which there is no glyph, in `family` or in any font of the book.

    Seen in what is drawn: a character without a glyph is drawn like one that no font has.
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


def _is_drawn(letter: str) -> bool:
    """No space and no control character; what is only private is drawn, if there is a glyph."""
    kind = category(letter)
    return kind == "Co" or kind[0] not in "ZC"
