"""The system's Chromium, driven by playwright; and what every page must be, however it looks."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)
needs_browser = pytest.mark.skipif(
    FOUND is None, reason="no Chromium here: apt-get install chromium, and the lab page is tested in it"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for a module's tests; none is downloaded."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=FOUND, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Tab:
    """A page that is open, and what went wrong on it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.wrong = page, list[str]()
        self.base, _, self.token = url.partition("/?")
        page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def open(self, **state: object) -> Page:
        """Opens the page as the printed address does, with something chosen already."""
        chosen = "&".join(f"{key}={value}" for key, value in state.items())
        self.page.goto("about:blank")
        self.page.goto(f"{self.base}/?{self.token}#{chosen}")
        self.page.wait_for_selector(".view")
        return self.page


def choose(page: Page, name: str) -> None:
    """Chooses by a radio button, which the page may draw anew: `check` would look at the old one."""
    page.get_by_role("radio", name=name).click(force=True)
    expect(page.get_by_role("radio", name=name)).to_be_checked()


UNNAMED = """() => [...document.querySelectorAll("button, input, select, a, canvas, svg, [role=img]")]
  .filter((each) => each.offsetParent !== null && !each.closest("[aria-hidden=true], .uplot"))
  .filter((each) => {
    if (each.closest("svg") !== each && each.closest("svg")) return false;
    const words = each.getAttribute("aria-label") ?? each.innerText ?? "";
    const labels = [...(each.labels ?? [])].map((label) => label.innerText).join("");
    const drawn = each.matches("canvas, svg") && !each.hasAttribute("role");
    return !drawn && !(words.trim() || labels.trim() || each.getAttribute("aria-labelledby"));
  }).map((each) => each.outerHTML.slice(0, 90))"""
"""What a screen reader could not name."""
FAINT = """() => {
  const parsed = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map((v) => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (each) => {
    for (let at = each; at; at = at.parentElement) {
      const color = parsed(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((each) => each.offsetParent !== null
    && [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
    && !each.closest("svg, .uplot, noscript, [disabled], [aria-pressed=false]")).map((each) => {
      const [a, b] = [light(parsed(getComputedStyle(each).color)), light(behind(each))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), each.outerHTML.slice(0, 80)];
    }).filter(([contrast]) => contrast < 4.5);
}"""
"""Texts with less contrast than WCAG's AA asks for."""
