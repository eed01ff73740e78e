"""The reader's own part: Markdown in the report's blocks, or three questions where there is none."""

from dataclasses import replace

import numpy as np
import pytest
from documents import context_of
from PIL import Image

from skipscope.errors import PictureError, UsageError
from skipscope.report.document import Code, Equation, Items, Note, Paragraph, Section, Table
from skipscope.report.galleries import Gallery
from skipscope.report.notes import formulas, source
from skipscope.report.notes.inlines import bold
from skipscope.report.notes.section import notes_section
from skipscope.report.words import to_html, unmarked


@pytest.fixture
def section(study_tables, tmp_path):
    """`section("text")`: the section of notes with this text."""
    context = context_of(study_tables(arms=("cnn",), epochs=1, steps=4), "zh", results=())

    def of(text: str | bytes) -> Section:
        path = tmp_path / "notes.md"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return notes_section(replace(context, notes=path))

    return of


def only(section: Section, kind: type) -> object:
    (block,) = section.blocks
    assert isinstance(block, kind)
    return block


def said(section: Section) -> str:
    return only(section, Paragraph).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("**粗**、*斜* 与 `a<b`", "**粗**、**斜** 与 `a<b`"),
        ("**一句话。**后文", "**一句话**。后文"),  # CommonMark ends no bold print between these
        ("前**“引文”**后", "前“**引文**”后"),
        ("**`code`**", "`code`"),
        ("~~old~~ new", "old new"),
        ("设 $f(x)+x$，则", "设 $f(x)+x$，则"),
        ("5 $ and 6 $", r"5 \$ and 6 \$"),
        (
            "见图 3、图A7 和 Figure 12。",
            "见[图 3](#figure-3)、[图A7](#figure-A7) 和 [Figure 12](#figure-12)。",
        ),
        ("Figure 3.5 and 123", "Figure 3.5 and 123"),
        ("{.warning} a{#b}", r"\{.warning} a\{\#b}"),  # pandoc's attributes
        (r"1986\. A year", r"1986\. A year"),  # no list
        (r"\- a", r"\- a"),
        ("::: warning", r"\::: warning"),  # nor a division of the printed page
        ("[论文](https://a.b/c) <https://a.b>", "论文 (https://a.b/c) https://a.b"),
        ("见[上文](#here)", "见上文"),
        ("注[^1]。\n\n[^1]: 脚注", "注 (脚注)。"),
        ("第一行\n第二行", "第一行第二行"),
        ("one\ntwo", "one two"),
    ],
)
def test_a_paragraph_keeps_its_marks(section, text, shown):
    assert said(section(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        'a <img src=x onerror="alert(1)"> b',
        "<!-- hidden --> shown",
        "&lt;b&gt; &#x3c;script>",
        "[x](javascript:alert(1))",
        r"\<script> `</code><script>`",
        "a]( #x) [图 3](x) ](#figure-3)",
        "$<script>$",
    ],
)
def test_nothing_hostile_becomes_markup(section, text):
    html = "".join(to_html(block.text) for block in section(text).blocks if isinstance(block, Paragraph))
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:alert(1))" not in html.replace("(javascript:alert(1))", "")  # as text, not as a target
    assert 'href="javascript' not in html


def test_html_is_shown_as_it_was_typed(section):
    assert unmarked(said(section("a <b>c</b>"))) == "a <b>c</b>"
    assert only(section("<div onclick='x'>\nhi\n</div>"), Code).text.startswith("<div onclick='x'>")


def test_formulas_stand_on_lines_of_their_own(section):
    found = section("前\n$$\\frac{a}{b}\n+c$$\n后").blocks
    assert [type(block) for block in found] == [Paragraph, Equation, Paragraph]
    assert found[1].lines == (r"\frac{a}{b} +c",)


@pytest.mark.parametrize("formula", [r"\foo{x}", r"\begin{x}", r"\input{/etc/passwd}"])
def test_a_formula_that_cannot_be_set_is_named(section, formula):
    with pytest.raises(UsageError, match="is not understood") as caught:
        section(f"$a$ and ${formula}$ and $b$")
    assert f"${formula}$" in caught.value.what


def test_a_formula_that_typst_cannot_set_is_named(section, monkeypatch):
    monkeypatch.setattr(formulas, "_compiles", lambda source: "beta" not in source)
    with pytest.raises(UsageError, match=r"\$\\beta\$ is not understood"):
        section(r"$\alpha$ $\beta$")


def test_lists_are_nested_and_numbered(section):
    (outer,) = section("3. 一\n4. 二\n   - 甲\n   - 乙").blocks
    assert isinstance(outer, Items)
    assert outer.first == 3
    first, second = outer.items
    assert [block.text for block in first] == ["一"]
    assert isinstance(second[1], Items)
    assert second[1].first is None
    assert [item[0].text for item in second[1].items] == ["甲", "乙"]


def test_tables_keep_their_alignment_and_are_filled_up(section):
    table = only(section("| 网络 | 值 |\n|---|--:|\n| `cnn` | $x$ |\n| a|b | c |\n| d |"), Table)
    assert [(column.title, column.align) for column in table.columns] == [("网络", "left"), ("值", "right")]
    assert table.rows == (("`cnn`", "$x$"), ("a", "b"), ("d", ""))


def test_code_and_quotations(section):
    found = section("```python\nprint('<b>')\n```\n\n> 引用\n> 两行").blocks
    assert found == (Code(text="print('<b>')"), Note(text="引用两行"))


def test_headings_become_sections_below_its_own(section):
    found = section("# 我的分析\n开头\n## 一\na\n### 一之一\nb\n#### 更深\nc\n## 二\nd")
    assert said(found) == "开头"
    assert [(each.id, each.title) for each in found.sections] == [("notes-1", "一"), ("notes-4", "二")]
    assert [each.title for each in found.sections[0].sections] == ["一之一", "更深"]
    assert found.title == "我的分析"


def test_a_picture_is_embedded_as_the_next_figure(section, tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (30, 1500, 3), dtype=np.uint8)
    (tmp_path / "图 1.png").parent.mkdir(exist_ok=True)
    Image.fromarray(picture).save(tmp_path / "图 1.png")
    gallery = only(section("![我画的，见图 3](图%201.png)"), Gallery)
    assert gallery.number
    assert unmarked(gallery.caption) == "我画的，见图 3"
    assert gallery.tiles[0].picture.shape == (14, 720, 3)


@pytest.mark.parametrize(
    "file", ["http://a.b/c.png", "//a.b/c.png", "data:image/png;base64,AA", "file:///etc/passwd"]
)
def test_a_picture_from_elsewhere_is_refused(section, file):
    with pytest.raises(UsageError, match="from files only") as caught:
        section(f"![x]({file})")
    assert "beside the notes" in caught.value.hint


def test_a_picture_that_cannot_be_shown_is_named(section, tmp_path):
    with pytest.raises(PictureError, match="no such file") as caught:
        section("![x](absent.png)")
    assert "absent.png" in caught.value.where
    (tmp_path / "large.png").write_bytes(b"\0" * 2_000_001)
    with pytest.raises(UsageError, match="2,000,000 bytes"):
        section("![x](large.png)")
    (tmp_path / "drawn.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    with pytest.raises(PictureError, match="no image"):
        section("![x](drawn.svg)")


def test_a_file_that_is_no_text_is_explained(section, tmp_path, study_tables):
    with pytest.raises(UsageError, match="but in GBK"):
        section("我的分析".encode("gbk"))
    context = context_of(study_tables(arms=("cnn",), epochs=1, steps=4), "zh", results=())
    with pytest.raises(UsageError, match="no such file of notes"):
        notes_section(replace(context, notes=tmp_path / "absent.md"))
    with pytest.raises(UsageError, match="cannot be read"):
        notes_section(replace(context, notes=tmp_path))
    with pytest.raises(UsageError, match="500,000 bytes"):
        section("x" * 500_001)


def test_what_nests_for_ever_is_refused(section):
    with pytest.raises(UsageError, match="cannot be read as Markdown"):
        section(">" * 3000 + " x")


def test_what_takes_for_ever_is_refused(section, monkeypatch):
    monkeypatch.setattr(source, "MOST_SECONDS", 0)
    with pytest.raises(UsageError, match="cannot be read as Markdown"):
        section("x")


def test_control_characters_are_left_out(section):
    assert said(section("a\x07b\u202ec\ufeff")) == "abc"


def test_bold_print_keeps_no_marks_of_its_own():
    assert bold("a **b** c") == "**a b c**"
    assert bold("[图 3](#figure-3)") == "[图 3](#figure-3)"
    assert bold("。") == "。"


def questions(section: Section) -> list[str]:
    (items,) = (block for block in section.blocks if isinstance(block, Items))
    return [unmarked(item[0].text) for item in items.items]


@pytest.mark.parametrize("text", ["", "\n\n", "# 我的分析\n", "# My analysis"])
def test_an_empty_file_is_none(section, text):
    assert len(questions(section(text))) == 3


@pytest.mark.parametrize("language", ["zh", "en"])
def test_three_questions_fit_the_results(study_tables, language):
    asked = questions(notes_section(context_of(study_tables(epochs=2, steps=16), language)))
    assert len(set(asked)) == 3
    assert "se_resnet" in asked[0]  # the highest and the lowest accuracy
    assert "cnn" in asked[0]
    assert "(E3)" in asked[1] or "（E3）" in asked[1]  # se_resnet differs from resnet in more than gates


def test_without_results_they_are_general(study_tables):
    tables = study_tables(arms=("cnn",), epochs=1, steps=4, missing=("cnn",))
    asked = questions(notes_section(context_of(tables, "zh")))
    assert len(asked) == 3
    assert asked[0].startswith("哪一个结果最出乎你的意料")
