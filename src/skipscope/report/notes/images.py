"""Embeds pictures that notes show: files beside them, never anything from the net."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import polars as pl

from skipscope.data import picture
from skipscope.errors import UsageError
from skipscope.report.context import Context
from skipscope.report.galleries import Gallery, Tile
from skipscope.report.notes.inlines import Image
from skipscope.report.words import Inline, literal, unmarked

MOST_BYTES = 2_000_000
WIDEST = 720
"""Pixels a side that are kept: a line of print, at a hundred an inch."""


def embedded(context: Context, notes: Path, image: Image) -> Gallery:
    """Returns the next figure, which shows a picture's file.

    Raises:
        UsageError: the picture is not in a file, or that is too large.
        PictureError: the file is missing, or no picture.
    """
    path = _file(notes, image.file)
    if path.exists() and path.stat().st_size > MOST_BYTES:
        what = f"A picture in notes has at most {MOST_BYTES:,} bytes."
        raise UsageError(what, where=str(path), hint="save it smaller, or as JPEG")
    shown = picture.read(path, longest=WIDEST).shown
    caption = image.caption or literal(path.name)
    tile = Tile(picture=shown, caption=Inline(""))
    table = pl.DataFrame({"file": [path.name], "caption": [unmarked(caption)]})
    name = f"notes-{_plain(path.stem)}"
    return context.gallery(name, [tile], table, caption=caption, spoken=caption)


def _file(notes: Path, named: str) -> Path:
    """Returns the picture's path, relative to the notes."""
    if urlsplit(named).scheme or named.startswith("//"):
        raise UsageError(
            f"Notes show pictures from files only, not {named[:80]}.",
            where=str(notes),
            hint="save the picture beside the notes, and write ![caption](its-name.png)",
        )
    return notes.parent / unquote(named)


def _plain(stem: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in stem)
