"""Executes a plan in worker processes of this machine, side by side.

A worker gets its `RunSpec` as JSON and leaves its result as a run folder; a cluster's engine would do the
same. A worker that fails is reported, one that is killed goes on from its checkpoint, and the others never
notice.
"""

import multiprocessing as mp
import os
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import check as check_data
from skipscope.data.dataset import load as load_data
from skipscope.engine.interrupts import INTERRUPTS, ignore, interrupts_heard, signals_blocked
from skipscope.engine.plan import Plan, PlannedRun
from skipscope.engine.probe import complete
from skipscope.errors import ProbeError, SkipscopeError
from skipscope.models.user import attribute_errors_to
from skipscope.records.lock import held_run
from skipscope.records.schema import Failure, RunRecord
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import RunSpec
from skipscope.training.events import Event, EventHandler
from skipscope.training.instruments import keep_sample
from skipscope.training.loop import all_steps
from skipscope.training.memory import KEEP_MEMORY
from skipscope.training.threads import WAIT_IDLY, try_more_threads
from skipscope.training.trainer import now, train

Workers = dict[Connection, tuple[PlannedRun, SpawnProcess]]
"""Our end of each worker's pipe: it sends events; None asks it to save and stop, a number offers threads."""
Orders: TypeAlias = "Connection[Event, int | None]"
"""The worker's end of that pipe."""

RESTARTS = 2
"""How often a run whose worker was killed goes on by itself."""


def execute(
    plan: Plan,
    workspace: Workspace,
    *,
    on_event: EventHandler,
    interrupted: Callable[[], object],
    data_dir: Path | None = None,
) -> list[RunRecord]:
    """Trains what the plan has waiting, longest first, `plan.jobs` at a time.

    The first Ctrl-C (or SIGTERM) calls `interrupted`, lets the workers save, and starts no further run; the
    second stops the workers where they are. Returns the records of all the plan's runs that have one.

    Raises:
        DataError: a file of the data set is damaged.
        WorkspaceError: the study's record cannot be written, or a run's is damaged.
    """
    _prepare(plan, workspace, data_dir)
    waiting = list(plan.waiting)
    deaths: Counter[str] = Counter()
    workers: Workers = {}
    offered: dict[Connection, int] = {}
    times = 0
    with interrupts_heard() as (asked, interrupts):
        while workers or waiting:
            while waiting and len(workers) < plan.jobs and not asked():
                run = waiting.pop(0)
                on_event(Event(run=run.spec.id, state="training", steps=run.steps))
                ours, worker = _start(run, workspace, data_dir, plan.record.study.probes)
                workers[ours] = run, worker
            _share_out(plan.cores // (plan.jobs if waiting else max(1, len(workers))), workers, offered)
            ready = wait([*workers, interrupts])
            if interrupts in ready:
                times = interrupts.recv()
                _stop(workers, waiting, interrupted, now=times > 1)
            for ours in [ours for ours in workers if ours in ready]:
                try:
                    event = ours.recv()
                except (EOFError, OSError):
                    run, worker = workers.pop(ours)
                    ours.close()
                    worker.join()
                    if (
                        worker.exitcode
                    ):  # ended from outside (a kill, memory exhausted), unable to say so itself
                        deaths[run.spec.id] += 1
                        again = deaths[run.spec.id] <= RESTARTS and not asked()
                        on_event(_death(run, worker, again=again, asked=asked()))
                        waiting[:0] = [run] * again
                    worker.close()
                else:
                    on_event(event)
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


def _start(
    run: PlannedRun, workspace: Workspace, data_dir: Path | None, probes: Collection[str] | None
) -> tuple[Connection, SpawnProcess]:
    """Starts a worker on its run, and returns our end of its pipe.

    Each has a pipe, and they share no lock: a worker that is killed at any moment leaves nothing locked.
    """
    context = mp.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(
        target=work,
        args=(run.spec.model_dump_json(), workspace.path, data_dir, probes, theirs),
        name=run.spec.id,
        daemon=True,
    )
    with environment_of_workers(KEEP_MEMORY | WAIT_IDLY), signals_blocked(*INTERRUPTS):
        worker.start()
    theirs.close()  # theirs alone now: when the worker ends, however it ends, we read the end of the pipe
    return ours, worker


def _share_out(threads: int, workers: Workers, offered: dict[Connection, int]) -> None:
    """Offers each worker this many threads if it has fewer and was not offered them before."""
    for ours, (run, _) in workers.items():
        if threads > offered.get(ours, int(run.spec.recipe.threads)):
            offered[ours] = threads
            with suppress(OSError):  # it has just ended
                ours.send(threads)


def work(
    spec_json: str, workspace: Path, data_dir: Path | None, probes: Collection[str] | None, parent: Orders
) -> None:
    """Does one run in a worker process, from its spec to its record."""
    ignore(*INTERRUPTS)
    spec = RunSpec.model_validate_json(spec_json)
    folder = Workspace(workspace).run_folder(spec.id)

    def on_event(event: Event) -> None:
        with suppress(OSError):  # the parent is gone: the same end of the pipe asks this run to stop
            parent.send(event)

    def stop() -> bool:
        """Returns whether the parent asked to stop or is gone; accepts threads that it offers."""
        while parent.poll():
            try:
                threads = parent.recv()
            except (EOFError, OSError):
                return True
            if threads is None:
                return True
            try_more_threads(spec, data, threads)
        return False

    began = False
    try:
        torch.set_num_threads(int(spec.recipe.threads))
        torch.set_flush_denormal(True)
        ref = spec.data
        data = load_data(ref.name, data_dir=data_dir, train_limit=ref.train_limit)
        with held_run(folder.path, waits=lambda holder: _waits(spec, holder, on_event, stop)) as began:
            if began:
                keep_sample(Workspace(workspace), data)
                with attribute_errors_to(spec.model, "in its run"):
                    record = train(spec, data, folder, on_event=on_event, stop=stop, probes=probes)
                    if record.state == "done":
                        _complete(Workspace(workspace), record, data, probes, on_event, stop)
    except Exception as error:  # noqa: BLE001 - the other runs go on, and this one says why
        state: Literal["warned", "failed"] = "warned" if isinstance(error, ProbeError) else "failed"
        on_event(Event(run=spec.id, state=state, message=_said(error).splitlines()[0]))
        with suppress(SkipscopeError, OSError):  # of a full disk, or a folder that is gone, this is lost, too
            _record_error(folder, error, began=began)


def _complete(
    workspace: Workspace,
    record: RunRecord,
    data: Dataset,
    probes: Collection[str] | None,
    on_event: EventHandler,
    stop: Callable[[], bool],
) -> None:
    """Measures a finished run with the probes that another study, sharing it, did not ask for."""
    steps = all_steps(record.spec.recipe, len(data.train))
    at_its_end = Event(run=record.id, state="measuring", step=steps, steps=steps)

    def go_on(probe: str) -> bool:
        on_event(replace(at_its_end, message=probe))
        return not stop()

    ended = complete(workspace, record, data, probes, go_on)
    if ended is not None and record.result is not None:
        accuracy = record.result.test_accuracy
        on_event(replace(at_its_end, state="done" if ended else "stopped", accuracy=accuracy))


def _waits(spec: RunSpec, holder: str, on_event: EventHandler, stop: Callable[[], bool]) -> bool:
    """Waits for another process to leave the run, unless it is asked to stop meanwhile."""
    on_event(Event(run=spec.id, state="waiting", message=f"waits for {holder} to leave the run"))
    return not stop()


def _stop(
    workers: Workers, waiting: list[PlannedRun], interrupted: Callable[[], object], *, now: bool
) -> None:
    """Asks the workers to save and stop, and starts nothing more; or stops them where they are."""
    waiting.clear()
    for ours, (_, worker) in workers.items():
        if now:
            worker.kill()
        else:
            with suppress(OSError):  # it has just ended by itself
                ours.send(None)
    if not now:
        interrupted()


def _record_error(folder: RunFolder, error: Exception, *, began: bool) -> None:
    """Records why the run ended; writes the traceback too, unless the message says it all."""
    if not isinstance(error, SkipscopeError) or error.__cause__ is not None:
        if not began:
            folder.make()
        (folder.path / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
    record = folder.read_if_sound()
    if record is not None and record.state != "done":  # a finished run was only to be measured
        failure = Failure(kind="error", message=_said(error))
        folder.write(record.model_copy(update={"state": "failed", "finished": now(), "failure": failure}))


def _said(error: Exception) -> str:
    """Returns the message for people; torch reports a failed allocation as a RuntimeError."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return (
            "There was not enough memory for this run.\n"
            "next:  end other programs or give --jobs 1, then the same command again: it goes on"
        )
    return str(error) or type(error).__name__


def _death(run: PlannedRun, worker: SpawnProcess, *, again: bool, asked: bool) -> Event:
    """Reports a worker that was killed (by us, if `asked` to), and whether its run goes on."""
    if asked:
        message = "stopped at once; what came after its last checkpoint is made again"
        return Event(run=run.spec.id, state="stopped", steps=run.steps, message=message)
    message = f"its process was ended from outside (exit code {worker.exitcode})"
    if again:
        message += "; it goes on from its last checkpoint"
        return Event(run=run.spec.id, state="restarted", steps=run.steps, message=message)
    return Event(run=run.spec.id, state="failed", message=f"{message}; run again to go on")


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
