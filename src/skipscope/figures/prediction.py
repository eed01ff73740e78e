"""Draws a sheet of networks' predictions for one picture: as given, as they see it, and with Grad-CAM maps.

Shapes: pictures are H W 3 of uint8; a heat map is h w in 0..1.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from skipscope.figures.rendering.fonts import NOWHERE, extra_folder
from skipscope.figures.rendering.raster import MARK, Picture, enlarged, png
from skipscope.figures.style import FAINT_INK, INK, RULE, looks
from skipscope.language import spoken

TIMES = 7
"""Side in pixels of the square that each pixel of the networks' input becomes."""
GAP, MARGIN, LINE, LINES = 24, 20, 19, 4
COLUMNS = 3
LARGE, SMALL = 16, 13
"""Font sizes; the font is Pillow's own, unless an arm's name has characters that it lacks."""
OTHER_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJK-VF.otf.ttc",
    "SourceHanSansSC-Regular.otf",
    "PingFang.ttc",
    "msyh.ttc",
    "Hiragino Sans GB.ttc",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "simsun.ttc",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
)
"""Files for what Pillow's own font lacks; it looks for them where a system keeps its fonts."""
STRONGEST = 0.7
"""Opacity of the heat's colour where the map is 1."""
PALEST = 0.4
"""Share of white in the picture under the heat, which is then darker than most of it."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Holds one network's prediction and the map of what speaks for it."""

    arm: str
    answer: str
    probability: float
    test_accuracy: float
    module: str
    """Module whose maps Grad-CAM looked at."""
    heat: NDArray[Any] | None


def prediction(
    shown: Picture, size: tuple[int, int], seen: Picture, panels: Sequence[Panel], of: str = ""
) -> bytes:
    """Draws a PNG: the picture as given (of `size`, W H), as networks see it, and a panel a network.

    `of` identifies the picture to `drawn_of`.
    """
    side = TIMES * seen.shape[0]
    colours = looks([panel.arm for panel in panels])
    sides, pixels = (f"{width} x {height} pixels" for width, height in (size, seen.shape[1::-1]))
    legend = "orange: what speaks for an answer"
    cells: list[tuple[Picture, str, Sequence[str]]] = [
        (_fitted(shown, side), INK, _written("as given", sides)),
        (enlarged(seen, TIMES), INK, _written("what the networks see", pixels, legend)),
    ]
    for panel in panels:
        said = f"{_written(panel.answer)[0]} {panel.probability:.0%}"
        right = f"right on {panel.test_accuracy:.1%} of the test images"
        heat, colour = overlay(seen, panel.heat), colours[panel.arm].color
        cells.append((heat, colour, (panel.arm, said, *_written(_looked(panel), right))))
    columns = min(COLUMNS, len(cells))
    cell = side + LINE * LINES + GAP
    rows = ceil(len(cells) / columns)
    size = (2 * MARGIN + columns * (side + GAP) - GAP, 2 * MARGIN + rows * cell - GAP)
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for index, (picture, colour, lines) in enumerate(cells):
        left, top = MARGIN + index % columns * (side + GAP), MARGIN + index // columns * cell
        sheet.paste(Image.fromarray(picture), (left, top))
        draw.rectangle((left - 1, top - 1, left + side, top + side), outline=RULE)
        for line, text in enumerate(lines):
            font = _font(text, LARGE if line < 2 else SMALL)
            ink = (colour, INK, FAINT_INK, FAINT_INK)[line]
            draw.text((left, top + side + 4 + line * LINE), _short(text, font, side), fill=ink, font=font)
    return png(np.asarray(sheet), of=of)


def _written(*lines: str) -> Sequence[str]:
    """Translates lines into the language that is spoken, if a font here can show it."""
    translated = [spoken(line) for line in lines]
    return translated if all(_has(_font(line, SMALL), line) for line in translated) else lines


def drawn_of(file: Path) -> str:
    """Returns which picture a drawing is of; empty for one of an older version, or none at all."""
    with suppress(OSError, SyntaxError, ValueError), Image.open(file) as drawing:
        return str(drawing.info.get("of", ""))
    return ""


def overlay(seen: Picture, heat: NDArray[Any] | None) -> Picture:
    """Enlarges the picture, in grey, and lays the heat over it, more opaque where there is more.

    The map is stretched over the whole picture, bilinearly, as in the paper (Selvaraju et al. 2017): where
    convolutions do not pad, a region at the border is drawn a few pixels too far out.
    """
    grey = Image.fromarray(enlarged(seen, TIMES)).convert("L").convert("RGB")
    grey = Image.blend(grey, Image.new("RGB", grey.size, "white"), PALEST)
    if heat is None:
        return np.asarray(grey)
    share = Image.fromarray(heat.astype(np.float32)).resize(grey.size, Image.Resampling.BILINEAR)
    alpha = Image.fromarray((STRONGEST * 255 * np.asarray(share)).astype(np.uint8))
    return np.asarray(Image.composite(Image.new("RGB", grey.size, MARK), grey, alpha))


def _looked(panel: Panel) -> str:
    """Writes the caption's last line: the map's module and size."""
    if panel.heat is None:
        return "it has no maps to look at"
    if not panel.heat.any():
        return f"{panel.module}: no region speaks for it"
    height, width = panel.heat.shape
    return f"Grad-CAM at {panel.module}, {width} x {height}"


def _fitted(shown: Picture, side: int) -> Picture:
    """Fits the whole picture into a white square of `side` pixels; small ones are enlarged pixel by pixel."""
    image = Image.fromarray(enlarged(shown, max(1, side // max(shown.shape[:2]))))
    image.thumbnail((side, side))
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(square)


def _font(text: str, size: int) -> Any:
    """Returns Pillow's own font, or the first here that has all of the text, as an arm's Chinese name."""
    own = ImageFont.load_default(size)
    return own if text.isascii() else next((font for font in (own, *_others(size)) if _has(font, text)), own)


@cache
def _others(size: int) -> list[Any]:
    """Opens those of `OTHER_FONTS` that are installed."""
    folder, found = extra_folder(), []
    for name in OTHER_FONTS:
        for path in (name, *([str(folder / name)] if folder else [])):
            with suppress(OSError):
                found.append(ImageFont.truetype(path, size))
    return found


def _has(font: Any, text: str) -> bool:
    """Returns whether no character of the text is drawn as a missing one."""
    missing = bytes(font.getmask(NOWHERE))
    return all(bytes(font.getmask(character)) != missing for character in text if not character.isspace())


def _short(text: str, font: Any, width: int) -> str:
    """Cuts a text that is wider than its picture."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
