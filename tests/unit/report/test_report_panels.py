"""Panels of a figure: how they are laid out and how large they are, on paper and on a page."""

import json
import re

import altair as alt
import polars as pl
import pytest

from skipscope.figures.layered import Layered
from skipscope.figures.rendering import vega
from skipscope.figures.rendering.drawing import svg
from skipscope.report.document import NOTHING, Diagram, Document, Figure, Panels, Section
from skipscope.report.rendering import html, markdown, panels, paper, paper_source
from skipscope.report.words import Inline

POINT = 25.4 / 72
DATA = pl.DataFrame({"x": [0.0, 1.0], "y": [1.0, 2.0]})
KEY = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="18" viewBox="0 0 100 18"></svg>'


def figure(name: str) -> Figure:
    axis = alt.Axis(minExtent=38, maxExtent=38)
    line = (
        alt.Chart()
        .mark_line()
        .encode(x=alt.X("x:Q", scale=alt.Scale(padding=14)), y=alt.Y("y:Q", title="loss", axis=axis))
    )
    chart = Layered(layers=[line], data=DATA, height=60)
    return Figure(name=name, number="", caption=NOTHING, spoken=f"says {name}", chart=chart)


def grid(networks: int, columns: int) -> Panels:
    """A figure of two rows a network, named a1, a2, b1, b2 ..."""
    names = [f"{letter}{row}" for letter in "abcdefgh"[:networks] for row in (1, 2)]
    key = Diagram(name="key", number="", caption=NOTHING, spoken="solid: s", svg=KEY)
    told = {"number": "1", "caption": Inline("What."), "key": key}
    return Panels(figures=tuple(map(figure, names)), columns=columns, rows=2, **told)


def document(*blocks) -> Document:
    section = Section(id="one", number="1", title=Inline("one"), blocks=blocks)
    told = {"title": "t", "banner": None, "about": Inline("x"), "lead": (), "looks": {}}
    return Document(part="handin", language="en", sections=(section,), made_by=Inline("m"), **told)


def names(lines) -> list[str]:
    return [" ".join(each.name for each in line) for line in lines]


def test_panels_of_a_network_stand_below_each_other_and_the_rows_wrap():
    found = grid(5, 3)
    assert names(found.stacks) == ["a1 a2", "b1 b2", "c1 c2", "d1 d2", "e1 e2"]
    assert names(found.lines) == ["a1 b1 c1", "a2 b2 c2", "d1 e1", "d2 e2"]
    assert panels.inner(found) == {"b1", "c1", "b2", "c2", "e1", "e2"}


def test_a_pair_has_all_its_words():
    pair = Panels(figures=(figure("a"), figure("b")))
    assert names(pair.lines) == ["a b"]
    assert not panels.inner(pair)
    assert panels.plot_width(pair) == panels.PAIR_WIDTH


@pytest.mark.parametrize("columns", [1, 2, 3, 4])
def test_panels_fit_the_line_and_their_letters_have_seven_points(columns):
    found = grid(columns, columns)
    widths = panels.printed_widths(found)
    assert len(widths) == columns
    assert sum(widths) <= paper_source.TEXT_WIDTH
    for line in found.lines:
        for each, width in zip(line, widths, strict=True):
            spec = vega.wordless(each.spec) if each.name in panels.inner(found) else each.spec
            drawn = vega.printable(spec, each.table, width=panels.plot_width(found), font="sans-serif")
            pixels = panels.drawn_width(svg(json.dumps(drawn)))
            assert 12 * width / pixels >= 7 * POINT
            assert pixels == pytest.approx(
                width / panels.PIXEL, abs=3
            )  # all are shrunk alike; a label may jut out


def test_a_chart_without_words_stays_level_with_the_one_at_its_left():
    one = figure("a")
    heights = [
        float(re.findall(r'<svg [^>]*height="([\d.]+)"', svg(json.dumps(drawn)))[0])
        for spec in (one.spec, vega.wordless(one.spec))
        for drawn in [vega.printable(spec, one.table, width=100, font="sans-serif")]
    ]
    assert heights[0] == heights[1]
    assert "labels" not in one.spec["layer"][0]["encoding"]["y"]["axis"]  # the page's is as it was


def test_every_format_shows_the_key_and_every_panel_once(tmp_path):
    found = document(grid(5, 3))
    assert [each.name for each in found.diagrams] == ["key"]
    web, source = markdown.render(found), paper_source.render(found, suffix="svg")
    for each in ("key", *(one.name for one in found.figures)):
        assert web.count(f"(figures/{each}.en.svg)") == source.count(f"(figures/{each}.svg)") == 1
    rows = [line for line in web.splitlines() if line.startswith("| ![")]
    assert [line.count("![") for line in rows] == [3, 3, 2, 2]
    page = html.render([found], language="en", library="")
    assert page.count('aria-label="solid: s"') == 1
    assert "--columns: 3" in page
    text = paper._converted(found, "svg", "typst", tmp_path, [])
    assert text.index("#panels[") < text.index("#strokes[") < text.index("figures/a1.svg")


def test_a_grid_of_panels_is_a_table_in_word():
    found = document(grid(2, 2))
    charts = {each.name: KEY for each in (*found.figures, *found.diagrams)}
    assert paper.render_docx(found, charts, ("Libertinus Serif",)).startswith(b"PK")
