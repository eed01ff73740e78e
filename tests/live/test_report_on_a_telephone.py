"""The report on a telephone: no name in a legend, no title of an axis is cut off, and nothing is wider."""

from pathlib import Path

import pytest
from browser import browser, needs_browser
from documents import built
from made_up_readings import with_readings
from made_up_workspace import write_workspace
from playwright.sync_api import Browser

from skipscope.analysis.tables import gather
from skipscope.figures.rendering import vega
from skipscope.language import Language
from skipscope.report.document import PARTS
from skipscope.report.rendering import html

pytestmark = [pytest.mark.browser, needs_browser]
__all__ = ["browser"]
ALL_DRAWN = "[...document.querySelectorAll('[data-chart]')].every((chart) => chart.querySelector('svg text'))"
CUT_OFF = """() => [...document.querySelectorAll("figure svg")].flatMap((chart) => {
  const room = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("text, .role-legend")]
    .map((part) => [part.textContent, part.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.right > room.right + 2 || box.left < room.left - 2))
    .map(([text]) => `${chart.closest("figure").innerText.slice(-60)}: ${text}`);
})"""
FOUR = ("cnn", "resnet", "densenet", "se_resnet")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_is_no_wider_than_a_telephone(browser: Browser, tmp_path: Path, language: Language) -> None:
    tables = gather(with_readings(write_workspace(tmp_path / "workspace", arms=FOUR)), "lab")
    documents = [built(tables, language, part=part) for part in PARTS]
    file = tmp_path / "report.html"
    file.write_text(html.render(documents, language=language, library=vega.library()), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_function(ALL_DRAWN)
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
