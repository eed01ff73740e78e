"""Where figures of the hand-in stand on paper: below what speaks of them, and text fills the pages."""

import io
from collections.abc import Iterator

import pytest
import typst
from PIL import Image

from skipscope.report.document import Diagram, Document, Paragraph, Section
from skipscope.report.rendering import paper
from skipscope.report.words import Inline

PPI = 40
FOOTER = 0.94
"""The share of a page's height below which its number stands."""


@pytest.fixture
def warnings(monkeypatch) -> list[str]:
    """What typst warns of, as that a layout does not converge."""
    found: list[str] = []

    def compiled(file, **told):
        made, warned = typst.compile_with_warnings(file, **told)
        found.extend(each.message for each in warned)
        return made

    monkeypatch.setattr("skipscope.figures.rendering.prints.typst.compile", compiled)
    return found


def drawing(name: str, height: int) -> Diagram:
    """A black square, 104 mm wide on paper, of this height."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="104" height="{height}">'
        f'<rect width="104" height="{height}"/></svg>'
    )
    return Diagram(name=name, number="1", caption=Inline("What."), spoken="black", svg=svg)


def lines(number: int) -> tuple[Paragraph, ...]:
    return tuple(Paragraph(text=Inline(f"line {index}")) for index in range(number))


def printed(*sections: tuple) -> list[list[str]]:
    """The pages, from top to bottom: runs of text and of what is black over half the width."""
    found = tuple(
        Section(id=f"s{number}", number=str(number), title=Inline("Title"), blocks=blocks)
        for number, blocks in enumerate(sections, start=1)
    )
    told = {"title": "t", "banner": None, "about": Inline("x"), "lead": (), "looks": {}}
    document = Document(part="handin", language="en", sections=found, made_by=Inline("m"), **told)
    charts = {each.name: each.svg for each in document.diagrams}
    return [
        list(kinds(page)) for page in paper.typeset(document, charts, ("Libertinus Serif",), "png", ppi=PPI)
    ]


def kinds(page: bytes) -> Iterator[str]:
    picture = Image.open(io.BytesIO(page)).convert("L")
    width, height = picture.size
    last = ""
    for y in range(round(FOOTER * height)):
        strip = picture.crop((0, y, width, y + 1))
        dark = strip.histogram()[:230]
        kind = "black" if sum(dark) > 0.4 * width else "text" if strip.getextrema()[0] < 180 else ""
        if kind and kind != last:
            yield kind
        last = kind or last


def test_a_figure_stands_below_the_heading_of_its_chapter(warnings):
    """The chapter begins at the top of a page, where a float would go above its heading."""
    pages = printed((), lines(52), (*lines(1), drawing("one", 60), *lines(3)))
    assert pages[-1] == ["text", "black", "text"]
    assert not warnings


def test_a_small_figure_without_room_begins_the_next_page(warnings):
    pages = printed((), (*lines(40), drawing("one", 80), *lines(3)))
    assert pages == [["text"], ["black", "text"]]
    assert not warnings


def test_text_fills_the_page_that_has_no_room_for_a_tall_figure(warnings):
    pages = printed((), (*lines(26), drawing("one", 140), *lines(30)))
    assert pages == [["text"], ["black", "text"]]
    assert not warnings


def test_the_next_chapter_waits_for_a_tall_figure(warnings):
    pages = printed((), (*lines(26), drawing("one", 140)), lines(3))
    assert pages == [["text"], ["black", "text"]]
    assert not warnings
