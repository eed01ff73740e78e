"""Executes a plan in worker processes of this machine, side by side.

A worker gets its `Task` and leaves its result in a run's folder; a cluster's engine would do the same. A
worker that fails is reported, one that is killed goes on from its checkpoint, and the others never notice.
"""

import multiprocessing as mp
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic

from skipscope.data.dataset import check as check_data
from skipscope.engine.interrupts import INTERRUPTS, interrupts_heard, signals_blocked
from skipscope.engine.plan import Plan
from skipscope.engine.task_queue import Queue
from skipscope.engine.tasks import Task, Training
from skipscope.engine.work import KEPT, work
from skipscope.machine import resident_memory
from skipscope.records.schema import RunRecord
from skipscope.records.stop import hear_request
from skipscope.records.store import Workspace
from skipscope.said_once import say_once
from skipscope.training.events import Event, EventHandler
from skipscope.training.memory import KEEP_MEMORY
from skipscope.training.threads import WAIT_IDLY

SIGKILL = 9
"""The number is the same wherever there is one; Windows has none."""
RESTARTS = 2
"""How often a run whose worker was killed goes on by itself."""
STOP_SECONDS = 3.0
"""A worker saves between two steps. One that is in the middle of an evaluation is not waited for."""
LOOK_SECONDS = 0.5
"""How often the workers' memory is looked at: what ended a worker can be said only from what was seen."""


@dataclass(kw_only=True)
class Worker:
    """A process at work on a task, as its parent knows it."""

    task: Task
    process: SpawnProcess
    threads: int
    """Those that it began with, or was offered since."""
    trains: bool = False
    """Whether it has something to save: not as it starts, nor while it measures: probes write as they end."""
    peak: int = 0
    """The most bytes that it was seen to hold; 0 where the system does not tell."""


Workers = dict[Connection, Worker]
"""Our end of each worker's pipe."""


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
    seconds. The first Ctrl-C (or SIGTERM, or request: `records/stop.py`) calls `interrupted`, lets workers
    that train save for `STOP_SECONDS`, and starts no further task; the others at once, all after that or at
    the second, are stopped where they are: what they have finished is on the disk. Returns the records of all
    the plan's runs that have one.

    Raises:
        DataError: a file of the data set is damaged.
        WorkspaceError: the study's record cannot be written, or a run's is damaged.
    """
    _prepare(plan, workspace, data_dir)
    queue = Queue(plan, workspace, trained)
    deaths: Counter[tuple[str, str]] = Counter()
    workers: Workers = {}
    kill_at = inf
    with interrupts_heard() as (asked, interrupts, interrupt):
        while workers or queue:
            while queue and len(workers) < plan.jobs and not asked():
                task = queue.next()
                if isinstance(task, Training):
                    on_event(Event(run=task.spec.id, state="training", steps=task.steps))
                ours, worker = _start(task, workspace, data_dir)
                workers[ours] = worker
            _share_out(plan.cores // (plan.jobs if queue else max(1, len(workers))), workers)
            _hear(workspace, interrupt)
            ready = wait([*workers, interrupts], LOOK_SECONDS)
            if interrupts in ready:
                queue.close()
                first = interrupts.recv() == 1
                kill_at = monotonic() + STOP_SECONDS * first
                if first:
                    _ask_to_stop(workers)
                    interrupted()
            _look_at(workers, kill=monotonic() >= kill_at)
            for ours in [ours for ours in workers if ours in ready]:
                try:
                    event = ours.recv()
                except (EOFError, OSError):
                    worker = workers.pop(ours)
                    ours.close()
                    again = False
                    if _was_ended(worker):
                        key = worker.task.spec.id, worker.task.part
                        deaths[key] += 1
                        again = deaths[key] <= RESTARTS and not asked()
                        on_event(_death(worker, again=again, asked=asked(), alone=plan.jobs == 1))
                    worker.process.close()
                    queue.ended(worker.task, again=again)
                else:
                    _pass_on(event, workers[ours], on_event)
    records = (workspace.run_folder(run.spec.id).read_if_sound() for run in plan.runs)
    return [record for record in records if record is not None]


def _prepare(plan: Plan, workspace: Workspace, data_dir: Path | None) -> None:
    """Checks the data, writes the study's record, and deletes checkpoints of finished runs."""
    if plan.waiting:
        check_data(plan.record.study.data, data_dir=data_dir)
    workspace.write_study(plan.record)
    for run in plan.runs:
        if run.state == "done":  # one that was killed as it ended still has checkpoints
            workspace.run_folder(run.spec.id).tidy()


def _start(task: Task, workspace: Workspace, data_dir: Path | None) -> tuple[Connection, Worker]:
    """Starts a worker on its task, and returns our end of its pipe.

    Each has a pipe, and they share no lock: a worker that is killed at any moment leaves nothing locked.
    """
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(
        target=work, args=(task, workspace.path, data_dir, theirs), name=task.spec.id, daemon=True
    )
    with environment_of_workers(KEEP_MEMORY | WAIT_IDLY), signals_blocked(*INTERRUPTS):
        process.start()
    theirs.close()  # theirs alone now: when the worker ends, however it ends, we read the end of the pipe
    return ours, Worker(task=task, process=process, threads=int(task.spec.recipe.threads))


def _share_out(threads: int, workers: Workers) -> None:
    """Offers each worker that trains this many threads if it has fewer and was not offered them before."""
    for ours, worker in workers.items():
        if isinstance(worker.task, Training) and threads > worker.threads:
            worker.threads = threads
            with suppress(OSError):  # it has just ended
                ours.send(threads)


def _pass_on(event: Event, worker: Worker, on_event: EventHandler) -> None:
    """Passes on what a worker reports; what others' code said there is said once, whoever heard it."""
    if event.state == "noted":
        say_once(event.message)
    else:
        worker.trains = event.state == "training"
        on_event(event)


def _hear(workspace: Workspace, interrupt: Callable[[], object]) -> None:
    """Passes on a request to stop as Ctrl-C."""
    if hear_request(workspace.path):
        interrupt()


def _ask_to_stop(workers: Workers) -> None:
    """Asks the workers to save and stop; stops those that have nothing to save."""
    for ours, worker in workers.items():
        if not worker.trains:
            worker.process.kill()
        with suppress(OSError):  # it has just ended by itself
            ours.send(None)


def _look_at(workers: Workers, *, kill: bool) -> None:
    """Sees how much memory the workers hold, or stops them where they are."""
    for worker in workers.values():
        _, most = resident_memory(worker.process.pid or 0) or (0, 0)
        worker.peak = max(worker.peak, most)
        if kill:
            worker.process.kill()


def _was_ended(worker: Worker) -> bool:
    """Returns whether the process was ended (a kill, memory exhausted), unable to say so itself."""
    worker.process.join()
    return bool(worker.process.exitcode)


def _death(worker: Worker, *, again: bool, asked: bool, alone: bool) -> Event:
    """Reports a worker that was ended (by us, if `asked` to), and whether its task is begun again."""
    task, trains = worker.task, isinstance(worker.task, Training)
    told = partial(Event, run=task.spec.id, steps=task.steps, part=task.part)
    if asked:
        back = "stopped at once; it goes back to its last checkpoint"
        return told(state="stopped", message=back if worker.trains else KEPT)
    code = worker.process.exitcode or 0
    message = f"its process {ending(code, worker.peak)}"
    if again:
        less = "; --jobs 1 needs less memory" if code == -SIGKILL and not alone else ""
        on = "it goes on from its last checkpoint" if trains else "what it had not finished is measured again"
        return told(state="restarted", message=f"{message}; {on}{less}")
    first = "" if code != -SIGKILL else "end other programs and " if alone else "with --jobs 1, "
    message += f"; {first}run again to go on"
    return told(state="failed" if trains else "warned", message=message)


def ending(exit_code: int, peak: int = 0) -> str:
    """Says what ended a process, and that signal 9 usually means memory; `peak` in bytes, 0 if unknown."""
    if exit_code != -SIGKILL:
        signal = f"was ended by signal {-exit_code}" if exit_code < 0 else "ended"
        return f"{signal} (exit code {exit_code})"
    held = f", and it held up to {peak / 2**30:.1f} GiB" if peak else ""
    return f"was ended by signal 9 (exit code -9): usually memory ran out{held}"


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
