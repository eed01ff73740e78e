"""Takes the pictures of docs/live.md: `python tools/live_pictures.py [WORKSPACE]`, with Chromium installed.

The lab page is really served, and shown in a browser without a window.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.store import Workspace

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "live"
SHOWN = {
    "curves": ("study=lab&view=curves&smooth=0.9", ".charts canvas >> nth=3", 980),
    "layers": ("study=lab&view=layers&at=0.5", "figure.strip canvas", 900),
    "claims": ("study=depth&view=claims", ".narrowing", 900),
}
"""By name: what is chosen, what is waited for, and the height of the picture."""
LANGUAGES = {"en": "light", "zh": "dark"}
SECONDS = 300
"""Claims are judged while one looks."""


def main(workspace: Path) -> None:
    """Writes a picture of each view in each language."""
    OUT.mkdir(exist_ok=True)
    with serving(Control(Workspace(workspace)), language="en") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language, theme in LANGUAGES.items():
            for name, (state, needed, height) in SHOWN.items():
                page = browser.new_page(viewport={"width": 1280, "height": height})
                page.goto(f"{served.url}#{state}&lang={language}&theme={theme}")
                page.wait_for_selector(needed, timeout=SECONDS * 1000)
                page.locator(".lead", has_text="…").wait_for(state="detached", timeout=SECONDS * 1000)
                page.wait_for_timeout(1000)
                page.screenshot(path=OUT / f"{name}-{language}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    os.chdir(ROOT)  # the page names the folder as it was given
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/findings"))
