"""Runs of a plan in worker processes of this machine, side by side.

A worker gets its `RunSpec` as JSON and leaves its result as a run folder; a cluster's engine would do the
same. A worker that fails is reported, and the others never notice.
"""

import multiprocessing as mp
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from queue import Empty

import torch

from skipscope.data.dataset import load as load_data
from skipscope.engine.plan import Plan, PlannedRun
from skipscope.errors import SkipscopeError
from skipscope.records.schema import Failure, RunRecord
from skipscope.records.store import Workspace
from skipscope.spec import RunSpec
from skipscope.training.events import Event, Tell
from skipscope.training.run import now, train

POLL_SECONDS = 0.2


def execute(
    plan: Plan,
    workspace: Workspace,
    *,
    tell: Tell,
    interrupted: Callable[[], None],
    data_dir: Path | None = None,
) -> list[RunRecord]:
    """Trains what the plan has waiting, longest first, `plan.jobs` at a time.

    The first Ctrl-C (or SIGTERM) calls `interrupted`, lets the workers save, and starts no further run; the
    second stops the workers where they are. Gives the records of all the plan's runs that have one.
    """
    workspace.write_study(plan.record)
    context = mp.get_context("spawn")
    events: Queue[Event] = context.Queue()
    stop = context.Event()
    waiting = list(plan.waiting)
    workers: dict[str, SpawnProcess] = {}
    with _interrupts(stop, workers, interrupted):
        while workers or (waiting and not stop.is_set()):
            while waiting and len(workers) < plan.jobs and not stop.is_set():
                run = waiting.pop(0)
                workers[run.spec.id] = _start(context, run, plan.threads, workspace, data_dir, events, stop)
                tell(Event(run=run.spec.id, state="training", steps=run.steps))
            _pass_on(events, tell)
            for id in [id for id, worker in workers.items() if not worker.is_alive()]:
                _pass_on(events, tell)
                _bury(id, workers.pop(id), tell)
    return [record for run in plan.runs if (record := workspace.run_folder(run.spec.id).read()) is not None]


def _start(
    context: mp.context.SpawnContext,
    run: PlannedRun,
    threads: int,
    workspace: Workspace,
    data_dir: Path | None,
    events: "Queue[Event]",
    stop: Flag,
) -> SpawnProcess:
    worker = context.Process(
        target=work,
        args=(run.spec.model_dump_json(), workspace.path, threads, data_dir, events, stop),
        name=run.spec.id,
        daemon=True,
    )
    worker.start()
    return worker


def work(
    spec_json: str, workspace: Path, threads: int, data_dir: Path | None, events: "Queue[Event]", stop: Flag
) -> None:
    """What a worker process does: one run, from its spec to its record."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides
    parent = mp.parent_process()
    spec = RunSpec.model_validate_json(spec_json)
    folder = Workspace(workspace).run_folder(spec.id)
    try:
        begun = folder.read()
        # sums are taken in another order by another number of threads: a run keeps the one it began with
        torch.set_num_threads(begun.environment.threads if begun else threads)
        torch.set_flush_denormal(True)
        ref = spec.data
        data = load_data(ref.name, data_dir=data_dir, train_limit=ref.train_limit)
        train(
            spec,
            data,
            folder,
            tell=events.put,
            stop=lambda: stop.is_set() or (parent is not None and not parent.is_alive()),
        )
    except Exception as error:  # noqa: BLE001 - the other runs go on, and this one says why
        _record_error(workspace, spec, error)
        events.put(Event(run=spec.id, state="failed", message=_first_line(error)))


def _record_error(workspace: Path, spec: RunSpec, error: Exception) -> None:
    """Keeps why the run ended; the traceback of what is not a user's to mend goes beside the record."""
    folder = Workspace(workspace).run_folder(spec.id)
    if not isinstance(error, SkipscopeError):
        folder.path.mkdir(parents=True, exist_ok=True)
        (folder.path / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
    record = folder.read()
    if record is not None:
        failure = Failure(kind="error", message=str(error) or type(error).__name__)
        folder.write(record.model_copy(update={"state": "failed", "finished": now(), "failure": failure}))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _pass_on(events: "Queue[Event]", tell: Tell) -> None:
    """Tells what has come in within the next moment."""
    try:
        tell(events.get(timeout=POLL_SECONDS))
        while True:
            tell(events.get_nowait())
    except Empty:
        pass


def _bury(id: str, worker: SpawnProcess, tell: Tell) -> None:
    """Notes a worker that was ended from outside (a kill, memory exhausted) and could not say so itself."""
    if worker.exitcode:
        message = f"its process was ended from outside (exit code {worker.exitcode}); run again to go on"
        tell(Event(run=id, state="failed", message=message))
    worker.close()


@contextmanager
def _interrupts(
    stop: Flag, workers: dict[str, SpawnProcess], interrupted: Callable[[], None]
) -> Iterator[None]:
    """Ctrl-C once: save and stop. Twice: stop now."""

    def handle(_number: int, _frame: object) -> None:
        if stop.is_set():
            for worker in workers.values():
                worker.kill()
        else:
            stop.set()
            interrupted()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
