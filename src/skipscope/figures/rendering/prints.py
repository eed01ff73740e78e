"""Charts for paper: an SVG set in a font that is there, and many of them as PNG."""

import re
from collections.abc import Sequence
from pathlib import Path

import typst

from skipscope.figures.rendering import fonts

DOTS = 192
"""To the inch of a picture: two for each of its pixels, which are 96 to the inch."""
_TEXT = re.compile(r"<text [^>]*>")
_FAMILY = re.compile(r'font-family="[^"]*"')


def set_in(svg: str, family: Sequence[str]) -> str:
    """The picture with its text in the first of these families that has it.

    The weight is said twice: a variable font is else drawn in its thinnest.
    """
    names = ", ".join(f"'{name}'" for name in family)

    def told(text: re.Match[str]) -> str:
        weight = 700 if 'font-weight="bold"' in text[0] else 400
        return _FAMILY.sub(
            f'font-family="{names}" style="font-variation-settings: \'wght\' {weight}"', text[0]
        )

    return _TEXT.sub(told, svg)


def pngs(svgs: Sequence[str], folder: Path) -> list[bytes]:
    """The pictures drawn at `DOTS` to the inch; `folder` is where they may lie meanwhile."""
    if not svgs:
        return []
    for place, svg in enumerate(svgs):
        (folder / f"print-{place}.svg").write_text(svg, encoding="utf-8")
    pages = "\n#pagebreak()\n".join(f'#image("print-{place}.svg")' for place in range(len(svgs)))
    (folder / "prints.typ").write_text(
        f"#set page(width: auto, height: auto, margin: 0pt)\n{pages}", encoding="utf-8"
    )
    drawn = typst.compile(folder / "prints.typ", root=folder, font_paths=fonts.book(), format="png", ppi=DOTS)
    return [page for page in (drawn if isinstance(drawn, list) else [drawn]) if isinstance(page, bytes)]
