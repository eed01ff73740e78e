"""In which order a study's tasks are done, and what is measured where losses are equal."""

import signal
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from small_study import TABLE

from skipscope.analysis import measured
from skipscope.analysis.tables import gather
from skipscope.engine.estimate import START_SECONDS
from skipscope.engine.measuring import passes
from skipscope.engine.plan import Plan, plan
from skipscope.engine.task_queue import Queue
from skipscope.engine.tasks import Measuring, Task, Training, grouped
from skipscope.engine.work import work
from skipscope.probes.registry import PROBES
from skipscope.records.schema import Result, Snapshot
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, parse_study
from skipscope.training.beginning import begin
from skipscope.training.events import Event
from skipscope.training.measuring import add_readings

LEVEL = 5.0
"""Above chance, so that the smoothed loss is below it from the first step on."""
BOTH = {"treated": "quick", "control": "cnn", "factor": "network"}


@pytest.fixture(autouse=True)
def own_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps its own signal handlers."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Two quick ones, of which one measures at equal loss as well."""
    both = frozenset({"frozen", "equal_loss"})
    monkeypatch.setitem(PROBES, "answers", replace(PROBES["answers"], when=both))
    return ("answers", "redundancy")


def study(probes: tuple[str, ...] = (), **keys: object) -> StudySpec:
    arms = [{"model": "cnn"}, {"model": "cnn", "name": "quick", "recipe": {"learning_rate": 0.01}}]
    asked = {"arm": arms, "probes": probes, "comparison": [BOTH], "snapshots": {"losses": [LEVEL, 0.001]}}
    return parse_study(TABLE | asked | keys, where="a test")


class Parent:
    """A worker's end of its pipe: nobody asks it to stop."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.send = self.events.append

    def poll(self) -> bool:
        return False


def really(task: Task, workspace: Workspace) -> None:
    """Does the task as a worker does."""
    work(task, workspace.path, None, Parent())
    torch.set_flush_denormal(False)


def quickly(task: Task, workspace: Workspace) -> None:
    """Leaves what the rest of the engine looks for, without computing anything."""
    folder = workspace.run_folder(task.spec.id)
    if isinstance(task, Measuring):
        add_readings(
            folder, [{"probe": name, "step": task.step, "value": 1.0} for name in task.probes], task.step
        )
        return
    record = begin(task.spec, folder, on_event=lambda _event: None)
    numbers = ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "seconds", "train_seconds")
    result = Result(images_per_second=1.0, lowest_loss=1.0, **dict.fromkeys(numbers, 1.0))
    kept = Snapshot(step=1, epoch=1, losses=(LEVEL,), smoothed=2.3)
    folder.write_snapshot(1, b"weights")
    folder.write(record.model_copy(update={"state": "done", "result": result, "snapshots": (kept,)}))


def carry_out(
    planned: Plan, workspace: Workspace, do: Callable[[Task, Workspace], object] = quickly
) -> list[float]:
    """Does all tasks here, one after the other; returns what was told when all was trained."""
    told: list[float] = []
    workspace.write_study(planned.record)
    queue = Queue(planned, workspace, told.append)
    while queue:
        task = queue.next()
        do(task, workspace)
        queue.ended(task, again=False)
    return told


def test_training_comes_first_in_rounds_then_what_measures_then_equal_losses(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    planned = plan(study(probes, seeds=2), workspace, command="x")
    tasks: list[Task] = []

    def noted(task: Task, where: Workspace) -> None:
        tasks.append(task)
        quickly(task, where)

    told = carry_out(planned, workspace, noted)
    kinds = [type(task) for task in tasks]
    assert kinds == [Training] * 4 + [Measuring] * 8  # the end and one level of each run
    assert [task.spec.seed for task in tasks[:4]] == [0, 0, 1, 1]
    seconds = [task.seconds for task in tasks if isinstance(task, Measuring)]
    assert seconds == sorted(seconds, reverse=True)
    assert told == [pytest.approx(sum(seconds) / planned.jobs)]
    at = {(task.step, task.probes) for task in tasks if isinstance(task, Measuring)}
    assert at == {(3, ("answers", "redundancy")), (1, ("answers", "generalisation"))}
    again = plan(study(probes, seeds=2), workspace, command="x")
    assert not again.waiting
    assert carry_out(again, workspace) == []


def test_a_run_that_failed_is_not_measured_nor_its_pair_where_losses_are_equal(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    planned = plan(study(probes, seeds=2), workspace, command="x")
    lost = planned.training[0].spec.id
    done: list[tuple[str, int]] = []

    def all_but_one(task: Task, where: Workspace) -> None:
        if task.spec.id != lost:
            quickly(task, where)
        if isinstance(task, Measuring):
            done.append((task.spec.id, task.step))

    carry_out(planned, workspace, all_but_one)
    others = [run.spec.id for run in planned.runs if run.spec.id != lost]
    pairs = [run.spec.id for run in planned.runs if run.spec.seed != planned.training[0].spec.seed]
    assert sorted(done) == sorted([(run, 3) for run in others] + [(run, 1) for run in pairs])


def test_a_level_that_two_comparisons_share_is_measured_once(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    planned = plan(study(probes, comparison=[BOTH, BOTH | {"factor": "depth"}]), workspace, command="x")
    done: list[tuple[str, int]] = []

    def noted(task: Task, where: Workspace) -> None:
        quickly(task, where)
        if isinstance(task, Measuring):
            done.append((task.spec.id, task.step))

    carry_out(planned, workspace, noted)
    assert len(done) == len(set(done)) == 4


def test_a_study_is_trained_and_measured_at_its_end_and_where_losses_are_equal(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    carry_out(plan(study(probes), workspace, command="x"), workspace, really)
    readings = gather(workspace, "small").readings
    for arm in ("cnn", "quick"):
        rows = readings.filter(arm=arm)
        assert rows.filter(step=1, quantity="accuracy", probe="answers").height == 1
        generalisation = rows.filter(probe="generalisation")
        assert set(generalisation["quantity"]) == {
            f"{a}_{b}" for a in ("train", "val") for b in ("loss", "accuracy")
        }
        assert set(generalisation["step"]) == {1}
    for probe in probes:
        at_end = measured.of_trained(readings, probe)
        assert set(at_end["step"]) == {3}
        assert sorted(set(at_end["arm"])) == ["cnn", "quick"]


def test_what_was_interrupted_at_equal_loss_is_planned_again(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    planned = plan(study(probes), workspace, command="x")

    def stop(task: Task, where: Workspace) -> None:
        if isinstance(task, Measuring) and task.step == 1:
            raise KeyboardInterrupt
        quickly(task, where)

    with pytest.raises(KeyboardInterrupt):
        carry_out(planned, workspace, stop)
    again = plan(study(probes), workspace, command="x")
    a_pass = again.runs[0].a_pass
    assert a_pass > 0
    expected = START_SECONDS + a_pass * (passes("answers") + passes("generalisation"))
    assert sum(again.runs[0].compared) == pytest.approx(expected)
    assert all(run.waits and not run.trains for run in again.waiting)
    carry_out(again, workspace)
    assert not plan(study(probes), workspace, command="x").waiting


def test_a_snapshot_that_was_deleted_is_not_measured_nor_waited_for(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    planned = plan(study(("redundancy",)), workspace, command="x")
    carry_out(planned, workspace)
    folder = workspace.run_folder(planned.runs[0].spec.id)
    for path in folder.snapshots.iterdir():
        path.unlink()
    waiting = plan(study(probes), workspace, command="x").waiting
    assert [sum(run.compared) > 0 for run in waiting] == [False, True]
    assert folder.damaged() == []


def test_before_anything_is_trained_measuring_at_equal_loss_is_estimated(
    workspace: Workspace, probes: tuple[str, ...]
) -> None:
    with_them, without = (
        plan(study(probes, **keys), workspace, command="x") for keys in ({}, {"snapshots": None})
    )
    assert [len(run.compared) for run in with_them.runs] == [1, 1]
    assert [run.compared for run in without.runs] == [(), ()]
    assert with_them.seconds > without.seconds


def test_short_probes_share_a_task_and_long_ones_have_their_own() -> None:
    seconds = {"a": 5.0, "b": 50.0, "c": 8.0, "d": 12.0, "e": 19.0, "f": 0.5}
    assert grouped(seconds, 20.0) == [("b",), ("e", "f"), ("c", "d"), ("a",)]
    assert grouped({}, 20.0) == []
    assert sorted(name for group in grouped(seconds, 0.0) for name in group) == [*"abcdef"]
