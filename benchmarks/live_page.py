"""The lab page in Chromium: what it costs, and how quickly it moves.

    python benchmarks/live_page.py [first] [frames] [tabs] [idle] [memory]

`first`: seconds from the command to the first curve, five times. `frames`: frames a second while one drags
over the charts of 4 networks of 100,000 steps, and moves a slider. `tabs`: ten tabs on a growing study.
`idle`: processor time of server and page, where nothing happens and beside a study that writes. `memory`: an
hour of 1,000 steps a minute, written 30 times as fast. The study is made up, the server is `skipscope live`,
the browser has no window; Linux, with playwright and Chromium.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))
from made_up_workspace import write_workspace

from skipscope.records.lock import held
from skipscope.records.store import Workspace

PROGRAM = (sys.executable, "-c", "from skipscope.cli import main; main()")
TICKS = os.sysconf("SC_CLK_TCK")
IDLE_SECONDS = 60
SPEED = 30
DRAG = """(share) => {
  const over = document.querySelector(".u-over"), box = over.getBoundingClientRect();
  const at = { clientX: box.left + 20 + share * (box.width - 40), clientY: box.top + box.height / 2 };
  over.dispatchEvent(new MouseEvent("mousemove", { ...at, bubbles: true, buttons: 1, movementX: 1 }));
}"""
SLIDE = """(share) => {
  const slider = document.querySelector(".slider input");
  slider.value = 0.99 * share;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}"""
FRAMES = """(act, seconds) => new Promise((resolve) => {
  const stamps = [];
  const each = (now) => {
    stamps.push(now);
    act(Math.abs(((now - stamps[0]) / 1000) % 2 - 1));
    if (now - stamps[0] < 1000 * seconds) requestAnimationFrame(each);
    else resolve(stamps);
  };
  requestAnimationFrame(each);
})"""
"""Does something before each frame, as often as the browser draws one."""


@contextmanager
def served(workspace: Path) -> Iterator[tuple[str, int]]:
    """Serves a workspace by the command; yields the address and the process."""
    command = [*PROGRAM, "live", "-w", str(workspace), "--no-open", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as page:  # noqa: S603 - our own
        try:
            yield (page.stdout.readline().strip() if page.stdout else ""), page.pid
        finally:
            page.terminate()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Starts the system's browser."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def opened(browser: Browser, url: str, state: str = "") -> Page:
    """Opens the page, and waits for its first curve."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{url}#{state}")
    page.wait_for_selector(".plot canvas")
    return page


def seconds_of(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid: int) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def renderers() -> list[int]:
    """Processes of this browser that show pages: those that this process started, however far down."""
    parents, found = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(path.name)] = int(fields[1])
            if b"--type=renderer" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return [pid for pid in found if os.getpid() in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while (pid := parents.get(pid, 0)) > 1:
        yield pid


class Growing:
    """A run that writes its steps."""

    def __init__(self, workspace: Workspace) -> None:
        (run,) = (each for each in workspace.runs() if each.state == "unfinished")
        self.file = workspace.run_folder(run.id).metrics_file
        last = [row for row in self.file.read_text("utf-8").splitlines() if '"kind": "step"' in row][-1]
        self.step = int(json.loads(last)["step"])

    def write(self, steps: int) -> None:
        """Writes so many more steps."""
        with self.file.open("a", encoding="utf-8") as file:
            for _ in range(steps):
                self.step += 1
                row = {"kind": "step", "step": self.step, "epoch": 2, "loss": 2 / self.step**0.2}
                file.write(json.dumps(row | {"learning_rate": 0.1}) + "\n")


def first(folder: Path) -> None:
    """Prints the seconds from the command to the first curve; the browser runs already."""
    workspace = write_workspace(folder / "first", seeds=3)
    found = []
    with chromium() as browser:
        for _ in range(5):
            began = time.perf_counter()
            with served(workspace.path) as (url, _pid):
                opened(browser, url).close()
                found.append(time.perf_counter() - began)
    print(f"first curve after {np.median(found):.1f} s (median of 5; {min(found):.1f} to {max(found):.1f})")


def frames(folder: Path) -> None:
    """Prints frames a second while a person moves things."""
    workspace = write_workspace(folder / "long", epochs=10, steps=10_000)
    with served(workspace.path) as (url, _pid), chromium() as browser:
        page = opened(browser, url, "smooth=0.9")
        page.wait_for_timeout(3000)
        over = page.locator(".u-over").first
        over.scroll_into_view_if_needed()
        box = over.bounding_box() or {}
        page.mouse.move(box["x"] + 20, box["y"] + 90)
        page.mouse.down()
        print(f"dragging a range across 4 x 100,000 steps: {_frames(page, DRAG)}")
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 90)
        page.mouse.up()
        page.wait_for_timeout(3000)
        print(f"moving the cursor in what was chosen: {_frames(page, DRAG)}")
        print(f"moving the slider of the smoothing: {_frames(page, SLIDE)}")


def _frames(page: Page, act: str, seconds: float = 5.0) -> str:
    gaps = np.diff(page.evaluate(f"({FRAMES})({act}, {seconds})"))
    slow, longest = np.percentile(gaps, 95), gaps.max()
    return (
        f"{1000 / gaps.mean():.0f} frames a second, 95 % within {slow:.0f} ms, the longest {longest:.0f} ms"
    )


def tabs(folder: Path) -> None:
    """Prints after how many seconds all of ten tabs show a new step, and what the server needs."""
    workspace = write_workspace(folder / "tabs", unfinished=("resnet",))
    run = Growing(workspace)
    with held(workspace.path, doing="a study"), served(workspace.path) as (url, pid), chromium() as browser:
        context = browser.new_context()
        pages = [context.new_page() for _ in range(10)]
        for page in pages:
            page.goto(f"{url}#seeds=each&smooth=0")
            page.wait_for_selector(".plot canvas")
        found, before, began = [], seconds_of(pid), time.perf_counter()
        for _ in range(5):
            run.write(50)
            written = time.perf_counter()
            for page in pages:
                shown = re.compile(f"at {run.step}")
                expect(page.locator(".plot").first).to_have_attribute("aria-label", shown, timeout=60_000)
            found.append(time.perf_counter() - written)
            time.sleep(2)
        share = (seconds_of(pid) - before) / (time.perf_counter() - began)
        print(f"ten tabs all show a step after {max(found):.1f} s at most; server {share:.1%} of a core")


def idle(folder: Path) -> None:
    """Prints the share of a core that server and page take."""
    workspace = write_workspace(folder / "idle", seeds=3, unfinished=("resnet",))
    run = Growing(workspace)
    with served(workspace.path) as (url, pid), chromium() as browser:
        opened(browser, url)
        time.sleep(20)  # whoever has seen nothing for 15 s looks once a second
        print(f"nothing happens: {_shares(pid, lambda: None)}")
        with held(workspace.path, doing="a study"):
            print(f"beside 20 steps a second: {_shares(pid, lambda: run.write(20))}")


def _shares(pid: int, each_second: Callable[[], None]) -> str:
    pages = renderers()
    before, began = (seconds_of(pid), sum(map(seconds_of, pages))), time.perf_counter()
    for second in range(1, IDLE_SECONDS + 1):
        each_second()
        time.sleep(max(0.0, began + second - time.perf_counter()))
    wall = time.perf_counter() - began
    server, page = seconds_of(pid) - before[0], sum(map(seconds_of, pages)) - before[1]
    return f"server {server / wall:.1%} of a core, page {page / wall:.1%} ({IDLE_SECONDS} s)"


def memory(folder: Path) -> None:
    """Prints memory at the start, the middle and the end of an hour's 60,000 steps."""
    workspace = write_workspace(folder / "memory", unfinished=("resnet",))
    run = Growing(workspace)
    with held(workspace.path, doing="a study"), served(workspace.path) as (url, pid), chromium() as browser:
        page = opened(browser, url)
        session = page.context.new_cdp_session(page)
        seconds = 3600 // SPEED
        for second in range(seconds + 1):
            if second % (seconds // 4) == 0:
                session.send("HeapProfiler.collectGarbage")
                heap: Any = session.send("Runtime.getHeapUsage")
                used, minutes = heap["usedSize"] / 2**20, second * SPEED / 60
                sizes = f"page {used:.1f} MiB, server {memory_of(pid):.0f} MiB"
                print(f"minute {minutes:.0f}: step {run.step:,}, {sizes}", flush=True)
            run.write(1000 * SPEED // 60)
            time.sleep(1)


MEASURED = {"first": first, "frames": frames, "tabs": tabs, "idle": idle, "memory": memory}


if __name__ == "__main__":
    for name in sys.argv[1:] or MEASURED:
        with TemporaryDirectory() as made:
            MEASURED[name](Path(made))
