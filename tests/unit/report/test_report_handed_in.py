"""What the one who hands in puts into a report, in every format: name, number, course, date, and notes."""

import io
import re
from dataclasses import replace
from zipfile import ZipFile

import pytest
from made_up_pictures import Undrawn

from skipscope.report import build_report
from skipscope.report.build import build_document
from skipscope.report.byline import byline
from skipscope.report.document import Document, Items, Paragraph
from skipscope.report.rendering import html, markdown, paper, paper_source
from skipscope.report.words import Inline, Words
from skipscope.spec.author import NOBODY, Author

LI = Author(name='李"雷\\', student_id="20260001", course="深度学习", date="2026-12-01")
NOTES = """# 我的分析

见图 1 与图 99，$f(x)+x$。

1. 一
2. 二
   - 甲

   $$a^2$$

| 值 |
|---|
| 1 |

## 小节

<b>x</b>
"""


@pytest.fixture
def document(study_tables, tmp_path):
    """The hand-in of a small study with notes, in Chinese."""
    (tmp_path / "notes.md").write_text(NOTES, encoding="utf-8")
    tables = study_tables(arms=("cnn", "resnet"), epochs=2, steps=16)
    return build_document(tables, "zh", part="handin", results=(), author=LI, notes=tmp_path / "notes.md")


@pytest.fixture
def small(document) -> Document:
    """The same with its notes alone."""
    notes = tuple(section for section in document.sections if section.id == "notes")
    return replace(document, sections=notes, lead=())


def test_the_byline_is_written_as_the_language_does(study_tables):
    tables = study_tables(arms=("cnn",), epochs=1, steps=4)
    author = Author(name="李雷", student_id="7", course="深度学习", date="2026-12-01")
    written = byline(tables, Words("zh"), author)
    assert written == "姓名：李雷　　学号：7　　课程：深度学习　　日期：2026 年 12 月 1 日"
    assert byline(tables, Words("en"), author) == "李雷 · Student ID 7 · 深度学习 · 1 December 2026"
    assert byline(tables, Words("en"), NOBODY) is None


def test_the_date_is_that_of_the_last_run_unless_it_is_given(study_tables):
    tables = study_tables(arms=("cnn",), epochs=1, steps=4)
    assert byline(tables, Words("en"), Author(name="a")) == "a · 3 November 2025"
    assert byline(tables, Words("en"), Author(name="a*", date="spring")) == r"a\* · spring"


def test_the_program_says_what_it_made(document, study_tables):
    assert document.made_by.startswith("“我的分析”由作者撰写")
    without = build_document(study_tables(arms=("cnn",), epochs=1, steps=4), "en", results=())
    assert without.made_by.startswith("Made by skipscope")


def test_a_page_links_the_figures_that_there_are(small):
    numbered = replace(small, lead=(Paragraph(text=Inline("x"), id="figure-1"),))  # stands for a figure
    page = html.render([numbered], language="zh", library="")
    assert '<a href="#zh-figure-1">图 1</a>' in page
    assert "与图 99，<math" in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert re.search(r'<math displaystyle="true"[^>]*>.*?<msup>', page)
    assert re.search(r"<ol>\s*<li><p>一</p>\s*</li>\s*<li><p>二</p>\s*<ul>\s*<li><p>甲</p>", page)
    assert '<meta name="author" content="李&#34;雷\\">' in page
    assert "学号：20260001" in page
    assert page.count("由作者撰写") == 1


def test_markdown_keeps_lists_and_the_byline(small):
    text = markdown.render(small)
    assert "\n1. 一\n2. 二\n   \n   - 甲\n" in re.sub(r"\n +\n", "\n   \n", text)
    assert "姓名：" in text.partition("\n\n")[2]
    assert "见图 1 与图 99" in text
    source = paper_source.render(small, suffix="svg")
    assert ":::: byline\n姓名：" in source


def test_print_names_the_author(small):
    family = paper.choose_fonts(small)
    pdf = paper.render_pdf(small, {}, family)
    assert b"/Author" in pdf
    with ZipFile(io.BytesIO(paper.render_docx(small, {}, family))) as docx:
        core, text = (docx.read(name).decode() for name in ("docProps/core.xml", "word/document.xml"))
    assert "<dc:creator>李&quot;雷\\</dc:creator>" in core
    first = text[: text.index("我的分析")]
    assert 'w:val="Byline"' in first
    assert "20260001" in first
    assert "<m:oMath" in text  # Word's own equation
    assert "<w:numPr>" in text  # and lists
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_a_report_has_the_author_of_the_settings(made_up, monkeypatch):
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    (workspace.path / "skipscope.toml").write_text('[author]\nname = "Li Lei"\n', encoding="utf-8")
    for path in build_report(workspace, None, formats={"md"}):
        assert "Li Lei" in path.read_text(encoding="utf-8").partition("\n## ")[0]


def test_without_notes_the_hand_in_asks(study_tables):
    tables = study_tables(arms=("cnn", "resnet"), epochs=2, steps=16)
    found = build_document(tables, "en", part="handin", results=())
    (section,) = (each for each in found.sections if each.id == "notes")
    assert section.title == "My analysis"
    (asked,) = (block for block in section.blocks if isinstance(block, Items))
    assert len(asked.items) == 3
