"""The report that is written while networks are still measured."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from small_study import TABLE

from skipscope.cli import first_report, plans
from skipscope.cli.first_report import WORTH_SECONDS, FirstReport, write
from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.spec import parse_study


class Process:
    """Stands in for the process that writes; it is killed or waited for."""

    log: list[str]

    def __init__(self, *, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        assert target is write
        assert daemon
        self.args = args

    def start(self) -> None:
        self.log.append(f"start {self.args[1]}")

    def kill(self) -> None:
        self.log.append("kill")

    def join(self) -> None:
        self.log.append("join")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened to the process."""
    found: list[str] = []
    monkeypatch.setattr(Process, "log", found, raising=False)
    context = SimpleNamespace(get_context=lambda _method: SimpleNamespace(Process=Process))
    monkeypatch.setattr(first_report, "mp", context)
    return found


def test_it_is_written_if_measuring_takes_a_while_and_waited_for(log: list[str], tmp_path: Path) -> None:
    said: list[str] = []
    first = FirstReport(tmp_path, "small")
    first.end(at_once=False)
    first.begin(WORTH_SECONDS, say=said.append)
    assert log == said == []
    first.begin(2 * WORTH_SECONDS, say=said.append)
    assert said[0].endswith(f"again when all is measured: {tmp_path / 'reports/small/report.html'}")
    first.end(at_once=False)
    assert log == ["start small", "join"]


def test_it_is_stopped_where_it_is_after_ctrl_c(log: list[str], tmp_path: Path) -> None:
    first = FirstReport(tmp_path, "small")
    first.begin(2 * WORTH_SECONDS, say=lambda _said: None)
    first.end(at_once=True)
    assert log == ["start small", "kill", "join"]


def test_what_goes_wrong_is_left_to_the_report_that_follows(tmp_path: Path) -> None:
    write(tmp_path, "missing")


def test_a_study_is_reported_when_it_is_trained_and_again_when_it_is_measured(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, small = Workspace(tmp_path), parse_study(TABLE, where="a test")

    def execute(*_: Any, trained: Callable[[float], object], **__: Any) -> list[Any]:
        trained(2 * WORTH_SECONDS)
        log.append("measured")
        return [SimpleNamespace(state="done")]

    def build(*_: Any) -> list[Path]:
        log.append("report")
        return [tmp_path]

    monkeypatch.setattr("skipscope.engine.local.execute", execute)
    monkeypatch.setattr("skipscope.report.build_report", build)
    assert plans.carry_out(plan(small, workspace, command="x"), workspace, None) == "done"
    assert log == ["start small", "measured", "join", "report"]
