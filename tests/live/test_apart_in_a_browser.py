"""The lab page's convolution and its taking apart, in Chromium: each feature clicked as a person would."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from apart_zoo import train_apart
from browser import FAINT, UNNAMED, Tab, browser, choose, needs_browser
from built_once import built_once
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from skipscope.engine.dissection import measuring
from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.probes.evaluation import batches
from skipscope.records.store import Workspace

pytestmark = [pytest.mark.browser, needs_browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
SECONDS = 60_000
__all__ = ["browser"]


@pytest.fixture(scope="module")
def url(shared: Path, data_home: Path, one_thread_first: None) -> Iterator[str]:
    networks = built_once(shared / "apart", train_apart)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skipscope.engine.dissection.networks.SAMPLE", 150)
        with serving(Control(Workspace(networks)), language="en", port=0) as served:
            yield served.url


@pytest.fixture
def tab(browser: Browser, url: str) -> Iterator[Page]:
    """A tab with the page; a script's error or one on the console fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(SECONDS)
    tab = Tab(context.new_page(), url)
    yield tab.open()
    context.close()
    assert not tab.wrong


def opened(tab: Page, title: str, ready: str) -> None:
    tab.get_by_role("button", name=title).click()
    tab.wait_for_selector(ready)


def changes(seen: Locator, before: str) -> str:
    """Waits until what is seen is something else than before."""
    expect(seen).not_to_have_text(before, use_inner_text=True, timeout=SECONDS)
    return seen.inner_text()


def convolution(tab: Page) -> None:
    opened(tab, "Convolution by hand", "#total")
    tab.wait_for_selector(".answers .bars")


def test_a_pixel_is_clicked_and_its_sum_is_what_the_network_computed(tab: Page) -> None:
    convolution(tab)
    total = tab.locator("p.total")
    before = total.inner_text()
    tab.locator(".maps-canvas").click(position={"x": 130, "y": 40})
    after = changes(total, before)
    said, computed = re.search(r"= (\S+) The network computed (\S+)\.$", after).groups()
    assert float(said) == pytest.approx(float(computed), abs=2e-3)
    assert "px=1-" in tab.url
    tab.locator(".maps-canvas").press("ArrowDown")
    changes(total, after)


def test_a_kernel_is_edited_and_taken_back_and_the_address_holds_it(tab: Page) -> None:
    convolution(tab)
    answers = tab.locator(".answers")
    before = answers.inner_text()
    tab.locator(".tiles").click(position={"x": 40, "y": 14})
    assert tab.get_by_role("combobox", name="Input channel").input_value() == "1"
    tab.get_by_role("button", name="in all filters").click()
    tab.get_by_role("button", name="sharpen").click()
    edited = changes(answers, before)
    assert edited.count("resnet8") == before.count("resnet8")
    tab.reload()
    tab.wait_for_selector(".answers .bars")
    assert answers.inner_text() == edited
    tab.locator('[data-cell="1-1"]').fill("-3")
    tab.locator('[data-cell="1-1"]').press("Enter")
    changes(answers, edited)
    tab.get_by_role("button", name="Take all edits back").click()
    tab.wait_for_function("text => document.querySelector('.answers').innerText === text", arg=before)


def test_an_image_is_chosen_uploaded_and_drawn(tab: Page, tmp_path: Path) -> None:
    convolution(tab)
    answers = tab.locator(".answers")
    first = answers.inner_text()
    tab.get_by_role("button", name="From the data set").click()
    tab.locator(".thumb").nth(7).click()
    second = changes(answers, first)
    assert "img=v7" in tab.url
    Image.new("RGB", (50, 40), "red").save(tmp_path / "red.png")
    tab.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    third = changes(answers, second)
    tab.get_by_role("button", name="Draw one").click()
    pad = tab.locator(".pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    tab.mouse.move(box["x"] + 60, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 200, box["y"] + 220, steps=8)
    tab.mouse.up()
    fourth = changes(answers, third)
    pad.press(" ")
    changes(answers, fourth)


def test_the_moment_moves_answers_and_the_confusion_matrix(tab: Page) -> None:
    convolution(tab)
    tab.get_by_role("button", name="Measure", exact=True).click()
    tab.wait_for_selector(".confusion-table")
    said = tab.locator(".panel-confusion .reading")
    before, answers = said.inner_text(), tab.locator(".answers").inner_text()
    assert "on 150 images" in before
    tab.get_by_role("slider", name="Moment of training").press("Home")
    changes(tab.locator(".answers"), answers)
    tab.wait_for_function(
        "text => /right/.test(document.querySelector('.panel-confusion .reading').innerText) && "
        "document.querySelector('.panel-confusion .reading').innerText !== text",
        arg=before,
    )
    assert "moment=0" in tab.url
    with tab.expect_download() as file:
        tab.get_by_role("button", name="as CSV").last.click()
    assert Path(file.value.path()).read_text("utf-8-sig").count("\n") == 11


def test_a_block_is_deleted_after_a_bet_beside_the_twin(tab: Page) -> None:
    opened(tab, "Take apart", ".blocks")
    tab.get_by_role("button", name="layer1.0 deleted").click()
    assert tab.locator(".before-after").count() == 0
    tab.locator("[data-answer=little]").click()
    tab.wait_for_selector(".before-after")
    rows = tab.locator(".before-after tbody tr")
    assert rows.count() == 2
    assert "plain twin" in rows.nth(1).inner_text()
    assert "1" in tab.locator(".bet .bars").inner_text()
    assert "Veit et al. 2016" in tab.locator(".papers").inner_text()
    tab.get_by_text("The class's tally").click()
    assert "layer1.0 deleted" in tab.locator(".bet details table").inner_text()
    assert "little" in tab.evaluate("localStorage.getItem('skipscope-bets')")
    with tab.expect_download() as file:
        tab.locator(".panel-measurement .effects").get_by_role("button", name="as CSV").click()
    assert "layer1.0 deleted" in Path(file.value.path()).read_text("utf-8-sig")
    tab.get_by_role("button", name="Undo everything").click()
    tab.wait_for_function("!location.hash.includes('do=')")


def test_blocks_are_chosen_on_the_drawing_of_the_network(tab: Page) -> None:
    opened(tab, "Take apart", ".drawing svg")
    block = tab.locator(".drawing .block").first
    block.click()
    assert "layer1.0 deleted" in tab.locator(".bet").inner_text()
    assert (
        tab.get_by_role("button", name="layer1.0 deleted", exact=True).get_attribute("aria-pressed") == "true"
    )
    tab.locator(".drawing [data-block='layer1.0']").press("Enter")
    tab.wait_for_function("!location.hash.includes('do=')")
    assert tab.evaluate("document.activeElement.dataset.block") == "layer1.0"
    choose(tab, "sets α to 0")
    tab.locator(".drawing [data-block='layer3.0']").press(" ")
    tab.wait_for_selector(".bet:has-text('layer3.0: α = 0')")
    tab.locator("[data-answer=some]").click()
    tab.wait_for_selector(".before-after")
    tab.get_by_role("combobox", name="Network").select_option(label="se_resnet8")
    choose(tab, "sets its gates to 1")
    tab.locator(".drawing [data-block='layer2.0']").click()
    tab.wait_for_selector(".bet:has-text('gates of layer2.0: 1')")


def test_a_class_counts_hands_and_without_bets_a_slider_measures_at_once(tab: Page) -> None:
    opened(tab, "Take apart", ".blocks")
    tab.get_by_role("button", name="layer2.0 reset").click()
    tab.get_by_role("button", name="Count a class's hands").click()
    for _ in range(3):
        tab.locator("[data-answer=some]").click()
    tab.locator("[data-answer=chance]").click()
    tab.locator(".bet").get_by_role("button", name="Measure", exact=True).click()
    tab.wait_for_selector(".before-after")
    assert tab.locator(".bet .share").all_inner_texts() == ["0", "3", "0", "1"]
    tab.get_by_role("button", name="Bet first").click()
    tab.get_by_label("layer1.0: α").press("Home")
    tab.wait_for_selector(".effects h3:has-text('α = 0')")


def test_a_long_measurement_says_how_far_it_is_and_can_be_cancelled(
    tab: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(*arguments: Any) -> Any:
        sleep(0.4)
        return real(*arguments)

    real = measuring._logits
    opened(tab, "Take apart", ".blocks")
    tab.get_by_role("button", name="layer3.0 deleted").click()
    tab.locator("[data-answer=much]").click()
    tab.wait_for_selector(".before-after")
    monkeypatch.setattr(measuring, "_logits", slowly)
    monkeypatch.setattr(measuring, "batches", partial(batches, size=5))
    tab.get_by_role("button", name="Bet again").click()
    tab.locator("[data-answer=much]").click()
    tab.wait_for_selector(".panel-measurement > .reading:has-text('left')")
    tab.get_by_role("button", name="Cancel").click()
    tab.wait_for_selector(".panel-measurement > .reading:has-text('Cancelled')")


def test_a_curve_is_drawn_before_it_is_measured(tab: Page) -> None:
    opened(tab, "Take apart", ".curve")
    measure = tab.locator(".panel-curve").get_by_role("button", name="Measure", exact=True)
    assert measure.is_disabled()
    curve = tab.locator(".curve")
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] * 0.8)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.3, steps=12)
    tab.mouse.up()
    curve.press("ArrowUp")
    assert "you expect" in tab.locator(".panel-curve .reading").inner_text()
    measure.click()
    tab.wait_for_selector(".panel-curve .reading:has-text('off by')")


def test_gates_are_replaced_and_swapped_connections_cut_and_heat_is_seen(tab: Page) -> None:
    opened(tab, "Take apart", ".heats figure")
    assert tab.locator(".heats figure").count() == 4
    assert tab.locator(".panel-swap").is_hidden()
    tab.get_by_role("combobox", name="Network").select_option(label="se_resnet8")
    tab.wait_for_selector(".pair .bars")
    tab.get_by_role("combobox", name="Gates").first.select_option("mean")
    tab.locator("[data-answer=some]").click()
    tab.wait_for_selector(".before-after:has-text('cannot be done there')")  # the twin has no gates
    tab.get_by_role("combobox", name="Network").select_option(label="densenet10_k4")
    tab.wait_for_selector(".cuts")
    tab.locator(".cuts summary").click()
    tab.locator(".cuts button").first.click()
    tab.locator("[data-answer=some]").click()
    tab.wait_for_selector(".before-after")


def test_an_address_that_holds_nonsense_shows_the_page_or_says_why(browser: Browser, url: str) -> None:
    tab = Tab(browser.new_page(), url)
    changes = '[{"kind":"delete","block":"<b>x</b>"},{"kind":"explode"},7]'
    page = tab.open(view="apart", do=changes, bets=0, net="nobody", img="p-", moment="soon", lang="en")
    page.wait_for_selector(".why:has-text(\"There is no block that can be deleted '<b>x</b>'\")")
    page.wait_for_selector(".heats figure")
    page = tab.open(view="convolution", edit='{"a":1}', px="-3-x-999", layer="nothing", img="v", lang="en")
    page.wait_for_selector("#total")
    page = tab.open(view="convolution", edit='[{"layer":"x"}]', lang="en")
    page.wait_for_selector(".why:has-text('edits.0.layer')")
    page.close()
    assert all("409" in said or "404" in said for said in tab.wrong)


@pytest.mark.parametrize("width", [390, 2560])
def test_both_views_fit_and_speak_chinese(tab: Page, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 900})
    tab.get_by_label("中文").check()
    for title, ready in (("动手看卷积", "#total"), ("拆解网络", ".heats figure")):
        opened(tab, title, ready)
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        left = tab.evaluate("document.querySelector('main').innerText.match(/\\b[a-z]+\\.[a-z.]+\\b/g) ?? []")
        assert [key for key in left if not re.match(r"layer|bn|conv|relu|net", key)] == []
        assert tab.evaluate(UNNAMED) == []
        for theme in ("深色", "浅色"):
            tab.get_by_label(theme).check()
            tab.wait_for_selector(ready)
            assert tab.evaluate(FAINT) == []
