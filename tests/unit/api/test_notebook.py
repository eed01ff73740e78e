"""Progress in a notebook, and the notebooks of docs/, executed as they are committed."""

import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from small_study import TABLE

from skipscope.api import notebook, train
from skipscope.api.notebook import Page
from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.spec import parse_study
from skipscope.training.events import Event

TOOL = runpy.run_path(str(Path(__file__).parents[3] / "tools" / "notebooks.py"))
executed: Callable[[Path, Path], Any] = TOOL["executed"]


def outputs(read: Any) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Which kinds of output each cell has."""
    return [
        (cell.id, [(out.output_type, sorted(out.get("data", {}))) for out in cell.outputs])
        for cell in read.cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("path", TOOL["NOTEBOOKS"], ids=lambda path: path.stem)
def test_a_notebook_runs_as_it_is_shown(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    (tmp_path / "here").mkdir()
    ran, committed = executed(path, tmp_path / "here"), nbformat.read(path, as_version=4)
    assert outputs(ran) == outputs(committed)
    assert not any(out.output_type == "error" for cell in committed.cells for out in cell.get("outputs", ()))
    assert str(tmp_path) not in nbformat.writes(ran)  # nor any other folder of whose machine this is
    shown = {cell.id: out.data for cell in ran.cells for out in cell.get("outputs", ()) if "data" in out}
    assert shown["train"]["text/plain"].startswith("2 of 2 runs done\n")
    assert shown["show"]["text/html"].count("data:image/svg+xml") == 2
    assert shown["write-report"]["text/plain"] == "Report: out/reports/first/report.html"
    assert (tmp_path / "here" / "out/reports/first/report.html").exists()


class Handle:
    """Keeps what a notebook would show."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def update(self, page: Page) -> None:
        self.shown.append(page._repr_mimebundle_())


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Handle:
    kept = Handle()
    jupyter = SimpleNamespace(display=lambda _page, display_id: kept)
    monkeypatch.setattr(notebook, "import_module", lambda _name: jupyter)
    return kept


def opened(tmp_path: Path, *, seeds: int) -> tuple[Page, list[str]]:
    arms = [{"model": "cnn", "name": "a"}]
    study = parse_study(TABLE | {"arm": arms, "seeds": seeds}, where="")
    planned = plan(study, Workspace(tmp_path), command="x")
    page = Page()
    page.begin(planned)
    return page, [run.spec.id for run in planned.runs]


def test_each_run_has_a_row_that_is_replaced(tmp_path: Path, handle: Handle) -> None:
    page, (first, second) = opened(tmp_path, seeds=2)
    page.on_event(Event(run=first, state="training", steps=8))
    page.on_event(Event(run=second, state="failed", message="it is <b>broken</b>"))
    page.on_event(Event(run=first, state="warned", message="not shown here"))
    page.on_event(Event(run=first, state="done", step=8, steps=8, accuracy=0.625))
    assert [each["text/plain"].splitlines()[0] for each in handle.shown] == (
        ["0 of 2 runs done"] * 3 + ["1 of 2 runs done"]
    )
    last = handle.shown[-1]
    assert last["text/plain"].splitlines()[1:] == (
        ["a s0: done, sealed test accuracy 62.5%", "a s1: failed: it is <b>broken</b>"]
    )
    assert "<progress max='8' value='8'></progress></td><td>done, sealed" in last["text/html"]
    assert "it is &lt;b&gt;broken&lt;/b&gt;" in last["text/html"]


def test_a_run_that_was_measured_shows_its_result_again(tmp_path: Path, handle: Handle) -> None:
    page, (run,) = opened(tmp_path, seeds=1)
    told = {"run": run, "step": 8, "steps": 8}
    page.on_event(Event(state="done", accuracy=0.625, **told))
    page.on_event(Event(state="measuring", message="curvature", part="8: curvature", **told))
    assert handle.shown[-1]["text/plain"].splitlines() == ["1 of 1 runs done", "a s0: measuring curvature"]
    page.on_event(Event(state="measured", part="8: curvature", **told))
    assert handle.shown[-1]["text/plain"].splitlines()[1] == "a s0: done, sealed test accuracy 62.5%"


def test_what_is_planned_stands_below(tmp_path: Path, handle: Handle) -> None:
    page, (run,) = opened(tmp_path, seeds=1)
    page.announce(["about 3 s in all", "<fast>"])
    page.on_event(Event(run=run, state="training", steps=8))
    assert handle.shown[-1]["text/plain"].splitlines()[1:] == ["a s0: starting", "about 3 s in all", "<fast>"]
    assert "<small>&lt;fast&gt;</small>" in handle.shown[-1]["text/html"]


def test_of_many_runs_that_are_done_only_the_number_is_left(tmp_path: Path, handle: Handle) -> None:
    page, runs = opened(tmp_path, seeds=14)
    for run in runs[:13]:
        page.on_event(Event(run=run, state="done", step=8, steps=8, accuracy=0.5))
    told = {"state": "training", "step": 2, "steps": 8, "loss": 2.0, "epoch": 1, "steps_per_second": 2.0}
    page.on_event(Event(run=runs[13], **told))
    assert handle.shown[-1]["text/plain"] == (
        "13 of 14 runs done\na s13: epoch 1/1, loss 2.000, 0 img/s, 3 s left"
    )


def test_steps_are_shown_from_time_to_time(
    tmp_path: Path, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, (run,) = opened(tmp_path, seeds=1)
    now = [100.0]
    monkeypatch.setattr(notebook, "monotonic", lambda: now[0])
    for step in range(1, 9):
        now[0] += 0.2
        page.on_event(Event(run=run, state="training", step=step, steps=8, loss=2.0, epoch=1))
    steps = re.findall(r"value='(\d)'", "".join(each["text/html"] for each in handle.shown))
    assert steps == ["1", "4", "7"]


def test_a_kernel_is_a_notebook_and_a_terminal_is_none(
    handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not notebook.in_notebook()
    for shell, kind in ((SimpleNamespace(), None), (SimpleNamespace(kernel=object()), Page), (None, None)):
        ipython = SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        with train._watched() as shown:
            assert isinstance(shown, Page) == (kind is Page)
