"""What a view shows is saved as it is seen: every PNG, SVG and CSV of every view, in Chromium."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from apart_zoo import train_apart
from browser import Tab, browser, needs_browser
from built_once import built_once
from made_up_readings import with_readings
from made_up_workspace import write_workspace
from PIL import Image
from playwright.sync_api import Browser, Page

from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.store import Workspace

pytestmark = [pytest.mark.browser, needs_browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
__all__ = ["browser"]
SECONDS = 60_000
SVG = "{http://www.w3.org/2000/svg}"
DELETED = quote('[{"kind":"delete","block":"layer1.0"}]')
WATCHED = {
    "curves": (
        "runs=all",
        "main:not(:has(.chart:not([hidden]) .plot:not(:has(canvas))))",
        ["Runs", "Training loss", "Validation accuracy", "Learning rate", "Images a second"],
    ),
    "layers": ("at=0.5", ".strips canvas[aria-label]", ["cnn s", "resnet s", "densenet s", "se_resnet s"]),
    "claims": ("", ".narrowing", ["Claims"]),
}
FINISHED = {
    "convolution": (
        "matrix=1",
        ".confusion-table",
        ["Answers", "Feature maps", "One pixel", "Edit a kernel", "Confusion"],
    ),
    "apart": (
        f"bets=0&do={DELETED}&net=SE",
        ".before-after",
        ["the network's drawing", "What it costs", "Draw the curve", "Where each", "Swap two"],
    ),
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The four networks with two seeds, all measured."""
    folder = tmp_path_factory.mktemp("saved") / "ws"
    made = with_readings(write_workspace(folder, seeds=2, epochs=3, steps=80, diverged=("cnn",)))
    with serving(Control(made), language="en", port=0) as page:
        yield page.url


@pytest.fixture(scope="module")
def finished(shared: Path, data_home: Path, one_thread_first: None) -> Iterator[tuple[str, str]]:
    """Small networks, and the run of the one with gates."""
    networks = Workspace(built_once(shared / "apart", train_apart))
    (gated,) = (run.id for run in networks.runs() if run.network.name == "se_resnet8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skipscope.engine.dissection.networks.SAMPLE", 150)
        with serving(Control(networks), language="en", port=0) as served:
            yield served.url, gated


def saved(page: Page, folder: Path) -> dict[str, Path]:
    """Clicks every button that saves something; returns the files by what the button says."""
    files = {}
    for button in page.locator(".saves button").all():
        if button.is_visible():
            said = button.get_attribute("aria-label") or ""
            with page.expect_download() as found:
                button.click()
            files[said] = folder / f"{len(files)}-{found.value.suggested_filename}"
            found.value.save_as(files[said])
            page.wait_for_timeout(120)  # Chromium silently drops a page's eleventh download of a second
    return files


def check(files: dict[str, Path], names: list[str]) -> None:
    """Each of these is saved in three kinds, with something in it."""
    for name in names:
        kinds = {
            said.rpartition(" ")[2]: path for said, path in files.items() if said.startswith(f"Save {name}")
        }
        assert set(kinds) == {"PNG", "SVG", "CSV"}, name
        assert all(path.suffix == f".{kind.lower()}" for kind, path in kinds.items())
        picture = Image.open(kinds["PNG"]).convert("RGB")
        assert len(picture.resize((80, 80)).getcolors(6400) or []) > 5, name
        drawn = ET.fromstring(kinds["SVG"].read_bytes())
        assert len(drawn.findall(f".//{SVG}text")) + len(drawn.findall(f".//{SVG}image")) > 0, name
        assert {"script", "foreignObject"}.isdisjoint(each.tag.removeprefix(SVG) for each in drawn.iter())
        rows = list(csv.reader(kinds["CSV"].read_text("utf-8-sig").splitlines()))
        assert len(rows) > 1, name
        assert {len(row) for row in rows} == {len(rows[0])}, name


NEEDED = {
    "curves": ("events*", ".saves"),
    "layers": ("layers/table*", ".saves"),
    "claims": ("claims/board*", ".saves"),
    "convolution": ("convolution/answers", ".panel-answers .saves"),
    "apart": ("apart/heat", ".panel-heat .saves"),
}
"""What a view asks the server for, and the buttons that save the answer."""


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_not_there_yet_is_not_offered(
    browser: Browser, watched: str, finished: tuple[str, str], name: str
) -> None:
    """A button that would save nothing, and say nothing, is not seen before there is something."""
    (url, gated), (state, _, _), (asked, buttons) = finished, (WATCHED | FINISHED)[name], NEEDED[name]
    tab = Tab(browser.new_page(), watched if name in WATCHED else url)
    tab.page.route(f"**/{asked}", lambda _: None)  # never answered
    with tab.page.expect_request(f"**/{asked}"):
        page = view(tab, name, state.replace("SE", gated), ".panel" if name == "apart" else ".view")
    assert page.locator(f"{buttons} button:visible").all_inner_texts() == []
    tab.page.close()


def view(tab: Tab, name: str, state: str, ready: str) -> Page:
    tab.page.set_default_timeout(SECONDS)
    page = tab.open(view=name, lang="en", **dict(part.split("=", 1) for part in state.split("&") if part))
    page.wait_for_selector(ready)
    return page


@pytest.mark.parametrize("name", WATCHED)
def test_what_is_watched_is_saved(browser: Browser, watched: str, name: str, tmp_path: Path) -> None:
    state, ready, names = WATCHED[name]
    tab = Tab(browser.new_page(viewport={"width": 1280, "height": 900}), watched)
    files = saved(view(tab, name, state, ready), tmp_path)
    check(files, names)
    tab.page.close()
    assert tab.wrong == []
    if name == "claims":
        rows = list(csv.DictReader(next(iter(tmp_path.glob("*.csv"))).read_text("utf-8-sig").splitlines()))
        narrowing = [row for row in rows if row["claim"] == rows[0]["claim"]]
        assert [row["seeds"] for row in narrowing] == ["1", "2"]


@pytest.mark.parametrize("name", FINISHED)
def test_what_is_done_by_hand_is_saved(
    browser: Browser, finished: tuple[str, str], name: str, tmp_path: Path
) -> None:
    (url, gated), (state, ready, names) = finished, FINISHED[name]
    tab = Tab(browser.new_page(viewport={"width": 1280, "height": 900}), url)
    page = view(tab, name, state.replace("SE", gated), ready)
    if name == "apart":
        page.wait_for_selector(".pair .bars")
    files = saved(page, tmp_path)
    check(files, names)
    if name == "convolution":  # the total is among the numbers, and as text in the picture
        total = page.locator("#total").inner_text()
        table = files["Save One pixel, worked out as CSV"].read_text("utf-8-sig")
        (value,) = re.findall(r"^total,,,,,(.+)$", table, re.MULTILINE)
        assert float(value) == pytest.approx(float(total), rel=1e-3)
        texts = [
            each.text for each in ET.parse(files["Save One pixel, worked out as SVG"]).iter(f"{SVG}text")
        ]
        assert total in texts
    page.close()
    assert tab.wrong == []
