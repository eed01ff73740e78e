"""Defines a report as data: sections of paragraphs, tables, code and figures, in one language.

It is built once from the records; the renderers decide nothing. Text is either `Inline`, in which Markdown's
marks have a meaning, or plain, in which nothing has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, Literal

import polars as pl

from skipscope.figures.layered import Layered
from skipscope.figures.rendering.raster import enlarged, png
from skipscope.figures.rendering.vega import specification
from skipscope.figures.style import Look
from skipscope.language import Language
from skipscope.report.galleries import Gallery
from skipscope.report.statements import Statement
from skipscope.report.words import Inline
from skipscope.spec.author import NOBODY, Author

Align = Literal["left", "right"]
Part = Literal["handin", "appendix"]
"""The document that one reads and hands in, or everything behind it."""
NOTHING = Inline("")
PARTS: tuple[Part, ...] = ("handin", "appendix")


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text, with the statements that an explanation is made of."""

    text: Inline
    statements: tuple[Statement, ...] = ()
    id: str = ""
    """What links within the page lead to."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """A text set apart: `warning` where a reader would go wrong without it, `quiet` for small print.

    In a `blank` the reader writes; `on` says where it stands if not everywhere: on a page or on paper.
    """

    text: Inline
    kind: Literal["warning", "note", "quiet", "blank"] = "note"
    on: Literal["all", "page", "paper"] = "all"


@dataclass(frozen=True, kw_only=True)
class Equation:
    """Lines of mathematics in TeX, as far as pandoc understands it."""

    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Code:
    """Preformatted text, folded under a title if it is long."""

    text: str
    title: Inline | None = None


@dataclass(frozen=True, kw_only=True)
class Items:
    """A list of paragraphs and lists within it; numbered from `first` on if that is given."""

    items: tuple[tuple["Block", ...], ...]
    first: int | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A table's column."""

    title: Inline
    align: Align = "left"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells under titles.

    `arms` names the network of each row, for its colour mark; `statements` are those that cells are made of.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: Inline | None = None
    arms: tuple[str, ...] = ()
    total: bool = False
    kind: Literal["key", "plain", "facts", "claims", "answers"] = "plain"
    statements: tuple[Statement, ...] = ()
    number: str = ""
    """The number by which the text of the hand-in refers to it; tables of the appendix have none."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart with its number, its caption and its alternative text; its files are called `name`."""

    name: str
    number: str
    caption: Inline
    spoken: str
    chart: Layered
    live: str = ""
    """HTML that a page shows instead of the drawing."""

    @property
    def table(self) -> pl.DataFrame:
        """The data that the chart is drawn from."""
        return self.chart.data

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The chart's Vega-Lite without its data."""
        return specification(self.chart)


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """A drawing with its number and caption, as a whole SVG: the structure of a network."""

    name: str
    number: str
    caption: Inline
    spoken: str
    svg: str


@dataclass(frozen=True, kw_only=True)
class Panels:
    """Figures side by side where there is room, at most so many `columns` of them.

    With a number and a caption of its own they are panels of one figure, and have none themselves. Each
    `rows` that follow each other belong together and stand below each other: of them only the column at the
    left has the words of its vertical axes in print. The `key` says above all what their lines are.
    """

    figures: tuple[Figure, ...]
    columns: int = 2
    rows: int = 1
    number: str = ""
    caption: Inline = NOTHING
    key: Diagram | None = None

    @property
    def stacks(self) -> tuple[tuple[Figure, ...], ...]:
        """The figures that stand below each other, from left to right."""
        starts = range(0, len(self.figures), self.rows)
        return tuple(self.figures[start : start + self.rows] for start in starts)

    @property
    def lines(self) -> tuple[tuple[Figure, ...], ...]:
        """The figures that stand beside each other, from top to bottom."""
        found, stacks = list[tuple[Figure, ...]](), self.stacks
        for start in range(0, len(stacks), self.columns):
            found += zip(*stacks[start : start + self.columns], strict=True)
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Bibliography:
    """Works that are cited, each a paragraph with an id."""

    works: tuple[Paragraph, ...]


Shown = Figure | Diagram | Panels | Gallery
"""What has the number of a figure."""
Block = Paragraph | Note | Equation | Code | Items | Table | Shown | Bibliography


def figures_of(block: Block) -> tuple[Figure, ...]:
    """Returns the figures that a block shows."""
    if isinstance(block, Panels):
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
    def targets(self) -> Iterator[str]:
        """Its own name, and those of its sections."""
        return chain([self.id], *(section.targets for section in self.sections))

    @property
    def all_blocks(self) -> Iterator[Block]:
        """Its own blocks, then those of its sections, in reading order."""
        return chain(self.blocks, *(section.all_blocks for section in self.sections))


@dataclass(frozen=True, kw_only=True)
class Document:
    """A part of the report in one language; `banner` is the first line of everything rendered from it.

    `byline` says who hands it in, `made_by` what the program made of it; on a page `links` has identifiers by
    the targets of links, in this part or another.
    """

    part: Part
    language: Language
    title: str
    banner: Inline | None
    about: Inline
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
    looks: Mapping[str, Look]
    made_by: Inline
    author: Author = NOBODY
    byline: Inline | None = None
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> Iterator[Block]:
        """Every block, in reading order."""
        return chain(self.lead, *(section.all_blocks for section in self.sections))

    @property
    def figures(self) -> Iterator[Figure]:
        """Every figure, in reading order."""
        return chain.from_iterable(map(figures_of, self.blocks))

    @property
    def diagrams(self) -> Iterator[Diagram]:
        """Every diagram and every key to panels, in reading order."""
        keys = ((block.key,) if isinstance(block, Panels) else (block,) for block in self.blocks)
        return (each for each in chain.from_iterable(keys) if isinstance(each, Diagram))

    @property
    def targets(self) -> set[str]:
        """The names that a link within the document can lead to: of sections, claims, works and figures."""
        found = {target for section in self.sections for target in section.targets}
        for block in self.blocks:
            match block:
                case Paragraph(id=id) if id:
                    found.add(id)
                case Bibliography(works=works):
                    found |= {work.id for work in works}
                case Diagram(number=number) | Gallery(number=number):
                    found.add(f"figure-{number}")
                case Table(number=number) if number:
                    found.add(f"table-{number}")
                case Figure() | Panels():
                    numbers = [each.number for each in (block, *figures_of(block))]
                    found |= {f"figure-{number}" for number in numbers if number}
        return found

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
