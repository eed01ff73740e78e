"""Prepares charts for paper: sets SVGs in available fonts and draws them as PNG."""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import typst
from PIL import Image

from skipscope.figures.rendering import fonts

DOTS = 192
"""Dots per inch: two for each pixel of a picture, which has 96 an inch."""
_TEXT = re.compile(r"<text [^>]*>")
_FAMILY = re.compile(r'font-family="[^"]*"')
_BOLD = 'font-weight="bold"'


def set_in(svg: str, family: Sequence[str]) -> str:
    """Sets the text of an SVG in the first of these families that has the glyphs.

    The weight is given as a variation, too: a variable font is drawn in its thinnest weight otherwise.
    """
    names = ", ".join(f"'{name}'" for name in family)

    def told(text: re.Match[str]) -> str:
        weight = f"'wght' {700 if _BOLD in text[0] else 400}"
        return _FAMILY.sub(f'font-family="{names}" style="font-variation-settings: {weight}"', text[0])

    return _TEXT.sub(told, svg)


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


def compiled(source: str, folder: Path, format: Literal["pdf", "png"], *, ppi: int) -> list[bytes]:
    """Compiles typst's markup, which may use files in `folder`, to one PDF or to a PNG of each page."""
    file = folder / "source.typ"
    file.write_text(source, encoding="utf-8")
    made = typst.compile(file, root=folder, font_paths=fonts.book(), format=format, ppi=ppi)
    return [page for page in (made if isinstance(made, list) else [made]) if isinstance(page, bytes)]
