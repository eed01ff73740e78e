"""`skipscope.run`: what it takes, what it raises, what it shows."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from small_study import TABLE
from torch import nn
from torch.utils.data import DataLoader

import skipscope
from skipscope.api import train
from skipscope.api.progress import Lines
from skipscope.errors import SpecError, UsageError
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, load_study, parse_study

FAILS = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.h = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 10)

    def forward(self, x):
        if self.training and len(x) == 20:
            raise ValueError("something of mine is wrong")
        return self.h(self.c(x).relu().mean((2, 3)))
"""


def with_arms(*arms: dict[str, Any], **keys: Any) -> StudySpec:
    return parse_study(TABLE | {"probes": [], "arm": list(arms)} | keys, where="")


@pytest.mark.usefixtures("workers_in_process")
def test_a_failure_is_raised_with_its_line_and_the_other_results_are_kept(
    tmp_path: Path, workspace: Workspace
) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FAILS, encoding="utf-8")
    study = with_arms({"model": f"{file}:Net"}, {"model": "cnn"})
    with pytest.raises(skipscope.RunFailed) as caught:
        skipscope.run(study, workspace.path)
    error = caught.value
    said = "1 of 2 runs failed. Net s0: Net in its run raised ValueError: something of mine is wrong"
    assert error.what == said
    assert error.where == f"{file}, line 11"
    assert error.hint == (
        "fix it there, then call skipscope.run again; the other run is kept, in this error's .workspace"
    )
    ((failed, reason),) = error.failures.items()
    assert failed.startswith("Net-s0-")
    assert "something of mine" in reason
    states = {run.spec.model.rpartition(":")[2][:3]: run.state for run in error.workspace.runs()}
    assert states == {"Net": "failed", "cnn": "done"}


@pytest.mark.usefixtures("workers_in_process")
def test_a_run_that_diverged_is_raised_each_time(workspace: Workspace) -> None:
    recipe = {"epochs": 1, "batch_size": 20, "learning_rate": 1e30, "warmup_epochs": 0.0}
    study = with_arms({"model": "cnn"}, recipe=recipe)
    with pytest.raises(skipscope.RunFailed, match=r"1 of 1 run failed\. cnn s0: ") as first:
        skipscope.run(study, workspace.path)
    with pytest.raises(skipscope.RunFailed) as second:
        skipscope.run(study, workspace.path)
    assert str(first.value) == str(second.value)
    assert "step" in first.value.where


@pytest.mark.usefixtures("workers_in_process")
def test_a_thread_may_train(small: StudySpec, workspace: Workspace) -> None:
    before, found = signal.getsignal(signal.SIGINT), []
    thread = Thread(target=lambda: found.append(skipscope.run(small, workspace.path)))
    thread.start()
    thread.join()
    assert [run.state for run in found[0].runs()] == ["done"]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.usefixtures("workers_in_process")
def test_ctrl_c_is_raised_once_the_runs_have_saved(
    small: StudySpec,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent: list[Any] = []

    class Interrupting(Lines):
        def on_event(self, event: Any) -> None:
            if event.step and not sent:
                sent.append(event)
                signal.raise_signal(signal.SIGINT)
            super().on_event(event)

    @contextmanager
    def watched() -> Iterator[Lines]:
        with opened() as shown:
            yield Interrupting(shown.console)

    opened = train._watched
    monkeypatch.setattr(train, "_watched", watched)
    with pytest.raises(KeyboardInterrupt):
        skipscope.run(small, workspace.path, epochs=400)
    assert "Stopping: the runs save what they have" in capsys.readouterr().err
    (run,) = workspace.runs()
    assert run.state == "unfinished"
    assert workspace.run_folder(run.id).state_file.exists()


@pytest.mark.usefixtures("workers_in_process")
def test_progress_is_lines_on_stderr(
    small: StudySpec, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    skipscope.run(small, workspace.path)
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0] == "Planning: a few timed steps of each network"
    assert lines[1].startswith("computed in ")
    assert lines[2].startswith("about ")
    assert lines[3] == "cnn s0: starting"
    assert lines[-3].startswith("cnn s0: done, sealed test accuracy ")
    assert lines[-2:] == ["cnn s0: measuring redundancy", "cnn s0: measured redundancy"]


@pytest.mark.usefixtures("workers_in_process")
def test_a_study_is_named_or_given_and_changed(
    small: StudySpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(
        'data = "shapes"\ntrain_limit = 60\nprobes = []\n[recipe]\nbatch_size = 20\n[[arm]]\nmodel = "cnn"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    for study in ("tiny.toml", Path("tiny.toml")):
        record = skipscope.run(study, epochs=np.int64(1), seeds=2, train_limit=50).study()
        assert (record.study.recipe.epochs, record.study.seeds, record.study.train_limit) == (1, 2, 50)
        assert record.command == "skipscope run tiny.toml --epochs 1 --seeds 2 --train-limit 50"
    given = skipscope.run(load_study("tiny.toml"), epochs=1, seeds=2, train_limit=50)
    assert given.study().command == "skipscope.run(load_study('tiny'), epochs=1, seeds=2, train_limit=50)"
    assert len(given.runs()) == 2  # trained once


def test_a_shipped_study_is_a_name() -> None:
    assert train._study("lab", None) == load_study("lab")
    changed = {"epochs": 2, "data": None}
    assert train._command("lab", load_study("lab"), changed) == "skipscope run lab --epochs 2"


@pytest.mark.usefixtures("forked_workers", "fake_ray")
def test_a_cluster_trains_it(
    small: StudySpec, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    done = skipscope.run(small, workspace.path, seeds=2, executor="ray", address="auto")
    assert [run.state for run in done.runs()] == ["done", "done"]
    assert done.study().command.endswith(", seeds=2, executor='ray', address='auto')")
    assert "nodes: 2, workers: 2" in capsys.readouterr().err


def test_a_cluster_is_in_the_command() -> None:
    where = {"executor": "ray", "address": None, "any_kind": True}
    assert (
        train._command("lab", load_study("lab"), {}, where) == "skipscope run lab --executor ray --any-kind"
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"study": "lab", "address": "auto"}, "address and any_kind are for a cluster"),
        ({"study": "lab", "executor": "slurm"}, "There is no executor 'slurm'"),
        ({"study": DataLoader([1])}, "A DataLoader is no study"),
        ({"study": None}, "A NoneType is no study"),
        ({"study": "lab", "data": DataLoader([1])}, "data is the name of a data set, not a DataLoader"),
        ({"study": "lab", "epochs": "3"}, "epochs is a whole number, not '3'"),
        ({"study": "lab", "epochs": 2.0}, "epochs is a whole number, not 2.0"),
        ({"study": "lap"}, "Did you mean 'lab'"),
        ({"study": nn.Linear}, "A type is no study"),
    ],
)
def test_what_it_does_not_take_is_said(arguments: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        skipscope.run(**arguments, workspace=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_impossible_value_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        skipscope.run("lab", tmp_path, seeds=0)
    assert caught.value.where == "skipscope.run"
    assert "seeds" in caught.value.what


def test_the_guard_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(call: str) -> None:
        raise UsageError(call)

    monkeypatch.setattr(train, "refuse_unguarded", refuse)
    with pytest.raises(UsageError, match=r"skipscope\.run"):
        skipscope.run(None)
