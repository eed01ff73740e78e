"""Workers that are stopped, or were ended by the system: what is done, and what is said."""

import multiprocessing as mp
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

import pytest

from skipscope.engine import executor, local
from skipscope.engine.executor import Worker, ending
from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.engine.tasks import Task
from skipscope.records.lock import held
from skipscope.records.stop import ask_to_stop, hear_request, is_asked_to_stop
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec
from skipscope.training.beginning import begin
from skipscope.training.events import Event


class Deaf:
    """Plays a worker's process that is in the middle of something long: it ends only if it is killed."""

    state = "measuring"

    def __init__(self, theirs: Connection) -> None:
        self.theirs, self.exitcode, self.pid = theirs, None, None

    def kill(self) -> None:
        self.die(-9)

    def die(self, code: int) -> None:
        self.exitcode = code
        self.theirs.close()

    def join(self) -> None:
        assert self.exitcode is not None

    def close(self) -> None:
        """Releases nothing."""


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> list[Deaf]:
    """The workers, as they are started."""
    started: list[Deaf] = []

    def start(task: Task, *_: object) -> tuple[Connection, Worker]:
        ours, theirs = mp.Pipe()
        started.append(Deaf(theirs))
        theirs.send(Event(run=task.spec.id, state=Deaf.state, step=1, message="curvature"))
        return ours, Worker(task=task, process=started[-1], threads=1, peak=3 * 2**30)

    monkeypatch.setattr(local, "start_worker", start)
    monkeypatch.setattr(executor, "LOOK_SECONDS", 0.01)
    return started


def carry_out(
    study: StudySpec, workspace: Workspace, at_work: Callable[[], object], *, jobs: int = 2
) -> list[Event]:
    events: list[Event] = []

    def on_event(event: Event) -> None:
        events.append(event)
        if event.step:
            at_work()

    planned = plan(study.model_copy(update={"seeds": jobs}), workspace, command="x", jobs=jobs)
    execute(planned, workspace, on_event=on_event, interrupted=lambda: None)
    return events


@pytest.mark.parametrize(
    ("state", "seconds", "kept"),
    [("training", 0.05, "back to its last checkpoint"), ("measuring", 1e6, "what it had finished is kept")],
)
def test_a_worker_that_does_not_stop_is_stopped(
    small: StudySpec,
    workspace: Workspace,
    deaf: list[Deaf],
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    seconds: float,
    kept: str,
) -> None:
    """As in the middle of an evaluation, or of a probe, which has nothing to save and is not waited for."""
    monkeypatch.setattr(local, "STOP_SECONDS", seconds)
    monkeypatch.setattr(Deaf, "state", state)
    pressed: list[None] = []

    def press_once() -> None:
        if not pressed:
            pressed.append(None)
            signal.raise_signal(signal.SIGINT)

    events = carry_out(small, workspace, press_once)
    assert [each.exitcode for each in deaf] == [-9, -9]
    stopped = [event for event in events if event.state == "stopped"]
    assert len(stopped) == 2
    assert all(kept in event.message for event in stopped)


def test_a_request_in_the_workspace_stops_as_ctrl_c_does(
    small: StudySpec, workspace: Workspace, deaf: list[Deaf], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one as a second Ctrl-C: at once, without waiting for anybody."""
    monkeypatch.setattr(local, "STOP_SECONDS", 1e6)
    monkeypatch.setattr(Deaf, "state", "training")
    heard: list[None] = []

    def interrupted() -> None:
        heard.append(None)
        assert not is_asked_to_stop(workspace.path)
        ask_to_stop(workspace.path)

    events: list[Event] = []
    planned = plan(small.model_copy(update={"seeds": 2}), workspace, command="x", jobs=1)

    def on_event(event: Event) -> None:
        events.append(event)
        if event.step and not heard:
            ask_to_stop(workspace.path)

    execute(planned, workspace, on_event=on_event, interrupted=interrupted)
    assert len(heard) == 1
    assert len(deaf) == 1  # no further run was begun
    assert not is_asked_to_stop(workspace.path)
    assert [event.state for event in events if event.message] == ["training", "stopped"]


def test_a_request_is_not_kept_for_a_later_process(workspace: Workspace) -> None:
    workspace.path.mkdir()
    ask_to_stop(workspace.path)
    with held(workspace.path, doing="a test"):
        assert not is_asked_to_stop(workspace.path)
    assert not hear_request(workspace.path)


@pytest.mark.parametrize(("jobs", "way_out"), [(2, "with --jobs 1, run again"), (1, "end other programs")])
def test_memory_that_ran_out_is_said_with_a_way_out(
    small: StudySpec, workspace: Workspace, deaf: list[Deaf], jobs: int, way_out: str
) -> None:
    def memory_runs_out() -> None:
        for each in deaf:
            each.die(-9)

    events = carry_out(small, workspace, memory_runs_out, jobs=jobs)
    (failed, *_) = (event for event in events if event.state == "failed")
    assert "signal 9 (exit code -9): usually memory ran out, and it held up to 3.0 GiB" in failed.message
    assert way_out in failed.message
    restarted = [event.message for event in events if event.state == "restarted"]
    assert len(restarted) == 2 * jobs  # and the third time it is left to the user
    assert all(("--jobs 1" in message) == (jobs > 1) for message in restarted)


def test_a_task_that_measures_is_begun_again_and_at_last_warned_of(
    small: StudySpec, workspace: Workspace, deaf: list[Deaf]
) -> None:
    """The run is done, whatever becomes of its probes."""
    study = small.model_copy(update={"probes": ("redundancy",)})
    (run,) = plan(study, workspace, command="x").runs
    folder = workspace.run_folder(run.spec.id)
    record = begin(run.spec, folder, on_event=lambda _event: None)
    folder.write(record.model_copy(update={"state": "done"}))
    events = carry_out(study, workspace, lambda: [each.die(-9) for each in deaf], jobs=1)
    ends = [event for event in events if event.state not in ("training", "measuring")]
    assert [event.state for event in ends] == ["restarted", "restarted", "warned"]
    assert {event.part for event in ends} == {"3: redundancy"}
    assert "what it had not finished is measured again" in ends[0].message
    assert folder.read().state == "done"


def test_other_endings_are_no_matter_of_memory() -> None:
    assert ending(-11) == "was ended by signal 11 (exit code -11)"
    assert ending(1) == "ended (exit code 1)"
    assert ending(-9) == "was ended by signal 9 (exit code -9): usually memory ran out"
