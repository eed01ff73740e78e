"""Takes the pictures of docs/live.md, with Chromium: `python tools/live_pictures.py [WORKSPACE [NAME ...]]`.

The lab page is really served, and shown in a browser without a window. `convolution` and `apart` need
networks: name a workspace with the weights of `resnet20` and `plain20`, and them.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.store import Workspace

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs" / "live"
DELETED = '[{"kind": "delete", "block": "layer2.1"}]'
SHOWN = {
    "curves": ("study=lab&view=curves&smooth=0.9", ".charts canvas >> nth=3", 980),
    "layers": ("study=lab&view=layers&at=0.5", "figure.strip canvas", 900),
    "claims": ("study=depth&view=claims", ".narrowing", 900),
    "convolution": ("view=convolution&img=v25&px=3-14-9", "#total", 1120),
    "apart": (f"view=apart&img=v25&bets=0&do={quote(DELETED)}", ".before-after", 900),
}
"""By name: what is chosen, what is waited for, and the height of the picture."""
WITHOUT_WEIGHTS = ("curves", "layers", "claims")
LANGUAGES = {"en": "light", "zh": "dark"}
SECONDS = 300
"""Claims are judged while one looks."""


def main(workspace: Path, names: Sequence[str]) -> None:
    """Writes a picture of each of these views in each language."""
    OUT.mkdir(exist_ok=True)
    with serving(Control(Workspace(workspace)), language="en") as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language, theme in LANGUAGES.items():
            for name in names:
                state, needed, height = SHOWN[name]
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
    given = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/findings/records.tar.xz")
    main(given, sys.argv[2:] or WITHOUT_WEIGHTS)
