"""Defines a report as data: sections of paragraphs, tables, code and figures, in one language.

It is built once from the records; the renderers decide nothing. Text is either `Inline`, in which Markdown's
marks have a meaning, or plain, in which nothing has.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import polars as pl

from skipscope.figures.layered import Layered
from skipscope.figures.rendering.raster import Picture, enlarged, png
from skipscope.figures.rendering.vega import specification
from skipscope.figures.style import Look
from skipscope.language import Language
from skipscope.report.words import Inline

Align = Literal["left", "right"]


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: Inline


@dataclass(frozen=True, kw_only=True)
class Note:
    """A text set apart: `warning` where a reader would go wrong without it, `quiet` for small print."""

    text: Inline
    kind: Literal["warning", "note", "quiet"] = "note"


@dataclass(frozen=True, kw_only=True)
class Equation:
    """Lines of mathematics in Unicode."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Code:
    """Preformatted text, folded under a title if it is long."""

    text: str
    title: Inline | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A table's column."""

    title: Inline
    align: Align = "left"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells under titles; `arms` names the network of each row, for its colour mark."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: Inline | None = None
    arms: tuple[str, ...] = ()
    total: bool = False
    kind: Literal["key", "plain", "facts", "claims"] = "plain"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its number, its caption and its alternative text; its files are called `name`."""

    name: str
    number: int
    caption: Inline
    spoken: str
    chart: Layered

    @property
    def table(self) -> pl.DataFrame:
        """The data that the chart is drawn from."""
        return self.chart.data

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The chart's Vega-Lite without its data."""
        return specification(self.chart)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two figures side by side where there is room."""

    figures: tuple[Figure, Figure]


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
    number: int
    caption: Inline
    spoken: str
    tiles: tuple[Tile, ...]
    table: pl.DataFrame
    steps: bool = False

    def file(self, index: int) -> str:
        """Returns the file name of a tile's picture, by its index from 0."""
        return f"{self.name}-{index + 1}.png"


Block = Paragraph | Note | Equation | Code | Table | Figure | Pair | Gallery


def figures_of(block: Block) -> tuple[Figure, ...]:
    """Returns the figures that a block shows."""
    if isinstance(block, Pair):
        return block.figures
    return (block,) if isinstance(block, Figure) else ()


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part with its number; `id` is the same in both languages, `arm` names the network it is about."""

    id: str
    title: Inline
    number: str = ""
    blocks: tuple[Block, ...] = ()
    sections: tuple["Section", ...] = ()
    arm: str | None = None

    @property
    def all_blocks(self) -> Iterator[Block]:
        """Its own blocks, then those of its sections, in reading order."""
        return chain(self.blocks, *(section.all_blocks for section in self.sections))


def numbered(sections: Iterable[Section], outer: str = "") -> tuple[Section, ...]:
    """Returns the sections with their numbers: 1, 1.1, 1.2, 2 ..."""
    return tuple(
        replace(section, number=f"{outer}{index}", sections=numbered(section.sections, f"{outer}{index}."))
        for index, section in enumerate(sections, start=1)
    )


@dataclass(frozen=True, kw_only=True)
class Document:
    """A report in one language; `banner` is the first line of everything rendered from it."""

    language: Language
    title: str
    banner: Inline | None
    about: Inline
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
    looks: Mapping[str, Look]

    @property
    def blocks(self) -> Iterator[Block]:
        """Every block, in reading order."""
        return chain(self.lead, *(section.all_blocks for section in self.sections))

    @property
    def figures(self) -> Iterator[Figure]:
        """Every figure, in reading order."""
        return chain.from_iterable(map(figures_of, self.blocks))

    @property
    def galleries(self) -> Iterator[Gallery]:
        """Every gallery, in reading order."""
        return (block for block in self.blocks if isinstance(block, Gallery))

    @property
    def pictures(self) -> dict[str, bytes]:
        """The galleries' pictures as PNGs, by file name; they are the same in every language."""
        return {
            gallery.file(index): png(enlarged(tile.picture, tile.zoom))
            for gallery in self.galleries
            for index, tile in enumerate(gallery.tiles)
        }
