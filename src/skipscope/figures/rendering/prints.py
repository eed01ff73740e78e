"""Prepares charts for paper: sets SVGs in available fonts and draws them as PNG."""

import json
import re
from collections.abc import Iterable, Sequence
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Literal

import typst
from PIL import Image

from skipscope.figures.rendering import fonts
from skipscope.figures.rendering.lettering import is_wide, lettered, slanted

DOTS = 192
"""Dots per inch: two for each pixel of a picture, which has 96 an inch."""
_TEXT = re.compile(r"(<text [^>]*(?<!/)>)(.*?)</text>", re.DOTALL)
_SLANTED = re.compile(r'<tspan(?P<tag>[^>]*) font-style="italic">(?P<letters>[^<]*)</tspan>')
_SIZE = re.compile(r'font-size="([\d.]+)(?:px)?"')
_FAMILY = re.compile(r'font-family="[^"]*"')
_BOLD, _ITALIC = 'font-weight="bold"', 'font-style="italic"'


def set_in(svg: str, family: Sequence[str]) -> str:
    """Sets the text of an SVG in the first of these families that has the glyphs.

    The weight is given as a variation, too: a variable font is drawn in its thinnest weight otherwise.
    Chinese families have no italics: variables are in the Latin one.
    """
    return _TEXT.sub(lambda text: _set(text[1], text[2], family), svg)


def _set(tag: str, words: str, family: Sequence[str]) -> str:
    """Sets one text element."""
    size = _SIZE.search(tag)
    if size and "<" not in words:
        words = lettered(unescape(words), float(size[1]))
    latin = _named(dict.fromkeys((fonts.LATIN, *family)))
    if any(is_wide(letter) for letter in words):
        # a family that has the Chinese letters, too, would be taken for the whole text: one without is not
        words = _SLANTED.sub(lambda each: slanted(each["letters"]), words)
    else:
        words = _SLANTED.sub(rf'<tspan\g<tag> {_ITALIC} font-family="{latin}">\g<letters></tspan>', words)
    weight = f"'wght' {700 if _BOLD in tag else 400}"
    names = latin if _ITALIC in tag else _named(family)
    told = f'font-family="{names}" style="font-variation-settings: {weight}"'
    return f"{_FAMILY.sub(told, tag)}{words}</text>"


def _named(family: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in family)


def pngs(svgs: Sequence[str], folder: Path) -> list[bytes]:
    """Draws SVGs as PNG at `DOTS` per inch, with temporary files in `folder`."""
    if not svgs:
        return []
    for index, svg in enumerate(svgs):
        (folder / f"print-{index}.svg").write_text(svg, encoding="utf-8")
    pages = "\n#pagebreak()\n".join(f'#image("print-{index}.svg")' for index in range(len(svgs)))
    source = f"#set page(width: auto, height: auto, margin: 0pt)\n{pages}"
    return [_indexed(page) for page in compiled(source, folder, "png", ppi=DOTS)]


def _indexed(picture: bytes) -> bytes:
    """Gives a picture a palette of 256 colours: charts have few, and take half the bytes."""
    with Image.open(BytesIO(picture)) as image:
        colours = image.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    written = BytesIO()
    colours.save(written, "PNG")
    return written.getvalue()


def compiled(
    source: str, folder: Path, format: Literal["pdf", "png"], *, ppi: int, floating: bool = False
) -> list[bytes]:
    """Compiles typst's markup, which may use files in `folder`, to one PDF or to a PNG of each page.

    `floating`: figures that do not fit where they are told of float to the top of the next page.
    """
    file = folder / "source.typ"
    file.write_text(source, encoding="utf-8")
    inputs = {"afloat": ",".join(map(str, afloat(file)))} if floating else {}
    made = typst.compile(
        file, root=folder, font_paths=fonts.book(), format=format, ppi=ppi, sys_inputs=inputs
    )
    return [page for page in (made if isinstance(made, list) else [made]) if isinstance(page, bytes)]


def afloat(file: Path) -> list[int]:
    """Finds the figures that have to float, one after the other: each moves what comes after it.

    A figure that was told to float stays afloat, so that this ends; typst by itself may go back and forth.
    """
    found: list[int] = []
    while True:
        inputs = {"afloat": ",".join(map(str, found))}
        told = typst.query(
            file, "<stands>", field="value", root=file.parent, font_paths=fonts.book(), sys_inputs=inputs
        )
        pages: dict[int, dict[str, int]] = {}
        for number, what, page in json.loads(told):
            pages.setdefault(number, {})[what] = page
        late = (number for number, stands in sorted(pages.items()) if stands["figure"] > stands["spot"])
        following = next((number for number in late if number not in found), None)
        if following is None:
            return found
        found.append(following)
