"""Runs in worker processes: side by side, interrupted, failing, killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from skipscope.engine.adapt import adapt
from skipscope.engine.executor import Worker, _share_out
from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec
from skipscope.training.events import Event

LONG = 500
"""Epochs that nobody waits for the end of."""


def carry_out(
    study: StudySpec, workspace: Workspace, on_event: object = None, jobs: int | None = None
) -> tuple[list, list[Event]]:
    events: list[Event] = []

    def both(event: Event) -> None:
        events.append(event)
        if on_event is not None:
            on_event(event)

    planned = plan(study, workspace, command="x", jobs=jobs)
    return execute(planned, workspace, on_event=both, interrupted=lambda: events.append(None)), events


@pytest.mark.usefixtures("workers_in_process")
def test_a_study_is_trained_once(small: StudySpec, workspace: Workspace) -> None:
    records, events = carry_out(adapt(small, seeds=2), workspace)
    assert [record.state for record in records] == ["done", "done"]
    assert [record.spec.seed for record in records] == [0, 1]
    assert all(record.environment.threads == 1 for record in records)
    assert sorted(event.run for event in events if event.state == "done") == sorted(
        record.id for record in records
    )
    assert workspace.study("small").members[1].run == records[1].id
    assert len(workspace.sample(records[0].spec.data.sha256)["labels"]) > 0  # for the report
    assert all(workspace.run_folder(record.id).pictures() for record in records)
    times = [workspace.run_folder(record.id).model_file.stat().st_mtime_ns for record in records]
    again, events = carry_out(adapt(small, seeds=2), workspace)
    assert again == records
    assert events == []
    assert times == [workspace.run_folder(record.id).model_file.stat().st_mtime_ns for record in records]


@pytest.mark.usefixtures("workers_in_process")
def test_a_run_that_another_study_was_content_with_is_measured_and_not_trained_again(
    small: StudySpec, workspace: Workspace
) -> None:
    """`depth` asks for no look at trained networks, `fair` for all, and they share runs."""
    ((whole,), _) = carry_out(small, Workspace(workspace.path / "at once"))
    ((record,), _) = carry_out(small.model_copy(update={"probes": ()}), workspace)
    folder = workspace.run_folder(record.id)
    trained = folder.model_file.stat().st_mtime_ns
    (planned,) = plan(small, workspace, command="x").waiting
    assert (planned.state, planned.missing_probes) == ("done", ("redundancy",))
    _, events = carry_out(small, workspace)
    assert [event.state for event in events] == ["measuring", "measured"]
    assert events[-1].step == events[-1].steps == planned.steps
    assert folder.model_file.stat().st_mtime_ns == trained
    assert not folder.damaged()
    at_once = Workspace(workspace.path / "at once").run_folder(whole.id)
    assert folder.readings().equals(at_once.readings())
    assert not plan(small, workspace, command="x").waiting


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_once_saves_and_starts_nothing_more(
    small: StudySpec, workspace: Workspace, number: signal.Signals
) -> None:
    sent: list[Event] = []

    def interrupt(event: Event) -> None:
        if not sent and event.step:
            sent.append(event)
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    records, events = carry_out(adapt(small, seeds=2, epochs=LONG), workspace, interrupt, jobs=1)
    assert signal.getsignal(number) is before
    assert None in events
    assert [record.state for record in records] == ["unfinished"]
    folder = workspace.run_folder(records[0].id)
    stopped = next(event for event in events if event is not None and event.state == "stopped")
    assert folder.state_file.exists()
    assert folder.last_step() == stopped.step


@pytest.mark.usefixtures("forked_workers")
def test_a_killed_worker_is_reported_and_the_others_go_on(small: StudySpec, workspace: Workspace) -> None:
    victim = adapt(small, epochs=LONG).model_copy(update={"seeds": 2})
    planned = plan(victim, workspace, command="x", jobs=2)
    names = {run.spec.seed: run.spec.id for run in planned.runs}
    killed, stopped = threading.Event(), threading.Event()

    def kill(event: Event) -> None:
        if event.run != names[0]:
            return
        if event.step and not killed.is_set():
            killed.set()
            _kill_worker(names[0])
        went_on = event.step and any(e.state == "restarted" for e in events)
        if went_on and not stopped.is_set():
            stopped.set()
            os.kill(os.getpid(), signal.SIGINT)  # enough seen: both may stop

    events: list[Event] = []
    records = execute(
        planned,
        workspace,
        on_event=lambda event: (events.append(event), kill(event)),
        interrupted=lambda: None,
    )
    restarted = next(event for event in events if event.state == "restarted")
    assert restarted.run == names[0]
    assert "exit code -9" in restarted.message
    assert {event.run for event in events if event.state == "stopped"} == set(names.values())
    assert [record.state for record in records] == ["unfinished", "unfinished"]


def _kill_worker(name: str) -> None:
    import multiprocessing as mp

    next(child for child in mp.active_children() if child.name == name).kill()


@pytest.mark.usefixtures("workers_in_process")
def test_ctrl_c_in_the_middle_of_a_line_is_heard_after_it(small: StudySpec, workspace: Workspace) -> None:
    """Nobody can print in the middle of a print."""
    telling, heard = [False], []

    def on_event(event: Event) -> None:
        telling[0] = True
        if event.step and not heard:
            signal.raise_signal(signal.SIGINT)
        telling[0] = False

    long = adapt(small, epochs=400)
    records = execute(
        plan(long, workspace, command="x"),
        workspace,
        on_event=on_event,
        interrupted=lambda: heard.append(telling[0]),
    )
    assert heard == [False]
    assert {record.state for record in records} == {"unfinished"}


@pytest.mark.usefixtures("forked_workers")
def test_a_second_ctrl_c_stops_at_once_and_says_so(small: StudySpec, workspace: Workspace) -> None:
    """What was killed for it did not fail, and goes on."""
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if event.step and len([each for each in events if each.step]) == 1:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    long = adapt(small, epochs=4000, seeds=1)
    told = plan(long, workspace, command="x", jobs=1)
    (record, *_) = execute(told, workspace, on_event=on_event, interrupted=lambda: None)
    # which of the two it obeyed is a matter of how quick the worker was
    assert {event.state for event in events} <= {"training", "stopped"}
    assert events[-1].state == "stopped"
    assert record.state == "unfinished"


def test_a_worker_does_not_outlive_its_parent(tmp_path: Path) -> None:
    """SIGKILL of the parent: the worker saves and leaves, and the run can go on."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, signal\n"
        "from skipscope.engine.local import execute\n"
        "from skipscope.engine.plan import plan\n"
        "from skipscope.records.store import Workspace\n"
        "from skipscope.spec import parse_study\n"
        "def on_event(event):\n"
        "    if event.step:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    study = parse_study({'name': 'x', 'data': 'shapes', 'train_limit': 60,\n"
        f"        'recipe': {{'epochs': {LONG}, 'batch_size': 20}},\n"
        "        'arm': [{'model': 'cnn'}]}, where='')\n"
        "    folder = Workspace('out')\n"
        "    execute(plan(study, folder, command='x'), folder, on_event=on_event, interrupted=print)\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path, timeout=120, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    [record] = Workspace(tmp_path / "out").runs()
    folder = Workspace(tmp_path / "out").run_folder(record.id)
    assert _comes(lambda: folder.state_file.exists() and folder.last_step() > 0)
    assert record.state == "unfinished"


def _comes(condition: object, seconds: float = 30) -> bool:
    import time

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.usefixtures("forked_workers")
def test_a_worker_killed_a_third_time_is_left_to_the_user(small: StudySpec, workspace: Workspace) -> None:
    study = adapt(small, epochs=LONG)
    killed = []

    def kill(event: Event) -> None:
        if event.state == "training" and event.step:
            for child in multiprocessing.active_children():
                killed.append(child.name)
                os.kill(child.pid, signal.SIGKILL)

    records, events = carry_out(study, workspace, kill)
    states = [event.state for event in events if event.state != "training"]
    assert states == ["restarted", "restarted", "failed"]
    assert len(set(killed)) == 1
    assert "goes on from its last checkpoint" in next(e.message for e in events if e.state == "restarted")
    assert [record.state for record in records] == ["unfinished"]


@pytest.mark.usefixtures("forked_workers")
def test_a_run_that_is_left_alone_gets_the_cores_and_the_same_weights(
    small: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same run beside another one, and alone with two cores from its first step on."""
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 2)
    weights = []
    for seeds in (1, 2):
        folder = Workspace(tmp_path / str(seeds))
        records, _ = carry_out(adapt(small, seeds=seeds, epochs=3), folder)
        assert [record.state for record in records] == ["done"] * seeds
        weights.append(load_file(folder.run_folder(records[0].id).model_file))
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_cores_are_offered_once_and_only_if_they_are_more(small: StudySpec, workspace: Workspace) -> None:
    read, write = multiprocessing.Pipe(duplex=False)
    for threads, offers, heard in (("auto", (1, 2, 2, 4), [2, 4]), (2, (1, 2, 3), [3])):
        recipe = small.recipe.model_copy(update={"threads": threads})
        (run,) = plan(small.model_copy(update={"recipe": recipe}), workspace, command="x").runs
        worker = Worker(task=run.task, process=None, threads=int(run.spec.recipe.threads))
        for offer in offers:
            _share_out(offer, {write: worker})
        assert [read.recv() for _ in heard] == heard
        assert not read.poll()


@pytest.mark.usefixtures("workers_in_process")
def test_what_cannot_be_told_is_no_death_of_a_worker(small: StudySpec, workspace: Workspace) -> None:
    """As where output is piped to a program that has ended; the worker notices, saves and leaves."""

    def on_event(event: Event) -> None:
        if event.step:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        carry_out(adapt(small, epochs=LONG), workspace, on_event)
    (record,) = workspace.runs()
    assert record.state == "unfinished"
    assert _comes(workspace.run_folder(record.id).state_file.exists)
