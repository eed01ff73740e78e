"""The written report: one page that needs nothing, and Markdown with its pictures."""

import json
import re
from html.parser import HTMLParser
from importlib.resources import files

import polars as pl
import pytest
from made_up_pictures import Undrawn
from made_up_workspace import write_workspace

from skipscope.claims.calibration.calibrate import document, save_calibration
from skipscope.errors import UnknownName
from skipscope.figures.rendering import rewording, vega
from skipscope.report import build_report

HOSTILE = ("<script>alert(1)</script>", "a|b`c*d_e", "cnn")


@pytest.fixture(autouse=True)
def short_library(monkeypatch, request):
    """Bundling Vega takes seconds; one test wants it."""
    if "real_library" not in request.fixturenames:
        monkeypatch.setattr(vega, "library", lambda: "window.vegaEmbed = () => {}; // </script>")


@pytest.fixture
def no_pictures(monkeypatch):
    """Pictures are what takes the time of Markdown."""
    monkeypatch.setattr("skipscope.report.Drawing", Undrawn)


@pytest.fixture
def real_library():
    """Asks for Vega itself."""


class Page(HTMLParser):
    """Collects elements; knows which languages their text is in."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(workspace, **options):
    (path,) = build_report(workspace, None, formats={"html"}, **{"language": None, **options})
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages():
    return {}


@pytest.fixture
def page(made_up, pages):
    """The page of `made_up()`, written once."""
    if "text" not in pages:
        pages["text"] = page_of(made_up())
    return pages["text"]


def test_a_calibration_that_the_workspace_has_is_told(made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    assert "17 studies each" not in page_of(workspace)
    least = {"skewed": {"supported": 0.03, "contradicted": 0.02}}
    figures = {"least_favourable": least, "power": 0.91, "misses": []}
    save_calibration(workspace, document({"S2": figures}, {}, studies=17))
    assert page_of(workspace).count("17 studies each") == 1


def embedded(page, name):
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_a_whole_page_is_small_and_loads_nothing(made_up, real_library):
    page = page_of(made_up(seeds=5))
    assert len(page.encode()) <= 3_000_000
    for tag, attributes in Page(page).elements:
        for key in ("src", "href", "srcset", "data", "action", "poster"):
            assert attributes.get(key, "#").startswith("#"), (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    assert "vegaEmbed" in page


def test_step_data_stands_in_the_page_once(page):
    tables, charts = embedded(page, "tables"), embedded(page, "charts")
    assert {f"{language}-{name}" for language in ("en", "zh") for name in ("loss", "accuracy-in-time")} < set(
        charts
    )
    steps = [name for name, table in tables.items() if "smoothed" in table]
    assert len(steps) == 1
    users = [name for name, chart in charts.items() if chart["data"]["name"] == steps[0]]
    assert len(users) == 12  # five a language in the appendix, one in the hand-in
    assert {chart["data"]["name"] for chart in charts.values()} == set(tables)
    assert "datasets" not in json.dumps(charts)


def test_unpacked_columns_are_the_table_again(made_up):
    workspace = made_up(seeds=2, diverged=("resnet",))
    tables = embedded(page_of(workspace), "tables")
    packed = next(table for table in tables.values() if "smoothed" in table)
    columns = {
        key: column["values"] if "values" in column else [column["levels"][code] for code in column["codes"]]
        for key, column in packed.items()
    }
    saved = pl.read_csv(workspace.report_folder("lab") / "figures" / "loss.csv")
    assert pl.DataFrame(columns).equals(saved)


def test_both_languages_are_in_the_page_and_marked_as_such(page):
    page = Page(page)
    assert page.all("html") == [{"lang": "en", "data-language": "en"}]
    parts = [part for part in page.all("div") if part.get("class") == "page"]
    assert [part["lang"] for part in parts] == ["en", "zh-CN"]
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {link["href"][1:] for link in page.all("a")}
    assert links <= set(ids)
    assert {name[2:] for name in links if name.startswith("en")} == {
        n[2:] for n in links if n.startswith("zh")
    }


def test_a_language_asked_for_comes_first(made_up):
    page = Page(page_of(made_up(arms=("cnn",)), language="zh"))
    assert page.all("html") == [{"lang": "zh-CN", "data-language": "zh", "data-fixed": "zh"}]


def test_charts_can_be_read_out(page):
    read = Page(page)
    plots = [part for part in read.all("div") if "data-chart" in part]
    assert len(plots) == len({plot["data-chart"] for plot in plots}) == len(embedded(page, "charts"))
    assert all(plot["role"] == "img" and plot["aria-label"] for plot in plots)
    assert all(table for table in read.all("th") if "scope" in table)


def test_the_page_of_shapes_begins_with_what_it_is_not(made_up):
    page = page_of(made_up(data="shapes", epochs=1, steps=3))
    body = re.sub(r"<[^>]*>", " ", page.split("<body>")[1]).strip()
    first = [line.strip() for line in body.splitlines() if line.strip()][:2]
    assert first[0].startswith("This is not CIFAR-10.")
    assert first[1].startswith("这不是 CIFAR-10。")


def test_hostile_names_stay_names(made_up, no_pictures):
    workspace = made_up(
        arms=HOSTILE, epochs=1, steps=4, title={"en": "<b>x</b></title><script>", "zh": "`|<i>"}
    )
    page = page_of(workspace)
    scripts = list(Page(page).all("script"))
    assert len(scripts) == 9
    assert "<script>alert" not in page
    assert page.count("</script>") == 9
    build_report(workspace, None, formats={"md"}, language=None)
    folder = workspace.report_folder("lab")
    text = (folder / "appendix.en.md").read_text(encoding="utf-8")
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert not re.search(r"(?<!\\)<(?!/?(details|summary|code)>)", outside)
    widths = {
        line.count("|") - line.count("\\|")
        for line in text.splitlines()
        if line.startswith("| ") and "a\\|b" in line
    }
    assert widths <= {9, 8, 3, 4}
    assert all(re.fullmatch(r"[\w.-]+", path.name) for path in (folder / "figures").iterdir())


DRAWN = {"arms": ("cnn", "resnet"), "epochs": 2, "steps": 20}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The folder of a report in Markdown with its pictures, to read only."""
    workspace = write_workspace(tmp_path_factory.mktemp("drawn"), **DRAWN)
    written = build_report(workspace, "lab", formats={"md"}, language=None)
    names = ["handin.en.md", "handin.zh.md", "appendix.en.md", "appendix.zh.md"]
    assert [path.name for path in written] == names
    return workspace.report_folder("lab")


def test_markdown_shows_its_pictures_and_keeps_their_tables(drawn):
    for language in ("en", "zh"):
        text = (drawn / f"appendix.{language}.md").read_text(encoding="utf-8")
        shown = re.findall(r"\]\((figures/[^)]+)\)", text)
        assert len(shown) == 9  # intervals of one seed are not drawn
        for name in shown:
            assert (drawn / name).read_text(encoding="utf-8").startswith("<svg")
            assert (drawn / re.sub(r"\.(en|zh)\.svg$", ".csv", name)).exists()
    assert not (drawn / "report.html").exists()


def test_pictures_reworded_say_and_show_what_those_drawn_alone_do(drawn, made_up, monkeypatch):
    workspace = made_up(**DRAWN)
    monkeypatch.setattr(rewording, "words_between", lambda _chart, _other: None)
    build_report(workspace, "lab", formats={"md"}, language=None)
    reworded, alone = (
        {path.name: path.read_text(encoding="utf-8") for path in folder.glob("figures/*.svg")}
        for folder in (drawn, workspace.report_folder("lab"))
    )
    assert reworded.keys() == alone.keys()
    same = [name for name in alone if reworded[name] == alone[name]]
    assert len(same) > len(alone) / 2
    for name, picture in alone.items():
        # legends are as wide as English
        for part in (r"<text[^>]*>([^<]*)<", r'<g class="mark-\w+ role-mark.*?</g>'):
            assert re.findall(part, reworded[name]) == re.findall(part, picture)


def test_markdown_tables_have_as_many_cells_as_titles(made_up, no_pictures):
    workspace = made_up(diverged=("densenet",))
    for path in build_report(workspace, None, formats={"md"}, language=None):
        width = None
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
            assert width is None or cells is None or cells == width
            width = cells


def test_no_chinese_text_ends_in_bold_punctuation():
    """Chinese sentences are joined without a space: what is bold as a whole would not end after its stop."""
    text = files("skipscope.report").joinpath("text", "zh.toml").read_text(encoding="utf-8")
    assert re.findall(r'"\*\*[^*]*[：。！？]\*\*"$', text, re.MULTILINE) == []


def test_bold_print_ends_where_github_lets_it_end(made_up, no_pictures):
    """CommonMark: `**` after punctuation does not close if a letter follows it."""
    workspace = made_up(data="shapes", diverged=("densenet",), missing=("cnn",))
    for path in build_report(workspace, None, formats={"md"}, language=None):
        for line in path.read_text(encoding="utf-8").splitlines():
            for bold in list(re.finditer(r"\*\*", line))[1::2]:
                before, after = line[bold.start() - 1], line[bold.end() : bold.end() + 1]
                assert before.isalnum() or not after.isalnum(), line


def test_everything_at_once(made_up, no_pictures):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    written = build_report(workspace, None, formats={"html", "md"}, language="en")
    assert [path.name for path in written] == [
        "report.html",
        "handin.en.md",
        "handin.zh.md",
        "appendix.en.md",
        "appendix.zh.md",
    ]


def test_formats_and_languages_nobody_knows(made_up):
    workspace = made_up(arms=("cnn",), epochs=1, steps=4)
    with pytest.raises(UnknownName, match="rtf"):
        build_report(workspace, None, formats={"rtf"}, language=None)
    with pytest.raises(UnknownName, match="fr"):
        build_report(workspace, None, formats={"md"}, language="fr")


def test_reports_are_made_without_torch():
    import subprocess
    import sys

    program = "import sys, skipscope.report, skipscope.cli.report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
