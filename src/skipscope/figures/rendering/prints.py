"""Charts for paper: sets SVGs in available fonts and draws them as PNG."""

import re
from collections.abc import Sequence
from pathlib import Path

import typst

from skipscope.figures.rendering import fonts

DOTS = 192
"""Dots per inch: two for each pixel of a picture, which has 96 an inch."""
_TEXT = re.compile(r"<text [^>]*>")
_FAMILY = re.compile(r'font-family="[^"]*"')


def set_in(svg: str, family: Sequence[str]) -> str:
    """Sets the text of an SVG in the first of these families that has the glyphs.

    The weight is given as a variation, too: a variable font is drawn in its thinnest weight otherwise.
    """
    names = ", ".join(f"'{name}'" for name in family)

    def told(text: re.Match[str]) -> str:
        weight = 700 if 'font-weight="bold"' in text[0] else 400
        return _FAMILY.sub(
            f'font-family="{names}" style="font-variation-settings: \'wght\' {weight}"', text[0]
        )

    return _TEXT.sub(told, svg)


def pngs(svgs: Sequence[str], folder: Path) -> list[bytes]:
    """Draws SVGs as PNG at `DOTS` per inch, with temporary files in `folder`."""
    if not svgs:
        return []
    for index, svg in enumerate(svgs):
        (folder / f"print-{index}.svg").write_text(svg, encoding="utf-8")
    pages = "\n#pagebreak()\n".join(f'#image("print-{index}.svg")' for index in range(len(svgs)))
    (folder / "prints.typ").write_text(
        f"#set page(width: auto, height: auto, margin: 0pt)\n{pages}", encoding="utf-8"
    )
    drawn = typst.compile(folder / "prints.typ", root=folder, font_paths=fonts.book(), format="png", ppi=DOTS)
    return [page for page in (drawn if isinstance(drawn, list) else [drawn]) if isinstance(page, bytes)]
