"""Makes the READMEs' tour of the lab page: `python tools/live_tour.py WORKSPACE [LANGUAGE ...]`.

The page is really served, and used in Chromium; every picture stands for some seconds in one animated WebP a
language. The workspace is one of a finished `lab`, with its weights.
"""

import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.store import Workspace

OUT = Path(__file__).parents[1] / "docs" / "live"
SIZE = {"width": 1100, "height": 720}
PATIENCE = 120_000
"""Milliseconds: torch is loaded while one looks."""
IN_HASH = """changes => {
  const now = new URLSearchParams(location.hash.slice(1));
  for (const [key, value] of Object.entries(changes)) now.set(key, value);
  location.hash = now;
}"""


def tour(page: Page) -> Iterator[float]:
    """Uses the page, and yields for how many seconds each picture stands."""
    page.wait_for_selector(".charts canvas")
    page.wait_for_timeout(800)
    yield 4
    plot = page.locator(".charts .u-over").first
    for share in (0.3, 0.6, 0.9):
        plot.hover(position={"x": (plot.bounding_box() or SIZE)["width"] * share, "y": 90})
        yield 1.5
    page.evaluate(IN_HASH, {"val": "loss", "log": 1})
    page.wait_for_timeout(500)
    yield 4
    page.locator("#tab-layers").click()
    page.wait_for_selector("figure.strip canvas")
    for at in (0, 0.25, 0.5, 0.75, 1):
        page.evaluate(IN_HASH, {"at": at})
        page.wait_for_timeout(300)
        yield 2
    page.locator("#tab-convolution").click()
    page.wait_for_selector("#total", timeout=PATIENCE)
    page.wait_for_timeout(1500)
    yield 4
    for y in (10, 40, 70):
        page.locator(".maps-canvas").click(position={"x": 20 + y, "y": y})
        page.wait_for_timeout(1500)
        page.locator(".panel-pixel").scroll_into_view_if_needed()
        page.locator("p.total").scroll_into_view_if_needed()
        yield 2
    page.locator("[data-preset=sharpen]").click()
    page.wait_for_timeout(2500)
    page.locator(".panel-kernel").scroll_into_view_if_needed()
    yield 3
    page.evaluate("scrollTo(0, 0)")
    yield 4
    page.locator("#tab-apart").click()
    page.wait_for_selector(".heats canvas", timeout=PATIENCE)
    page.wait_for_timeout(500)
    yield 3
    page.locator(".toggle.bad").nth(2).click()
    page.wait_for_selector("[data-answer]")
    yield 4
    page.locator("[data-answer=some]").click()
    page.wait_for_selector(".before-after", timeout=PATIENCE)
    page.wait_for_timeout(500)
    yield 5
    page.locator(".panel-heat").scroll_into_view_if_needed()
    yield 4


def record(page: Page, file: Path) -> None:
    """Writes the tour as one animated picture."""
    shown = [(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), seconds) for seconds in tour(page)]
    (first, _), *others = shown
    first.save(
        file,
        save_all=True,
        append_images=[picture for picture, _ in others],
        duration=[round(1000 * seconds) for _, seconds in shown],
        loop=0,
        quality=60,
        method=2,
    )


def main(workspace: Path, languages: Sequence[str]) -> None:
    """Writes one animated picture a language."""
    with serving(Control(Workspace(workspace)), language="en") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language in languages:
            page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]
            page.goto(f"{served.url}#lang={language}&theme=light")
            record(page, OUT / f"tour-{language}.webp")
            page.close()
        browser.close()


if __name__ == "__main__":
    given = Path(sys.argv[1]).resolve()
    os.chdir(given.parent)  # the page names the folder as it was given
    main(Path(given.name), sys.argv[2:] or ("en", "zh"))
