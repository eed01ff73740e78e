"""Workers in the tests' process, for tests of what a command prints."""

import signal
from typing import Any

import pytest
import torch

from skipscope.engine import local
from skipscope.engine.plan import Plan
from skipscope.engine.task_queue import Queue
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace
from skipscope.training.events import EventHandler


class Parent:
    """A worker's end of its pipe: what it sends is handled at once, and nobody asks it to stop."""

    def __init__(self, on_event: EventHandler) -> None:
        self.send = on_event

    def poll(self) -> bool:
        return False


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trains a plan's runs in this process, one after the other: a worker's imports take longer than a run.

    That `local.execute` does the same in processes of their own is proven in unit/engine.
    """

    def execute(
        plan: Plan, workspace: Workspace, *, on_event: EventHandler, data_dir: Any = None, **_: Any
    ) -> list[RunRecord]:
        local.prepare(plan, workspace, data_dir)
        queue = Queue(plan, workspace, lambda _seconds: None)
        while queue:
            task = queue.next()
            local.work(task, workspace.path, data_dir, Parent(on_event))
            queue.ended(task, again=False)
        return [workspace.run_folder(run.spec.id).read_if_sound() for run in plan.runs]

    threads = torch.get_num_threads()
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(local, "execute", execute)
    yield
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)
