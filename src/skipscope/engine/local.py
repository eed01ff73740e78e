"""Executes a plan in worker processes of this machine, side by side (`executor.py` has the loop).

A worker gets its `Task` and leaves its result in a run's folder; on a cluster it is the same worker.
"""

import multiprocessing as mp
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from skipscope.data.dataset import check as check_data
from skipscope.engine.executor import Worker, carry_out
from skipscope.engine.plan import Plan
from skipscope.engine.task_queue import Queue
from skipscope.engine.tasks import Task
from skipscope.engine.work import work
from skipscope.interrupts import INTERRUPTS, signals_blocked
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace
from skipscope.training.backend import device_count
from skipscope.training.determinism import ONE_ORDER
from skipscope.training.events import EventHandler
from skipscope.training.memory import KEEP_MEMORY
from skipscope.training.threads import WAIT_IDLY

STOP_SECONDS = 3.0
"""A worker saves between two steps. One that is in the middle of an evaluation is not waited for."""


@dataclass(frozen=True, kw_only=True)
class LocalExecutor:
    """Starts a process for each task."""

    workspace: Path
    data_dir: Path | None
    jobs: int
    cores: int
    stop_seconds: float
    devices: int = 0
    """Accelerators; a task is given the one that has fewest."""
    at_work: dict[Connection, int] = field(default_factory=dict)
    """The accelerator of each task, by our end of its pipe, which is closed once it has ended."""

    def fits(self, task: Task) -> bool:  # noqa: ARG002 - any task
        """Tells that every task can be carried out here."""
        return True

    def start(self, task: Task) -> tuple[Connection, Worker]:
        """Starts a worker on its task, and returns our end of its pipe."""
        if not self.devices:
            return start_worker(task, self.workspace, self.data_dir)
        taken = Counter(device for pipe, device in self.at_work.items() if not pipe.closed)
        device = min(range(self.devices), key=lambda each: taken[each])
        ours, worker = start_worker(task, self.workspace, self.data_dir, device)
        self.at_work[ours] = device
        return ours, worker


def execute(
    plan: Plan,
    workspace: Workspace,
    *,
    on_event: EventHandler,
    interrupted: Callable[[], object],
    trained: Callable[[float], object] = lambda _seconds: None,
    data_dir: Path | None = None,
) -> list[RunRecord]:
    """Trains what the plan has waiting and measures it, `plan.jobs` tasks at a time (see `Queue`).

    When the last training has ended and there is more to measure, `trained` is called with its estimated
    seconds; `interrupted` when all is asked to stop (see `carry_out`). Returns the records of all the plan's
    runs that have one.

    Raises:
        DataError: a file of the data set is damaged.
        WorkspaceError: the study's record cannot be written, or a run's is damaged.
    """
    prepare(plan, workspace, data_dir)
    executor = LocalExecutor(
        workspace=workspace.path,
        data_dir=data_dir,
        jobs=plan.jobs,
        cores=plan.cores,
        stop_seconds=STOP_SECONDS,
        devices=device_count(),
    )
    queue = Queue(plan, workspace, trained)
    carry_out(queue, executor, workspace.path, on_event=on_event, interrupted=interrupted)
    return left(plan, workspace)


def prepare(plan: Plan, workspace: Workspace, data_dir: Path | None) -> None:
    """Checks the data, writes the study's record, and deletes checkpoints of finished runs."""
    if plan.waiting:
        check_data(plan.record.study.data, data_dir=data_dir)
    workspace.write_study(plan.record)
    for run in plan.runs:
        if run.state == "done":  # one that was killed as it ended still has checkpoints
            workspace.run_folder(run.spec.id).tidy()


def left(plan: Plan, workspace: Workspace) -> list[RunRecord]:
    """Reads the records of all the plan's runs that have one."""
    records = (workspace.run_folder(run.spec.id).read_if_sound() for run in plan.runs)
    return [record for record in records if record is not None]


def start_worker(
    task: Task, workspace: Path, data_dir: Path | None, device: int | None = None
) -> tuple[Connection, Worker]:
    """Starts a worker on its task, on the accelerator of this number, and returns our end of its pipe.

    Each has a pipe, and they share no lock: a worker that is killed at any moment leaves nothing locked.
    """
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=partial(work, accelerator=device),
        args=(task, workspace, data_dir, theirs),
        name=task.spec.id,
        daemon=True,
    )
    with environment_of_workers(KEEP_MEMORY | WAIT_IDLY | ONE_ORDER), signals_blocked(*INTERRUPTS):
        process.start()
    theirs.close()  # theirs alone now: when the worker ends, however it ends, we read the end of the pipe
    return ours, Worker(task=task, process=process, threads=int(task.spec.recipe.threads))


@contextmanager
def environment_of_workers(variables: dict[str, str]) -> Iterator[None]:
    """Adds variables to the environment of processes started inside, unless the user set them."""
    added = variables.keys() - os.environ.keys()
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
