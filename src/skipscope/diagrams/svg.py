"""Writes SVG: elements, texts that know about how wide they are, and the picture around them.

Lengths are pixels of a picture that is `WIDTH` wide, from the top left.
"""

import re
from collections.abc import Iterable
from functools import cache
from html import escape

from skipscope.figures import style
from skipscope.figures.rendering.lettering import is_wide, lettered

WIDTH = 440
"""As wide as a picture is: its texts are 8 to 9 points on paper, and still 9 pixels on a telephone of 360."""
SIZE, SMALL = 12.0, 11.0
"""Sizes of text."""
INK, PAPER = "currentColor", "#ffffff"
"""What is drawn on paper of its own is outlined in `style.INK`, so that it is seen on a dark page, too."""
LINE = 1.1
"""Width of a line."""
_NARROW, _WIDE = set("iljtfrI.,:;|'!()[]/ "), set("mwMWNOQGCDHU+=−–—")
"""Letters much narrower or wider than others in a sans serif; no machine's fonts are asked."""


def element(name: str, content: str = "", **attributes: object) -> str:
    """Writes an element: `class_` stands for `class`, underscores for hyphens; None leaves one out."""
    start = "".join((f"<{name}", *(_attribute(*each) for each in attributes.items() if each[1] is not None)))
    return f"{start}>{content}</{name}>" if content else f"{start}/>"


def _attribute(key: str, value: object) -> str:
    written = number(value) if isinstance(value, float) else escape(str(value))
    return f' {key.strip("_").replace("_", "-")}="{written}"'


def number(value: float) -> str:
    """Writes a length with at most one decimal."""
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written


def at(x: float, y: float) -> str:
    """Writes a point of a path."""
    return f"{number(x)} {number(y)}"


def group(parts: Iterable[str], **attributes: object) -> str:
    """Puts elements in a group with common attributes."""
    return element("g", "".join(parts), **attributes)


def text(
    words: str,
    x: float,
    y: float,
    *,
    anchor: str = "middle",
    size: float = SMALL,
    bold: bool = False,
    italic: bool = False,
    faint: bool = False,
) -> str:
    """Writes a text whose baseline is at `y`."""
    return element(
        "text",
        lettered(words, size),
        x=x,
        y=y,
        text_anchor=None if anchor == "start" else anchor,
        font_size=size,
        font_weight="bold" if bold else None,
        font_style="italic" if italic else None,
        font_family=style.FONT if any(map(is_wide, words)) else style.LATIN_FONT,
        fill=INK,
        fill_opacity="0.72" if faint else None,
    )


@cache  # a layout is tried at many widths, with the same few names
def width_of(words: str, size: float = SMALL) -> float:
    """Estimates how wide a text is, rather too wide than too narrow."""
    return size * sum(map(_share, words))


def _share(letter: str) -> float:
    if is_wide(letter) or letter in "×·→…":  # these are as wide as Chinese in Chinese fonts
        return 1.0
    if letter in _NARROW:
        return 0.36
    if letter in _WIDE:
        return 0.82
    return 0.7 if letter.isupper() else 0.58


def line(*points: tuple[float, float], **attributes: object) -> str:
    """Draws straight lines from point to point."""
    return path("M" + "L".join(at(*point) for point in points), **attributes)


def path(d: str, **attributes: object) -> str:
    """Draws a path in ink, unless told otherwise."""
    ink: dict[str, object] = {"fill": "none", "stroke": INK, "stroke_width": LINE}
    return element("path", "", d=d, **ink | attributes)


def rectangle(x: float, y: float, width: float, height: float, **attributes: object) -> str:
    """Draws a rectangle."""
    return element("rect", "", x=x, y=y, width=width, height=height, **attributes)


def circle(x: float, y: float, radius: float, **attributes: object) -> str:
    """Draws a circle."""
    return element("circle", "", cx=x, cy=y, r=radius, **attributes)


def picture(parts: Iterable[str], height: float, width: float = WIDTH) -> str:
    """Puts elements into a picture; its own ink is used where nothing around it sets a colour."""
    return element(
        "svg",
        "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        width=round(width),
        height=round(height),
        viewBox=f"0 0 {round(width)} {round(height)}",
        color=style.INK,
    )


def stacked(pictures: Iterable[str], *, gap: float = 16.0) -> str:
    """Puts pictures of one width below each other, as one."""
    parts, y = list[str](), 0.0
    for each in pictures:
        parts.append(each.replace("<svg ", f'<svg y="{number(y)}" ', 1))
        y += float(_HEIGHT.findall(each)[0]) + gap
    return parts[0].replace(' y="0"', "", 1) if len(parts) == 1 else picture(parts, y - gap)


_HEIGHT = re.compile(r' height="([\d.]+)"')
