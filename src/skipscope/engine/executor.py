"""The loop that carries out tasks, wherever their workers are: it starts, hears, stops and restarts them.

An `Executor` says where a worker can be had and starts it; each has a pipe to this loop. A worker that fails
is reported, one that is killed goes on from its checkpoint, and the others never notice.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import monotonic
from typing import Protocol

from skipscope.engine.interrupts import interrupts_heard
from skipscope.engine.tasks import Task, Training
from skipscope.engine.work import KEPT
from skipscope.machine import resident_memory
from skipscope.records.stop import hear_request
from skipscope.said_once import say_once
from skipscope.training.events import Event, EventHandler

SIGKILL = 9
"""The number is the same wherever there is one; Windows has none."""
RESTARTS = 2
"""How often a run whose worker was killed goes on by itself."""
LOOK_SECONDS = 0.5
"""How often the workers' memory is looked at: what ended a worker can be said only from what was seen."""


class Process(Protocol):
    """What is asked of a worker's process, here or on another machine."""

    @property
    def pid(self) -> int | None:
        """Returns its number on this machine; None elsewhere."""

    @property
    def exitcode(self) -> int | None:
        """Returns how it ended, as `multiprocessing` tells it."""

    def join(self) -> None:
        """Waits for its end."""

    def kill(self) -> None:
        """Ends it at once."""

    def close(self) -> None:
        """Releases what it held here."""


@dataclass(kw_only=True)
class Worker:
    """A process at work on a task, as the loop knows it."""

    task: Task
    process: Process
    threads: int
    """Those that it began with, or was offered since."""
    trains: bool = False
    """Whether it has something to save: not as it starts, nor while it measures: probes write as they end."""
    peak: int = 0
    """The most bytes that it was seen to hold; 0 where the system does not tell."""
    lost: str = ""
    """How it was lost, where nobody ended it: the node it was on is gone."""


Workers = dict[Connection, Worker]
"""Our end of each worker's pipe."""


class Executor(Protocol):
    """Starts workers, on this machine or on others."""

    @property
    def cores(self) -> int:
        """Counts cores to share out to runs that can use more threads; 0 where each has what it has."""

    @property
    def stop_seconds(self) -> float:
        """Tells how long workers that were asked to stop may save."""

    @property
    def jobs(self) -> int:
        """Counts the workers that may be there at once."""

    def fits(self, task: Task) -> bool:
        """Tells whether there is a worker for this task now."""

    def start(self, task: Task) -> tuple[Connection, Worker]:
        """Starts a worker on its task, and returns our end of its pipe."""


class Tasks(Protocol):
    """Hands out tasks (`task_queue.Queue`)."""

    def __bool__(self) -> bool:
        """Tells whether any waits."""

    def next(self, fits: Callable[[Task], bool]) -> Task | None:
        """Takes the next that fits off the queue."""

    def close(self) -> None:
        """Empties the queue for good."""

    def ended(self, task: Task, *, again: bool) -> None:
        """Learns that a worker has left a task."""


def carry_out(
    queue: Tasks,
    executor: Executor,
    workspace: Path,
    *,
    on_event: EventHandler,
    interrupted: Callable[[], object],
) -> None:
    """Carries out all tasks of the queue, as many at a time as the executor has workers for.

    The first Ctrl-C (or SIGTERM, or request: `records/stop.py`) calls `interrupted`, lets workers that train
    save for a while, and starts no further task; the others at once, all after that or at the second, are
    stopped where they are: what they have finished is on the disk.
    """
    deaths: Counter[tuple[str, str]] = Counter()
    workers: Workers = {}
    kill_at = inf
    with interrupts_heard() as (asked, interrupts, interrupt):
        while workers or queue:
            while not asked() and (task := _next(queue, executor, workers)) is not None:
                if isinstance(task, Training):
                    on_event(Event(run=task.spec.id, state="training", steps=task.steps))
                ours, worker = executor.start(task)
                workers[ours] = worker
            _share_out(executor.cores // (executor.jobs if queue else max(1, len(workers))), workers)
            _hear(workspace, interrupt)
            ready = wait([*workers, interrupts], LOOK_SECONDS)
            if interrupts in ready:
                queue.close()
                first = interrupts.recv() == 1
                kill_at = monotonic() + executor.stop_seconds * first
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
                        again = _may_go_on(worker, deaths) and not asked()
                        on_event(_death(worker, again=again, asked=asked(), alone=executor.jobs == 1))
                    worker.process.close()
                    queue.ended(worker.task, again=again)
                else:
                    _pass_on(event, workers[ours], on_event)


def _hear(workspace: Path, interrupt: Callable[[], object]) -> None:
    """Passes on a request to stop as Ctrl-C."""
    if hear_request(workspace):
        interrupt()


def _next(queue: Tasks, executor: Executor, workers: Workers) -> Task | None:
    return queue.next(executor.fits) if queue and len(workers) < executor.jobs else None


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


def _may_go_on(worker: Worker, deaths: Counter[tuple[str, str]]) -> bool:
    """Counts a death of the task's worker, and tells whether it may be begun again by itself."""
    key = worker.task.spec.id, worker.task.part
    deaths[key] += not worker.lost
    return deaths[key] <= RESTARTS


def _death(worker: Worker, *, again: bool, asked: bool, alone: bool) -> Event:
    """Reports a worker that was ended (by us, if `asked` to), and whether its task is begun again."""
    task, trains = worker.task, isinstance(worker.task, Training)
    told = partial(Event, run=task.spec.id, steps=task.steps, part=task.part)
    if asked:
        back = "stopped at once; it goes back to its last checkpoint"
        return told(state="stopped", message=back if worker.trains else KEPT)
    code = worker.process.exitcode or 0
    message = worker.lost or f"its process {ending(code, worker.peak)}"
    memory = code == -SIGKILL and not worker.lost
    if again:
        less = "; --jobs 1 needs less memory" if memory and not alone else ""
        on = "it goes on from its last checkpoint" if trains else "what it had not finished is measured again"
        return told(state="restarted", message=f"{message}; {on}{less}")
    first = "" if not memory else "end other programs and " if alone else "with --jobs 1, "
    message += f"; {first}run again to go on"
    return told(state="failed" if trains else "warned", message=message)


def ending(exit_code: int, peak: int = 0) -> str:
    """Says what ended a process, and that signal 9 usually means memory; `peak` in bytes, 0 if unknown."""
    if exit_code != -SIGKILL:
        signal = f"was ended by signal {-exit_code}" if exit_code < 0 else "ended"
        return f"{signal} (exit code {exit_code})"
    held = f", and it held up to {peak / 2**30:.1f} GiB" if peak else ""
    return f"was ended by signal 9 (exit code -9): usually memory ran out{held}"
