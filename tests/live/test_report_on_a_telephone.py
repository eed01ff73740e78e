"""The hand-in's charts on a telephone: no name in a legend, no title of an axis is cut off."""

from pathlib import Path

import pytest
from browser import browser, needs_browser
from documents import built
from made_up_workspace import write_workspace
from playwright.sync_api import Browser

from skipscope.analysis.tables import gather
from skipscope.figures.rendering import vega
from skipscope.language import Language
from skipscope.report.rendering import html

pytestmark = [pytest.mark.browser, needs_browser]
__all__ = ["browser"]
ALL_DRAWN = "[...document.querySelectorAll('[data-chart]')].every((chart) => chart.querySelector('svg text'))"
CUT_OFF = """() => [...document.querySelectorAll("figure svg")].flatMap((chart) => {
  const room = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("text")]
    .map((text) => [text.textContent, text.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.right > room.right + 2 || box.left < room.left - 2))
    .map(([text]) => text);
})"""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_words_of_a_chart_are_cut_off(browser: Browser, tmp_path: Path, language: Language) -> None:
    four = ("cnn", "resnet", "densenet", "se_resnet")
    workspace = write_workspace(tmp_path / "workspace", arms=four)
    found = built(gather(workspace, "lab"), language, part="handin")
    file = tmp_path / "report.html"
    page_source = html.render([found], language=language, library=vega.library())
    file.write_text(page_source, encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_function(ALL_DRAWN)
    assert page.evaluate(CUT_OFF) == []
