"""How the hand-in is laid out: numbered tables, rows and marks in one piece, room to write in."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from documents import built
from PIL import Image

from skipscope.figures.rendering import prints
from skipscope.report.document import Column, Document, Equation, Note, Paragraph, Section, Table
from skipscope.report.handin import prose
from skipscope.report.rendering import html, markdown, paper, paper_source
from skipscope.report.words import Inline, Words

FOOTER = 0.94
"""The share of a page's height below which its number stands."""


def document(*blocks, language="en"):
    """A hand-in of one section after the first, which has none of the page's contents above it."""
    sections = tuple(
        Section(id=name, number=number, title=Inline(name), blocks=found)
        for number, name, found in (("1", "one", ()), ("2", "two", blocks))
    )
    told = {"title": "t", "banner": None, "about": Inline("x"), "lead": (), "looks": {}}
    return Document(part="handin", language=language, sections=sections, made_by=Inline("m"), **told)


def table(*rows, **more):
    return Table(columns=(Column(title=Inline("a")), Column(title=Inline("b"))), rows=rows, **more)


def as_typst(found, tmp_path: Path) -> str:
    return paper._converted(found, "svg", "typst", tmp_path, [])


@pytest.mark.parametrize(("language", "word"), [("en", "Table"), ("zh", "表")])
def test_tables_of_the_hand_in_are_numbered_in_their_order_and_referred_to(study_tables, language, word):
    found = built(study_tables(), language, part="handin", results=())
    tables = [block for block in found.blocks if isinstance(block, Table)]
    assert [each.number for each in tables] == [str(number) for number in range(1, len(tables) + 1)]
    assert len(tables) >= 5
    texts = " ".join(block.text for block in found.blocks if isinstance(block, Paragraph))
    referred = {int(number) for number in re.findall(r"\(#table-(\d+)\)", texts)}
    assert referred
    assert referred <= set(range(1, len(tables) + 1))
    for text in (markdown.render(found), paper_source.render(found, suffix="svg")):
        assert re.findall(rf"\*\*{word} (\d)\.?\*\*", text) == [each.number for each in tables]
    page = html.render([found], language=language, library="")
    ids = re.findall(rf'id="{language}-table-(\d)"', page)
    assert ids == [each.number for each in tables]
    assert all(f'href="#{language}-table-{number}"' in page for number in referred)
    appendix = built(study_tables(), language, results=())
    assert not [block for block in appendix.blocks if isinstance(block, Table) and block.number]


STANDING = """
#set page(height: 100pt, width: 100pt, margin: 0pt)
#let afloat = sys.inputs.at("afloat", default: "").split(",")
#let stands(number, what) = context [#metadata((number, what, here().page())) <stands>]
#set block(spacing: 0pt)
#let text = block(height: 30pt)[text]
#let figure(number, height) = {
  place(stands(number, "spot"))
  let told = block(height: height, breakable: false)[#stands(number, "figure")]
  if str(number) in afloat { place(top, float: true, told) } else { told }
}
"""


@pytest.mark.parametrize(("heights", "floating"), [((20, 20), []), ((80, 30), [1]), ((80, 50), [1, 2])])
def test_figures_that_do_not_fit_float_one_after_the_other(tmp_path, heights, floating):
    """A page has room for its text and a low figure; text goes on where a figure went to the next page."""
    file = tmp_path / "source.typ"
    told = "".join(
        f"#text\n#figure({number}, {height}pt)\n" for number, height in enumerate(heights, start=1)
    )
    file.write_text(STANDING + told)
    assert prints.afloat(file) == floating


def test_a_row_of_a_table_stays_on_one_page():
    """The last row is a third of a page high, and the page has room for half of it."""
    lines = tuple(Paragraph(text=Inline(f"line {number}")) for number in range(34))
    rows = [(Inline("short"), Inline("x"))] * 2 + [(Inline("high"), Inline("word " * 420))]
    found = document(*lines, table(*rows))
    pages = paper.typeset(found, {}, ("Libertinus Serif",), "png", ppi=40)
    picture = Image.open(io.BytesIO(pages[0])).convert("L")
    width, height = picture.size
    strips = ((y, picture.crop((0, y, width, y + 1))) for y in range(round(FOOTER * height)))
    inked = [y for y, strip in strips if strip.getextrema()[0] < 180]
    assert len(pages) == 2
    assert inked[-1] < 0.9 * height


@pytest.mark.parametrize(
    ("mark", "kept"),
    [("⟦reference, S1a⟧", True), ("⟦对照，S1a⟧", True), ("⟦reference, S3, S1a, D2, E3, E4⟧", False)],
)
def test_short_marks_are_not_broken_over_lines(tmp_path, mark, kept):
    text = as_typst(document(Paragraph(text=Inline(f"So it is {mark}."))), tmp_path)
    assert ("#kept[" in text) == kept
    assert ("#mark[" in text) != kept
    assert re.search(r"\]\n?\.", text)  # the full stop follows at once


def test_what_introduces_an_equation_stays_with_it(tmp_path):
    blocks = [Paragraph(text=Inline(word)) for word in ("before", "lead", "after")]
    blocks.insert(2, Equation(lines=("x = y",)))
    found = document(*blocks)
    text = as_typst(found, tmp_path)
    assert re.search(r"#lead\[\s*lead\s*\]\s*#equation\[", text)
    assert text.count("#lead[") == 1
    assert ":::" not in markdown.render(found)


def test_on_paper_there_is_room_to_write_in_place_of_a_command(study_tables):
    for language in ("en", "zh"):
        tables = study_tables(arms=("cnn",), epochs=1, steps=4)
        found = built(tables, language, part="handin", results=())
        [section] = [each for each in found.sections if each.id == "notes"]
        command = tables.workspace.typed("skipscope report --notes notes.md")
        here = Words(language)("notes.here")
        assert {note.on for note in section.blocks if isinstance(note, Note)} == {"page", "paper"}
        for text in (paper_source.render(found, suffix="svg"), markdown.render(found)):
            assert command not in text
            assert str(tables.workspace.path) not in text
            assert here in text
        page = html.render([found], language=language, library="")
        assert "skipscope report --notes notes.md" in page
        assert here not in page


def test_a_caption_of_a_table_follows_its_number():
    words = Words("en")
    numbered = table(number="3", caption=Inline("What."))
    assert markdown.table_caption(numbered, words) == "**Table 3.** What."
    assert markdown.table_caption(replace(numbered, number=""), words) == "What."
    assert "*What.*" in markdown.render(document(replace(numbered, number="")))


def test_word_has_the_styles_of_both(tmp_path):
    styles = (paper.TEMPLATES / "word" / "styles.xml").read_text(encoding="utf-8")
    assert re.search(r'w:styleId="Lead">(?:(?!</w:style>).)*<w:keepNext/>', styles, re.DOTALL)
    assert 'w:styleId="Blank"' in styles


def test_no_space_is_set_between_a_wide_bracket_and_a_mark():
    mark = Inline(" ⟦参考⟧")
    assert prose._marked(Inline("见图（图 8）。"), mark) == "见图（图 8）⟦参考⟧。"
    assert prose._marked(Inline("见图 8。"), mark) == "见图 8 ⟦参考⟧。"
