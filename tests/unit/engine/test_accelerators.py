"""A machine with accelerators: what is tried there, how many runs there are, and which is where."""

import multiprocessing as mp
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from skipscope.data.dataset import load
from skipscope.engine import autotune, local, work
from skipscope.engine.autotune import Autotuner, Timing, stock
from skipscope.engine.local import LocalExecutor
from skipscope.engine.plan import plan
from skipscope.engine.side_by_side import CONTEXT, PROBES, most_at_once
from skipscope.records.store import Workspace
from skipscope.spec import Backend, Recipe, StudySpec

GIB = 2**30


@pytest.fixture
def choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accelerator: list[str]
) -> Callable[..., tuple[Backend, set[str]]]:
    """Chooses on a machine with an accelerator, where every change pays unless its gradients are wrong."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def chosen(*models: str, wrong: str = "") -> tuple[Backend, set[str]]:
        tried: set[str] = set()

        def measured(_model: str, backend: Backend, *_: object) -> Timing:
            tried.update((backend.precision, backend.kernels))
            gain = {"bf16": 0.5, "fp16": 0.4, "fp32": 1.0}[backend.precision]
            gain *= {"stock": 1.0, "graphs": 0.5}.get(backend.kernels, 0.1)
            return Timing(seconds=gain, agreement=0.5 if backend.precision == wrong else 1.0, weights=1)

        monkeypatch.setattr(autotune, "_measure", measured)
        tuner = Autotuner(load("shapes", train_limit=100))
        return tuner.choose([(model, Recipe()) for model in models], threads=1).backend, tried

    return chosen


def test_an_accelerator_is_tried_with_what_is_for_it(choose: Callable[..., tuple]) -> None:
    backend, tried = choose("cnn")
    assert (backend.precision, backend.kernels) == ("bf16", "graphs")
    assert not tried & {"fast", "winograd", "winograd_any", "fp16"}  # fp16 is for where bf16 does not pay


def test_fp16_is_tried_where_bf16_is_none(choose: Callable[..., tuple]) -> None:
    backend, tried = choose("cnn", wrong="bf16")
    assert (backend.precision, backend.kernels) == ("fp16", "graphs")
    assert "bf16" in tried


def test_a_network_of_the_users_is_not_recorded(choose: Callable[..., tuple], tmp_path: Path) -> None:
    """What its code decides in a step, by chance on the processor say, would be decided once."""
    file = tmp_path / "own.py"
    file.write_text("from torch import nn")
    backend, tried = choose("cnn", f"{file}:Net")
    assert backend.kernels == "stock"
    assert "graphs" not in tried


def test_a_step_is_timed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accelerator: list[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tuner = Autotuner(load("shapes", train_limit=100))
    timing = tuner.timing("cnn", stock(1))
    assert timing.agreement == pytest.approx(1.0)
    assert 0 < timing.seconds < float("inf")
    assert timing.weights > 0
    assert timing.grown is None  # it does not count its memory


@pytest.mark.parametrize(
    ("runs", "devices", "jobs"), [(8, 0, 8), (8, 1, 4), (2, 1, 2), (8, 2, 2), (1, 2, 1), (16, 8, 8)]
)
def test_one_device_is_shared_and_several_have_a_run_each(runs: int, devices: int, jobs: int) -> None:
    assert most_at_once(runs, devices) == jobs


@pytest.mark.parametrize(("devices", "free", "jobs"), [(1, 24 * GIB, 4), (1, 2, 1), (2, 2, 2), (3, 0, 3)])
def test_the_plan_counts_devices_and_their_memory(
    small: StudySpec,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    devices: int,
    free: int,
    jobs: int,
) -> None:
    """Little host memory matters to nobody there, and two workers' worth of the device's to one device."""
    monkeypatch.setattr("skipscope.engine.plan.cores", lambda: 8)
    monkeypatch.setattr("skipscope.engine.plan.free_memory", lambda: 1)
    monkeypatch.setattr("skipscope.engine.plan.device_count", lambda: devices)
    room = free if free > GIB else free * (CONTEXT + PROBES) - 1
    monkeypatch.setattr("skipscope.engine.plan.device_memory", lambda: room)
    found = plan(small.model_copy(update={"seeds": 4}), workspace, command="x")
    assert found.jobs == jobs


def test_a_task_goes_to_the_device_with_the_fewest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int | None] = []

    def start(_task: object, _workspace: Path, _data: None, device: int | None = None) -> tuple:
        given.append(device)
        return mp.Pipe()[0], None

    monkeypatch.setattr(local, "start_worker", start)
    parts = {"workspace": tmp_path, "data_dir": None, "jobs": 4, "cores": 4, "stop_seconds": 1.0}
    executor = LocalExecutor(**parts, devices=3)
    pipes = [executor.start(None)[0] for _ in range(4)]
    pipes[2].close()  # that worker has ended
    executor.start(None)
    pipes[0].close()
    executor.start(None)
    assert given == [0, 1, 2, 0, 2, 0]
    LocalExecutor(**parts).start(None)
    assert given[-1] is None


def test_a_worker_computes_on_the_device_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(torch.accelerator, "set_device_index", chosen.append)
    monkeypatch.setattr(work, "ignore", lambda *_: None)
    monkeypatch.setattr(work, "_measure", lambda *_: None)
    task: Any = SimpleNamespace(spec=SimpleNamespace(id="x", recipe=SimpleNamespace(threads=1)))
    nobody: Any = None
    for accelerator in (None, 2):
        work.work(task, Path(), None, nobody, accelerator)
    assert chosen == [2]
