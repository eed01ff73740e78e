"""The page as a person uses it: clicked, read and typed at in a real browser."""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from browser import FAINT, UNNAMED, Tab, browser, choose, needs_browser
from live_server import free_port
from made_up_readings import with_readings
from made_up_workspace import write_workspace
from playwright.sync_api import Browser, Page, expect

from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.lock import held
from skipscope.records.stop import is_asked_to_stop
from skipscope.records.store import Workspace

pytestmark = [pytest.mark.browser, needs_browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]
VIEWS = ("curves", "layers", "claims")
__all__ = ["browser"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The four networks with two seeds: one run failed, one is not finished, all are measured."""
    folder = tmp_path_factory.mktemp("page") / "ws"
    made = write_workspace(folder, seeds=2, epochs=3, steps=80, unfinished=("resnet",), diverged=("cnn",))
    return with_readings(made)


@pytest.fixture(scope="module")
def url(watched: Workspace) -> Iterator[str]:
    with serving(Control(watched), language="en", port=free_port()) as page:
        yield page.url


@pytest.fixture
def tab(browser: Browser, url: str) -> Iterator[Tab]:
    """A tab of its own; nothing may have gone wrong on it at the end, a refusal by its policy included."""
    context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900})
    tab = Tab(context.new_page(), url)
    yield tab
    context.close()
    assert tab.wrong == []


def hash_of(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def test_curves_are_there_at_once_and_the_address_has_no_token(tab: Tab) -> None:
    page = tab.open(lang="en")
    expect(page.locator("canvas").first).to_be_visible()
    assert "token" not in page.url
    assert page.title() == "lab · skipscope"
    expect(page.locator(".lead")).to_contain_text("1 failed, 1 stopped, 6 done")
    failed = page.locator(".card.failed")
    expect(failed).to_contain_text("cnn s1")
    expect(failed).to_contain_text("diverged")
    said = page.locator(".plot").first.get_attribute("aria-label") or ""
    assert said.startswith("Training loss, every step. cnn: ")
    assert all(arm in said for arm in ("resnet", "densenet", "se_resnet"))


def test_what_is_chosen_is_in_the_address_and_survives_a_reload(tab: Tab) -> None:
    page = tab.open(lang="en")
    choose(page, "epoch")
    choose(page, "each")
    page.get_by_role("button", name="log loss").click()
    page.get_by_label("Smoothing of the loss").fill("0.5")
    page.locator("[data-arm=cnn]").click()
    for part in ("x=epoch", "seeds=each", "log=1", "smooth=0.5", "without=cnn"):
        assert part in hash_of(page)
    page.reload()
    expect(page.locator(".u-axis").first).to_be_attached()
    expect(page.get_by_role("radio", name="epoch")).to_be_checked()
    expect(page.get_by_role("button", name="log loss")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-arm=cnn]")).to_have_attribute("aria-pressed", "false")
    said = page.locator(".plot").first
    expect(said).to_have_attribute("aria-label", re.compile("resnet s0: .* at 3; resnet s1"))
    assert "cnn" not in (said.get_attribute("aria-label") or "")
    choose(page, "second")
    expect(said).to_have_attribute("aria-label", re.compile("resnet s0: "))


def test_a_chart_is_read_and_zoomed_with_the_keyboard(tab: Tab) -> None:
    page = tab.open(lang="en", seeds="each")
    chart = page.locator(".chart").first
    expect(chart.locator(".plot")).to_have_attribute("aria-label", re.compile("se_resnet s1"))
    chart.locator(".plot").focus()
    page.keyboard.press("End")
    expect(chart.locator(".reading")).to_contain_text("step 240: ")
    page.keyboard.press("ArrowLeft")
    expect(chart.locator(".reading")).to_contain_text("step 239: ")
    page.keyboard.press("+")
    assert "from=60" in hash_of(page)
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("0")
    assert "from=" not in hash_of(page)
    expect(follow).to_have_attribute("aria-pressed", "true")


def test_dragging_chooses_a_range_and_a_double_click_shows_everything(tab: Tab) -> None:
    page = tab.open(lang="en")
    over = page.locator(".u-over").first
    expect(over).to_be_visible()
    box = over.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_function("location.hash.includes('from=')")
    over.dblclick()
    page.wait_for_function("!location.hash.includes('from=')")


def test_a_page_that_opens_asks_for_the_curves_once(tab: Tab) -> None:
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.open(lang="en").wait_for_selector(".charts canvas")
    assert sum("/events?" in each for each in asked) == 1


def test_a_strip_is_moved_through_and_the_network_has_its_colours(tab: Tab) -> None:
    page = tab.open(lang="en", view="layers")
    figure = page.locator("figure.strip").nth(1)
    layer = figure.locator("svg rect.layer").first
    expect(layer).to_have_attribute("fill", re.compile("rgb"))
    before = layer.get_attribute("fill")
    page.get_by_label("Moment").fill("0")
    expect(figure.locator(".reading")).to_contain_text("At step 0: conv1 ")
    assert layer.get_attribute("fill") != before
    choose(page, "dead units")
    expect(figure.locator("svg")).to_be_visible()
    expect(page.locator(".scale")).to_contain_text("%")


def test_claims_are_judged_and_their_intervals_narrow(tab: Tab) -> None:
    page = tab.open(lang="en", view="claims")
    expect(page.locator(".lead")).to_contain_text("not measured", timeout=60_000)
    expect(page.locator(".narrowing .bar").first).to_be_attached(timeout=60_000)
    shown = page.locator(".claim").count()
    page.get_by_label("Show").select_option("not_measured")
    assert 0 < page.locator(".claim").count() < shown


def test_news_come_without_a_reload_and_none_while_the_page_is_hidden(tab: Tab, watched: Workspace) -> None:
    page = tab.open(lang="en", seeds="each", smooth=0)
    said = page.locator(".plot").first
    expect(said).to_have_attribute("aria-label", re.compile(r"resnet s1: \S+ at 120;"))
    add(watched, 121)
    expect(said).to_have_attribute("aria-label", re.compile("resnet s1: 7.5 at 121;"))
    hide = "(hidden) => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
    hide += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    expect(page.locator(".connection")).to_contain_text("paused while hidden")
    add(watched, 122)
    page.wait_for_timeout(700)
    assert "at 121;" in (said.get_attribute("aria-label") or "")
    page.evaluate(hide, False)
    expect(said).to_have_attribute("aria-label", re.compile("resnet s1: 7.5 at 122;"))


def add(workspace: Workspace, step: int) -> None:
    (run,) = (each for each in workspace.runs() if each.state == "unfinished")
    row = {"kind": "step", "step": step, "epoch": 2, "loss": 7.5, "learning_rate": 0.1}
    with workspace.run_folder(run.id).metrics_file.open("a") as file:
        file.write(json.dumps(row) + "\n")


def test_a_run_is_stopped_by_a_click(tab: Tab, watched: Workspace) -> None:
    with held(watched.path, doing="skipscope run lab"):
        page = tab.open(lang="en")
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(page.get_by_role("button", name="Stopping")).to_be_visible()
        assert is_asked_to_stop(watched.path)
    (watched.path / ".stop").unlink()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("lang", "theme"), [("zh", "dark"), ("en", "light")])
def test_a_view_fits_every_window_is_legible_and_says_what_it_shows(
    tab: Tab, view: str, lang: str, theme: str
) -> None:
    page = tab.open(lang=lang, theme=theme, view=view)
    page.wait_for_selector({"curves": "canvas", "layers": "canvas", "claims": ".claim"}[view])
    for width in (390, 1280, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(FAINT) == []
    assert page.evaluate("document.documentElement.lang") == {"zh": "zh-CN", "en": "en"}[lang]


def test_everything_is_reached_by_tab_alone(tab: Tab) -> None:
    page = tab.open(lang="en")
    expect(page.locator("canvas").first).to_be_visible()
    reached = set()
    for _ in range(45):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.innerText || document.activeElement.className"))
    assert {"Skip to content", "Watch", "log loss", "Follow", "cnn", "PNG", "plot"} <= reached


def test_a_page_outlives_its_server_and_says_so(browser: Browser, watched: Workspace) -> None:
    control, port = Control(watched), free_port()
    context = browser.new_context()
    with serving(control, language="zh", port=port) as served:
        page = Tab(context.new_page(), served.url).open()
        expect(page.locator("canvas").first).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "zh-CN"  # the server's, as no one chose
    expect(page.locator("#notice")).to_contain_text("服务没有响应", timeout=15_000)
    expect(page.locator("canvas").first).to_be_visible()
    context.close()


MERGES = """async ([steps, values]) => {
  const { appended, empty, thinned, smoothed } = await import("/static/buckets.js");
  let line = empty();
  for (let i = 0; i < steps; i++)
    line = appended(line, { step: [i + 1], count: [1], low: [values[i]], high: [values[i]],
      mean: [values[i]], rate: [0] });
  const few = thinned(line, 50);
  const sum = few.mean.reduce((total, mean, i) => total + mean * few.count[i], 0);
  return { points: few.step.length, last: few.step.at(-1), count: few.count.reduce((a, b) => a + b, 0),
    low: Math.min(...few.low), high: Math.max(...few.high), mean: sum / steps, long: line.step.length,
    smooth: smoothed(few, 0.9).at(-1) };
}"""


def test_the_page_merges_buckets_exactly(tab: Tab) -> None:
    values = np.random.default_rng(0).normal(size=5000)
    found = tab.open(lang="en").evaluate(MERGES, [len(values), values.tolist()])
    assert found["points"] <= 51
    assert found["long"] <= 2000
    assert (found["last"], found["count"]) == (5000, 5000)
    assert (found["low"], found["high"]) == (values.min(), values.max())
    assert found["mean"] == pytest.approx(values.mean())
    assert abs(found["smooth"]) < 1
