"""What is seen of runs while they train, on a terminal and in a pipe."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from skipscope.api import progress
from skipscope.api.progress import digits, display, now_and_then
from skipscope.api.wording import duration
from skipscope.engine.adapt import adapt
from skipscope.engine.plan import Plan, plan
from skipscope.records.store import Workspace
from skipscope.spec import parse_study
from skipscope.training.events import Event

TABLE = {"name": "x", "data": "shapes", "train_limit": 60, "recipe": {"epochs": 2}, "arm": [{"model": "cnn"}]}


@pytest.fixture
def planned(tmp_path: Path) -> Plan:
    return plan(adapt(parse_study(TABLE, where="")), Workspace(tmp_path), command="x")


def story(run: str) -> list[Event]:
    keys = {"run": run, "state": "training", "steps": 8, "images_per_second": 100.0, "steps_per_second": 2.0}
    return [
        Event(run=run, state="training", steps=8),
        Event(**keys, step=1, epoch=1, loss=2.25),
        Event(**keys, step=2, epoch=1, loss=2.0),
        Event(**keys, step=4, epoch=1, loss=1.5, epoch_ended=True, accuracy=0.5),
        Event(run=run, state="done", step=8, steps=8, accuracy=0.625),
    ]


def shown(planned: Plan, events: list[Event], *, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100, color_system=None)
    with display(planned, console) as view:
        for event in events:
            view.on_event(event)
        view.say("[so it is]")
    return stream.getvalue()


def test_lines_in_a_pipe(planned: Plan) -> None:
    lines = shown(planned, story(planned.runs[0].spec.id), terminal=False).splitlines()
    assert lines == [
        "cnn s0: starting",
        "cnn s0: step 4/8, epoch 1/2, loss 1.500, validation 50.0%, 100 img/s, 2 s left",
        "cnn s0: done, sealed test accuracy 62.5%",
        "[so it is]",
    ]


def test_a_long_epoch_gives_a_line_every_half_minute(planned: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    assert len(shown(planned, story(planned.runs[0].spec.id), terminal=False).splitlines()) == 6


def test_bars_on_a_terminal(planned: Plan) -> None:
    run = planned.runs[0].spec.id
    text = shown(planned, story(run), terminal=True)
    assert "starting" in text
    assert "epoch 1/2, loss 1.500, validation 50.0%, 100 img/s" in text
    assert "cnn s0: done, sealed test accuracy 62.5%" in text


def test_while_a_run_is_measured_the_time_of_the_probe_is_shown_and_no_estimate(planned: Plan) -> None:
    run = planned.runs[0].spec.id
    begun, *_ = story(run)
    measuring = Event(run=run, state="measuring", step=8, steps=8, message="block_deletion")
    text = shown(planned, [begun, measuring], terminal=True)
    line = next(line for line in text.splitlines() if "measuring block deletion" in line)
    assert "0 s" in line
    assert "0:00" not in line


@pytest.mark.parametrize("terminal", [True, False])
def test_two_tasks_that_measure_a_run_are_told_apart(planned: Plan, *, terminal: bool) -> None:
    """A run is done before it is measured; a task's end is a line in a pipe, and its failure anywhere."""
    told = {"run": planned.runs[0].spec.id, "steps": 8}
    one = {"state": "measuring", "part": "8: curvature", "message": "curvature", "step": 8}
    other = {"state": "measuring", "part": "4: answers", "message": "answers", "step": 4}
    end = {"state": "measured", "part": "8: curvature", "message": "curvature"}
    fails = {"state": "warned", "part": "4: answers", "message": "Probes failed."}
    events = [*story(told["run"])[-1:], *(Event(**told, **each) for each in (one, other, end, fails))]
    text = shown(planned, events, terminal=terminal)
    assert "cnn s0: done, sealed test accuracy 62.5%" in text
    assert "measuring curvature" in text
    assert "measuring answers at step 4" in text
    assert text.count("Probes failed.") == 1
    if not terminal:
        assert "cnn s0: measured curvature" in text
        assert len(text.splitlines()) == 6


@pytest.mark.parametrize("terminal", [True, False])
def test_endings(planned: Plan, *, terminal: bool) -> None:
    run = planned.runs[0].spec.id
    failed = Event(run=run, state="failed", message="The loss is nan [/].")
    stopped = Event(run=run, state="stopped", step=3, steps=8)
    text = shown(planned, [failed, stopped], terminal=terminal)
    assert "cnn s0: failed: The loss is nan [/]." in text
    assert "cnn s0: saved at step 3 of 8" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_what_a_run_goes_on_without_is_told_while_it_goes_on(planned: Plan, *, terminal: bool) -> None:
    run = planned.runs[0].spec.id
    begun, *rest = story(run)
    warned = Event(run=run, state="warned", steps=8, message="Probes failed [/].")
    text = shown(planned, [begun, warned, *rest], terminal=terminal)
    assert "cnn s0: Probes failed [/]." in text
    assert "cnn s0: done, sealed test accuracy 62.5%" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (180_000, "2 d 02 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("loss", "text"),
    [(2.30258, "2.303"), (0.0, "0.000"), (99_999.4, "99999.400"), (1e30, "1.0e+30"), (1e-9, "1.0e-09")],
)
def test_losses_without_end_are_short(loss: float, text: str) -> None:
    assert digits(loss) == text


def test_a_run_that_was_stopped_at_once_says_so(planned: Plan) -> None:
    stopped = Event(run=planned.runs[0].spec.id, state="stopped", steps=8, message="stopped at once")
    assert "cnn s0: stopped at once" in shown(planned, [stopped], terminal=False)


def test_a_pipe_hears_of_a_long_measurement_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen networks before their first step took a quarter of an hour in silence."""
    clock = iter([0.0, 0.0, 10.0, 31.0, 31.0, 60.0])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(clock))
    heard: list[str] = []
    told = now_and_then(heard.append, seconds=30)
    for each in ("first", "soon after", "half a minute later", "again soon"):
        told(each)
    assert heard == ["first", "half a minute later"]
