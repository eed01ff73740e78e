"""The report as PDF and as a Word document."""

import io
import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import numpy as np
import pytest
from made_up_pictures import Undrawn
from PIL import Image

from skipscope.analysis.tables import gather
from skipscope.errors import FontError
from skipscope.figures.rendering import fonts
from skipscope.report import Edition, build_report
from skipscope.report.document import Code, Column, Document, Note, Section, Table
from skipscope.report.rendering import paper, paper_source
from skipscope.report.words import Inline, code, literal, unmarked

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MARGIN = 18 / 210
"""The share of a page's width in which nothing is set."""


@pytest.fixture
def fast_charts(monkeypatch):
    """Charts drawn by nobody: what is around them is tested."""
    text = '<text x="9" y="40" font-family="Arial">训练 loss</text>'
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="300">{text}</svg>'
    monkeypatch.setattr(Undrawn, "svg", drawn)
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)


@pytest.fixture(scope="module")
def editions():
    """The editions and their files so far; printing an edition changes nothing in it."""
    return {}


@pytest.fixture
def edition(small, fast_charts, editions):
    """`edition("zh")`: of two networks with readings and pictures."""

    def of(language):
        if language not in editions:
            tables = small(arms=("cnn", "resnet"), data="shapes")
            editions[language] = Edition(tables=tables, language=language, drawing=Undrawn())
        return editions[language]

    return of


def made(edition, format):
    return paper.FORMATS[format](edition.document, edition.charts, paper.choose_fonts(edition.document))


@pytest.fixture
def printed(edition, editions):
    """`printed("en", "docx")`: the file of `edition("en")`."""

    def of(language, format):
        if (language, format) not in editions:
            editions[language, format] = made(edition(language), format)
        return editions[language, format]

    return of


def parts(docx):
    with ZipFile(io.BytesIO(docx)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def paragraphs(docx, style=None):
    root = ET.fromstring(parts(docx)["word/document.xml"])
    for paragraph in root.iter(f"{WORD}p"):
        kind = paragraph.find(f"{WORD}pPr/{WORD}pStyle")
        if style is None or (kind is not None and kind.get(f"{WORD}val") == style):
            yield "".join(text.text or "" for text in paragraph.iter(f"{WORD}t"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pdf_is_a4_in_fonts_that_have_the_language(printed, language):
    pdf = printed(language, "pdf")
    assert pdf.startswith(b"%PDF-")
    boxes = {tuple(map(float, box.split())) for box in re.findall(rb"/MediaBox ?\[([^\]]+)\]", pdf)}
    ((left, bottom, right, top),) = boxes
    # 210 x 297 mm in points, to a hundredth
    assert (left, bottom, round(right, 2), round(top, 2)) == (0, 0, 595.28, 841.89)
    used = b" ".join(re.findall(rb"/BaseFont ?/([\w+-]+)", pdf))
    assert (b"LibertinusSerif" if language == "en" else fonts.chinese().replace(" ", "").encode()[:8]) in used


def columns_of_ink(page):
    """Whether each column of pixels has anything but white in it."""
    ink = (np.asarray(Image.open(io.BytesIO(page)).convert("L")) < 200).any(axis=0)
    return ink, len(ink)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_reaches_into_the_margin(edition, language):
    this = edition(language)
    pages = paper.typeset(wide(this.document), this.charts, paper.choose_fonts(this.document), "png", ppi=50)
    assert len(pages) > 8
    for number, page in enumerate(pages, start=1):
        ink, width = columns_of_ink(page)
        # a pixel for a stroke that lies on the edge
        outside = [
            x for x in range(width) if ink[x] and not MARGIN * width - 2 < x < (1 - MARGIN) * width + 1
        ]
        assert not outside, (number, outside)


def wide(document):
    """The document, with the widest things at its front that a report may have."""
    names = [f"a_rather_long_name_of_an_arm_{index}" for index in range(9)]
    table = Table(
        columns=tuple(Column(title=Inline(f"{name} in per cent"), align="right") for name in names),
        rows=(
            (*map(code, names[:8]), "67.7\u00a0% \\[66.8,\u00a068.6\\]"),
            ("0123456789abcdef" * 4, *["1"] * 8),
        ),
        caption=Inline("A table with more in it than fits a line."),
    )
    lines = "\n".join(f"{'  ' * depth}(layer): Conv2d({'64, ' * 40})" for depth in range(4))
    blocks = (table, Code(text=lines, title=Inline("**long** lines")), Code(text=f"skipscope {'x' * 150}"))
    return replace(document, lead=(*blocks, *document.lead))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_word_document_has_everything_and_fonts_for_both_scripts(edition, printed, language):
    this, docx = edition(language), printed(language, "docx")
    found = parts(docx)
    for name, content in found.items():
        if name.endswith((".xml", ".rels")):
            ET.fromstring(content)
    styles = found["word/styles.xml"].decode()
    assert 'w:eastAsia="SimSun"' in styles
    assert "w:asciiTheme" not in styles
    text = found["word/document.xml"].decode()
    assert re.search(r'<w:pgSz[^>]*w:h="16838"[^>]*w:w="11906"|<w:pgSz[^>]*w:w="11906"[^>]*w:h="16838"', text)
    assert "footerReference" in text
    assert any(b"PAGE" in content for name, content in found.items() if "footer" in name)
    used = set(re.findall(r'w:pStyle w:val="(\w+)"', text)) | set(
        re.findall(r'w:tblStyle w:val="(\w+)"', text)
    )
    assert used <= set(re.findall(r'w:styleId="(\w+)"', styles))
    pictures = [content for name, content in found.items() if name.startswith("word/media/")]
    assert all(content.startswith(b"\x89PNG") for content in pictures)
    tiles = sum(len(gallery.tiles) for gallery in this.document.galleries)
    charts = sum(1 for _ in this.document.figures)
    assert text.count("<pic:pic>") == tiles + charts
    numbers = Counter(
        int(number) for line in paragraphs(docx) for number in re.findall(r"^(?:Figure |图 ?)A(\d+)", line)
    )
    assert numbers == Counter(range(1, charts + sum(1 for _ in this.document.galleries) + 1))


def test_the_contents_of_a_word_document_are_there_before_word_counts_pages(printed):
    docx = printed("en", "docx")
    headings = [text for level in (1, 2) for text in paragraphs(docx, f"Heading{level}")]
    listed = [text for level in (1, 2) for text in paragraphs(docx, f"TOC{level}")]
    assert listed == headings
    assert len(listed) > 8
    text = parts(docx)["word/document.xml"].decode()
    anchors = re.findall(r'<w:hyperlink w:anchor="([^"]+)"', text)
    assert len(anchors) == len(listed)
    assert set(anchors) <= set(re.findall(r'<w:bookmarkStart w:id="\d+" w:name="([^"]+)"', text))
    assert text.count('w:fldCharType="begin"') == text.count('w:fldCharType="end"') == 1
    order = [text.index(part) for part in ("This is not", "Contents<", 'w:fldCharType="begin"', "Heading1")]
    assert order == sorted(order)


def test_equal_reports_are_equal_pdfs(edition, printed):
    again = Edition(tables=edition("en").tables, language="en", drawing=Undrawn())
    assert made(again, "pdf") == printed("en", "pdf")


def test_without_a_font_the_english_report_is_made_and_the_chinese_is_not(
    made_up, fast_charts, no_chinese, monkeypatch
):
    monkeypatch.setattr("skipscope.figures.rendering.vega.has_chinese", lambda: False)
    for each in ("pdf", "docx"):  # which of them are made is tested, not what is in them
        monkeypatch.setitem(paper.FORMATS, each, lambda *_: bytes(1001))
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(FontError, match="in Chinese") as caught:
        build_report(workspace, None, formats={"pdf", "docx", "md"})
    assert "pip install 'skipscope[zh]'" in str(caught.value)
    texts = ["handin.en.md", "handin.zh.md", "appendix.en.md", "appendix.zh.md"]
    names = [*texts, "handin.en.docx", "handin.en.pdf", "appendix.en.pdf"]
    assert [path.name for path in caught.value.written] == names
    folder = workspace.report_folder("lab")
    assert all((folder / name).stat().st_size > 1000 for name in names)
    assert not list(folder.glob("*.zh.[pd]*"))
    assert [path.name for path in build_report(workspace, None, formats={"pdf"}, language="en")] == [
        "handin.en.pdf",
        "appendix.en.pdf",
    ]


def test_an_english_report_of_chinese_names_needs_a_font_too(made_up, no_chinese):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4, title={"en": "四种网络"})
    with pytest.raises(FontError, match=r"in English \(4 are missing: 四种网络\)"):
        paper.choose_fonts(Edition(tables=gather(workspace, None), language="en").document)


def test_many_missing_characters_are_not_all_listed(made_up, no_chinese):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4, title={"en": "一二三四五六七八九十百千万"})
    with pytest.raises(FontError, match="一二三四五六七八九十百千…") as caught:
        paper.choose_fonts(Edition(tables=gather(workspace, None), language="en").document)
    assert "13 are missing" in str(caught.value)


def test_hostile_names_stay_names(made_up, fast_charts):
    hostile = ("<script>#panic()</script>", "a|b`c*d_e", "::: {.x}", "$x$ #set @y")
    workspace = made_up(
        arms=hostile, epochs=1, steps=4, title={"en": "#panic() $x$ <b> **y**", "zh": "`|<i>"}
    )
    this = Edition(tables=gather(workspace, None), language="en", drawing=Undrawn())
    assert made(this, "pdf").startswith(b"%PDF")
    docx = made(this, "docx")
    assert next(iter(paragraphs(docx, "Title"))) == "#panic() $x$ <b> **y**"
    shown = "\n".join(paragraphs(docx))
    for name in hostile:
        assert name.replace("`", "'") in shown


def test_the_source_has_every_block_once(edition):
    document = edition("en").document
    text = paper_source.render(document, suffix="svg")
    assert (
        text.index("::: banner") < text.index("::: about") < text.index("::: contents") < text.index("\n# A ")
    )
    opened = re.findall(r"^:{3,} ?(?:\w+|\{[^}]+\})$", text, re.MULTILINE)
    closed = re.findall(r"^:{3,}$", text, re.MULTILINE)
    assert len(opened) == len(closed)
    for figure in document.figures:
        assert text.count(f"(figures/{figure.name}.svg)") == 1
    for gallery in document.galleries:
        assert all(text.count(f"(figures/{gallery.file(n)})") == 1 for n in range(len(gallery.tiles)))
    steps = next(gallery for gallery in document.galleries if gallery.steps)
    assert text.count("→ |") >= len(steps.tiles) - 2


def test_notes_sections_and_missing_banners_are_rendered():
    note = Note(text=Inline("a **b**"), kind="quiet")
    section = Section(id="one", number="1", title=literal("<T>"), blocks=(note,))
    document = Document(
        part="handin",
        language="en",
        title="t",
        banner=None,
        about=Inline("x"),
        lead=(),
        sections=(section,),
        looks={},
        made_by=Inline("by hand"),
    )
    text = paper_source.render(document, suffix="svg")
    assert "# 1 \\<T\\> {#one}" in text
    assert ":::: quiet\na **b**\n::::" in text
    assert "banner" not in text
    assert unmarked(section.title) == "<T>"
