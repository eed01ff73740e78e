"""One run's worker, called in the tests' process: errors, and probes that are missing."""

import multiprocessing as mp
import signal
from dataclasses import replace

import pytest

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.engine.plan import plan
from skipscope.engine.probe import complete
from skipscope.engine.trained import data_of
from skipscope.engine.work import work
from skipscope.probes.registry import PROBES
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec


@pytest.fixture(autouse=True)
def own_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process keeps its own signal handlers."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


def finished_without_probes(small: StudySpec, workspace: Workspace) -> RunRecord:
    (run,) = plan(small.model_copy(update={"probes": ()}), workspace, command="x").runs
    _ours, theirs = mp.Pipe()
    work(run.spec.model_dump_json(), workspace.path, None, (), theirs)
    return workspace.run(run.spec.id)


def test_asked_to_stop_before_it_is_measured_a_run_stays_done(small: StudySpec, workspace: Workspace) -> None:
    record = finished_without_probes(small, workspace)
    data = load_data("shapes", train_limit=60)
    before = workspace.run_folder(record.id).readings()
    assert complete(workspace, record, data, ["redundancy"], lambda _probe: False) is False
    assert workspace.run_folder(record.id).readings().equals(before)
    assert complete(workspace, record, data, ["gates"], lambda _probe: True) is None  # it has no gates
    assert complete(workspace, record, data, ["redundancy"], lambda _probe: True) is True


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
    work(spec.model_dump_json(), workspace.path, None, (), mp.Pipe()[1])
    wanted = load_data("shapes", train_limit=60, seed=None if subset == "fixed" else 1).train.rows.tolist()
    assert seen == [wanted]
    assert data_of(spec, None).train.rows.tolist() == wanted


def test_an_error_while_a_finished_run_is_measured_leaves_it_finished(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = finished_without_probes(small, workspace)

    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("skipscope.engine.work.complete", fails)
    ours, theirs = mp.Pipe()
    work(record.spec.model_dump_json(), workspace.path, None, ["redundancy"], theirs)
    assert ours.recv().state == "failed"
    assert workspace.run_folder(record.id).read() == record


def test_an_error_in_a_worker_is_kept_with_the_run_and_tried_again(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = mp.Pipe()
    planned = plan(small, workspace, command="x")
    spec = planned.runs[0].spec

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    with monkeypatch.context() as patch:
        patch.setattr("skipscope.training.trainer.train_steps", broken)
        work(spec.model_dump_json(), workspace.path, None, (), theirs)
    event = ours.recv()
    assert (event.state, event.message) == ("failed", "a bug of ours")
    record = workspace.run(spec.id)
    assert (record.state, record.failure.kind) == ("failed", "error")
    assert "ZeroDivisionError" in (workspace.run_folder(spec.id).path / "traceback.txt").read_text(
        encoding="utf-8"
    )
    assert len(plan(small, workspace, command="x").waiting) == 1
    work(spec.model_dump_json(), workspace.path, None, (), theirs)
    assert workspace.run(spec.id).state == "done"
    assert workspace.run(spec.id).failure is None


def test_a_probe_that_fails_is_told_of_and_tried_again(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small.model_copy(update={"probes": ("answers", "redundancy")})
    spec = plan(study, workspace, command="x").runs[0].spec
    calls: list[str] = []

    def broken(_view: object) -> None:
        calls.append("called")
        raise ZeroDivisionError("a bug of ours")

    with monkeypatch.context() as patch:
        patch.setitem(PROBES, "redundancy", replace(PROBES["redundancy"], measure=broken))
        ours, theirs = mp.Pipe()
        work(spec.model_dump_json(), workspace.path, None, study.probes, theirs)
    assert len(calls) == 1
    events = []
    while ours.poll():
        events.append(ours.recv())
    assert [event.state for event in events[-2:]] == ["done", "warned"]
    assert "redundancy (ZeroDivisionError: a bug of ours)" in events[-1].message
    folder = workspace.run_folder(spec.id)
    assert "in broken" in (folder.path / "traceback.txt").read_text(encoding="utf-8")
    assert workspace.run(spec.id).state == "done"
    [again] = plan(study, workspace, command="x").waiting
    assert again.missing_probes == ("redundancy",)
    work(spec.model_dump_json(), workspace.path, None, study.probes, theirs)
    assert "redundancy" in set(folder.readings()["probe"])
    assert not plan(study, workspace, command="x").waiting


def test_a_bug_before_a_run_begins_leaves_its_traceback(
    small: StudySpec, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ours, theirs = mp.Pipe()
    spec = plan(small, workspace, command="x").runs[0].spec
    monkeypatch.setattr("skipscope.engine.work.load_data", lambda *_, **__: 1 / 0)
    work(spec.model_dump_json(), workspace.path, None, (), theirs)
    assert "ZeroDivisionError" in (workspace.run_folder(spec.id).path / "traceback.txt").read_text(
        encoding="utf-8"
    )
