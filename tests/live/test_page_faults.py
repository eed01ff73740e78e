"""What goes wrong around a page, really done: many tabs, killed servers, workspaces that vanish."""

import re
import signal
from collections.abc import Iterator
from shutil import rmtree

import pytest
from browser import Tab, browser, needs_browser
from live_server import by_command, free_port, grow, unfinished
from playwright.sync_api import Browser, Page, expect

from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.lock import held
from skipscope.records.store import Workspace

__all__ = ["browser"]
SECONDS = 30_000
pytestmark = [pytest.mark.browser, needs_browser, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture
def url(workspace: Workspace) -> Iterator[str]:
    with serving(Control(workspace), language="en", port=free_port()) as page:
        yield page.url


def steps_shown(page: Page, last: int) -> None:
    """Waits until the chart of the loss ends with this step of resnet's second seed."""
    said = page.locator(".plot").first
    expect(said).to_have_attribute(
        "aria-label", re.compile(rf"resnet s1: \S+ at {last}[.;]"), timeout=SECONDS
    )


def test_ten_tabs_all_see_what_is_new(browser: Browser, url: str, workspace: Workspace) -> None:
    context = browser.new_context()
    tabs = [Tab(context.new_page(), url) for _ in range(10)]
    pages = [tab.open(lang="en", seeds="each", smooth=0) for tab in tabs]
    for page in pages:
        steps_shown(page, 140)
    grow(unfinished(workspace), first=141, steps=5)
    for page in pages:
        steps_shown(page, 145)
    context.close()
    assert [tab.wrong for tab in tabs] == [[]] * 10


def test_a_stop_in_one_tab_is_seen_in_the_other(browser: Browser, url: str, workspace: Workspace) -> None:
    context = browser.new_context()
    one, other = (Tab(context.new_page(), url).open(lang="en") for _ in range(2))
    with held(workspace.path, doing="skipscope run lab"):
        one.get_by_role("button", name="Stop", exact=True).click()
        expect(other.get_by_role("button", name="Stopping")).to_be_visible(timeout=SECONDS)
    expect(other.get_by_role("button", name="Continue")).to_be_visible(timeout=SECONDS)
    context.close()


def test_a_server_that_is_killed_is_told_of_and_what_was_shown_stays(
    browser: Browser, workspace: Workspace
) -> None:
    context = browser.new_context()
    with by_command(workspace) as (url, process):
        page = Tab(context.new_page(), url).open(lang="en", seeds="each")
        steps_shown(page, 140)
        process.send_signal(signal.SIGKILL)
        process.wait()
        expect(page.locator("#notice")).to_contain_text("does not answer", timeout=SECONDS)
        steps_shown(page, 140)
    context.close()


def test_a_workspace_that_is_deleted_and_a_run_that_is_trained_again(
    browser: Browser, url: str, workspace: Workspace
) -> None:
    context = browser.new_context()
    page = Tab(context.new_page(), url).open(lang="en", seeds="each", smooth=0)
    steps_shown(page, 140)
    file = unfinished(workspace).metrics_file
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:20]))
    steps_shown(page, 20)
    grow(unfinished(workspace), first=21, steps=10)
    steps_shown(page, 30)
    rmtree(workspace.path)
    expect(page.locator("#notice")).to_contain_text("There is no folder", timeout=SECONDS)
    context.close()
