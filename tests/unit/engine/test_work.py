"""One run's worker, called in the tests' process: errors, and probes that are missing."""

import multiprocessing as mp
import signal
from dataclasses import replace
from typing import Any

import pytest
import torch

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.engine.plan import plan
from skipscope.engine.planned_run import PlannedRun
from skipscope.engine.tasks import Task, Training
from skipscope.engine.trained import data_of
from skipscope.engine.work import work
from skipscope.probes.registry import PROBES
from skipscope.records.lock import held_run
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec
from skipscope.training import measuring
from skipscope.training.events import Event


@pytest.fixture(autouse=True)
def own_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps its own signal handlers."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def done(task: Task, workspace: Workspace, *orders: object) -> list[Event]:
    """Does the task in this process, with these orders waiting; returns its events."""
    ours, theirs = mp.Pipe()
    for order in orders:
        ours.send(order)
    work(task, workspace.path, None, theirs)
    events = []
    while ours.poll():
        events.append(ours.recv())
    return events


def planned_run(small: StudySpec, workspace: Workspace, *probes: str) -> PlannedRun:
    (run,) = plan(small.model_copy(update={"probes": probes}), workspace, command="x").runs
    return run


def test_asked_to_stop_before_a_probe_what_was_measured_is_kept(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned_run(small, workspace, "answers", "redundancy")
    (task,) = run.measuring
    assert done(run.task, workspace)[-1].state == "done"
    folder, ours, theirs = workspace.run_folder(run.spec.id), *mp.Pipe()
    add = measuring.add_readings

    def add_and_ask(*given: Any) -> None:
        add(*given)
        ours.send(None)

    with monkeypatch.context() as patch:
        patch.setattr(measuring, "add_readings", add_and_ask)
        work(task, workspace.path, None, theirs)
    record = folder.read()
    assert record.state == "done"
    assert set(folder.readings().filter(step=3)["probe"]) & {*task.probes} == {"answers"}
    (left,) = plan(small.model_copy(update={"probes": task.probes}), workspace, command="x").waiting
    assert left.missing_probes == ("redundancy",)
    assert [event.message for event in done(task, workspace)] == ["redundancy", "answers, redundancy"]
    assert set(task.probes) <= set(folder.readings().filter(step=3)["probe"])
    assert folder.read() == record
    assert not folder.damaged()


def test_measuring_holds_the_run_only_to_write(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So two processes measure one run; one that is stopped as it waits for the other writes nothing."""
    run = planned_run(small, workspace, "answers")
    done(run.task, workspace)
    folder, measure = workspace.run_folder(run.spec.id), PROBES["answers"].measure
    (ours, theirs), free = mp.Pipe(), list[bool]()

    def looked(view: object) -> Any:
        with held_run(folder.path, waits=lambda _holder: False) as held:
            free.append(held)
        ours.send(None)
        return measure(view)

    monkeypatch.setitem(PROBES, "answers", replace(PROBES["answers"], measure=looked))
    with held_run(folder.path, waits=lambda _holder: False):
        work(run.measuring[0], workspace.path, None, theirs)
    events = [ours.recv().state for _ in range(3)]
    assert events == ["measuring", "waiting", "stopped"]
    assert "answers" not in set(folder.readings()["probe"])
    work(run.measuring[0], workspace.path, None, theirs)
    assert free == [False, True]
    assert "answers" in set(folder.readings()["probe"])


@pytest.mark.parametrize("subset", ["fixed", "by_seed"])
def test_a_run_trains_on_its_seeds_images_and_is_measured_with_them(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, subset: str
) -> None:
    (_, planned) = plan(small.model_copy(update={"seeds": 2}), workspace, command="x").runs
    assert (planned.spec.data.train_limit, planned.spec.subset_seed) == (60, 1)
    ref = planned.spec.data.model_copy(update={"subset": subset})
    spec, seen = planned.spec.model_copy(update={"data": ref}), []

    def noted(_spec: object, data: Dataset, *_: object, **__: object) -> None:
        seen.append(data.train.rows.tolist())
        raise MemoryError

    monkeypatch.setattr("skipscope.engine.work.train", noted)
    done(Training(spec=spec, steps=3), workspace)
    wanted = load_data("shapes", train_limit=60, seed=None if subset == "fixed" else 1).train.rows.tolist()
    assert seen == [wanted]
    assert data_of(spec, None).train.rows.tolist() == wanted


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError("CUDA out of memory")])
def test_an_error_while_a_finished_run_is_measured_leaves_it_finished(
    small: StudySpec,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception] | Exception,
) -> None:
    run = planned_run(small, workspace, "redundancy")
    done(run.task, workspace)
    record = workspace.run(run.spec.id)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("skipscope.engine.work.measure_at", fails)
    events = done(run.measuring[0], workspace)
    assert events[-1].state == "warned"
    assert "not enough memory" in events[-1].message
    assert workspace.run_folder(record.id).read() == record


def test_an_error_in_a_worker_is_kept_with_the_run_and_tried_again(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned_run(small, workspace)
    spec = run.spec

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    with monkeypatch.context() as patch:
        patch.setattr("skipscope.training.trainer.train_steps", broken)
        (event,) = done(run.task, workspace)
    assert (event.state, event.message) == ("failed", "a bug of ours")
    record = workspace.run(spec.id)
    assert (record.state, record.failure.kind) == ("failed", "error")
    assert "ZeroDivisionError" in (workspace.run_folder(spec.id).path / "traceback.txt").read_text(
        encoding="utf-8"
    )
    assert len(plan(small, workspace, command="x").training) == 1
    done(run.task, workspace)
    assert workspace.run(spec.id).state == "done"
    assert workspace.run(spec.id).failure is None


def test_a_probe_that_fails_is_told_of_and_tried_again(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned_run(small, workspace, "redundancy", "answers")
    (task,), folder = run.measuring, workspace.run_folder(run.spec.id)
    calls: list[str] = []

    def broken(_view: object) -> None:
        calls.append("called")
        raise ZeroDivisionError("a bug of ours")

    done(run.task, workspace)
    with monkeypatch.context() as patch:
        patch.setitem(PROBES, "redundancy", replace(PROBES["redundancy"], measure=broken))
        events = done(task, workspace)
    assert len(calls) == 1
    assert events[-1].state == "warned"
    assert "redundancy (ZeroDivisionError: a bug of ours)" in events[-1].message
    assert "in broken" in (folder.path / "traceback.txt").read_text(encoding="utf-8")
    assert workspace.run(run.spec.id).state == "done"
    study = small.model_copy(update={"probes": ("redundancy", "answers")})
    (again,) = plan(study, workspace, command="x").waiting
    assert again.missing_probes == ("redundancy",)
    done(again.measuring[0], workspace)
    assert "redundancy" in set(folder.readings()["probe"])
    assert not plan(study, workspace, command="x").waiting


def test_a_bug_before_a_run_begins_leaves_its_traceback(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned_run(small, workspace)
    monkeypatch.setattr("skipscope.engine.work.load_data", lambda *_, **__: 1 / 0)
    done(run.task, workspace)
    assert "ZeroDivisionError" in (workspace.run_folder(run.spec.id).path / "traceback.txt").read_text(
        encoding="utf-8"
    )
