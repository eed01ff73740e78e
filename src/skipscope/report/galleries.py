"""Defines galleries: small pictures beside each other under one number and caption."""

from dataclasses import dataclass

import polars as pl

from skipscope.figures.rendering.raster import Picture
from skipscope.report.words import Inline


@dataclass(frozen=True, kw_only=True, eq=False)
class Tile:
    """One picture of a gallery with its caption; each pixel is drawn as a square of `zoom` pixels."""

    picture: Picture
    caption: Inline
    zoom: int = 1

    @property
    def side(self) -> tuple[int, int]:
        """Width and height as drawn, in pixels."""
        height, width = self.picture.shape[:2]
        return self.zoom * width, self.zoom * height


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures with one number and caption; with `steps`, each follows from the one before it.

    `table` describes the pictures; its files are called `name`.
    """

    name: str
    number: str
    caption: Inline
    spoken: str
    tiles: tuple[Tile, ...]
    table: pl.DataFrame
    steps: bool = False
    signs: tuple[str, ...] = ()
    """What stands between tiles that are steps, arrows if left out: window × kernel = product."""

    def sign(self, index: int) -> str:
        """Returns what stands behind a tile, by its index from 0; nothing behind the last one."""
        last = not self.steps or index + 1 == len(self.tiles)
        return "" if last else self.signs[index] if self.signs else "→"

    def file(self, index: int) -> str:
        """Returns the file name of a tile's picture, by its index from 0."""
        return f"{self.name}-{index + 1}.png"
