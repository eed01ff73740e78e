"""One task in a worker process: a `Task` in, a run folder out. Every executor calls this."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

import torch

from skipscope.data.dataset import Dataset, named
from skipscope.data.dataset import load as load_data
from skipscope.engine.tasks import Measuring, Task, Training
from skipscope.engine.trained import network
from skipscope.errors import SkipscopeError
from skipscope.interrupts import INTERRUPTS, ignore
from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.records.lock import held_run
from skipscope.records.schema import Failure
from skipscope.records.store import RunFolder, Workspace
from skipscope.said_once import saying_once
from skipscope.spec import RunSpec
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.beginning import now
from skipscope.training.events import Event, EventHandler, State
from skipscope.training.instruments import keep_sample
from skipscope.training.measuring import measure_at, unmeasured
from skipscope.training.threads import try_more_threads
from skipscope.training.trainer import train

Orders: TypeAlias = "Connection[Event, int | None]"
"""The worker's end of a pipe: it sends events; None asks it to save and stop, a number offers threads."""
KEPT = "stopped at once; what it had finished is kept"
"""What is said of a task that measures: probes write as they end, and there is nothing else to save."""


def work(
    task: Task, workspace: Path, data_dir: Path | None, parent: Orders, accelerator: int | None = None
) -> None:
    """Does one task in a worker process, on the accelerator of this number."""
    ignore(*INTERRUPTS)
    spec = task.spec

    def on_event(event: Event) -> None:
        with suppress(OSError):  # the parent is gone: the same end of the pipe asks this worker to stop
            parent.send(event)

    with saying_once(lambda said: on_event(Event(run=spec.id, state="noted", message=said))):
        torch.set_num_threads(int(spec.recipe.threads))
        torch.set_flush_denormal(True)
        if accelerator is not None:
            torch.accelerator.set_device_index(accelerator)
        if isinstance(task, Training):
            _train(task, Workspace(workspace), data_dir, parent, on_event)
        else:
            _measure(task, Workspace(workspace), data_dir, parent, on_event)


def _train(
    task: Training, workspace: Workspace, data_dir: Path | None, parent: Orders, on_event: EventHandler
) -> None:
    """Trains the run, which this process holds, to its end or until it is asked to stop."""
    spec, folder = task.spec, workspace.run_folder(task.spec.id)
    began = False
    try:
        data = _data_of(spec, data_dir)
        stop = _listening(parent, lambda threads: try_more_threads(spec, data, threads))
        with held_run(folder.path, waits=lambda holder: _waits(spec, holder, on_event, stop)) as began:
            if began:
                keep_sample(workspace, data)
                with attribute_errors_to(spec.model, "in its run"):
                    train(spec, data, folder, on_event=on_event, stop=stop, snapshots=task.snapshots)
    except Exception as error:  # noqa: BLE001 - the other runs go on, and this one says why
        on_event(Event(run=spec.id, state="failed", message=_said(error).splitlines()[0]))
        with suppress(SkipscopeError, OSError):  # of a full disk, or a folder that is gone, this is lost, too
            _record_error(folder, error, began=began)


def _measure(
    task: Measuring, workspace: Workspace, data_dir: Path | None, parent: Orders, on_event: EventHandler
) -> None:
    """Measures the run with those of the task's probes that are missing; it is held only to be written to.

    So several processes measure one run. They compute on its threads: more take sums in another order.
    """
    spec, folder = task.spec, workspace.run_folder(task.spec.id)
    stop = _listening(parent, lambda _threads: None)

    def tell(state: State, message: str) -> None:
        at = task.step, task.steps, task.part
        on_event(Event(run=spec.id, state=state, step=at[0], steps=at[1], part=at[2], message=message))

    def go_on(probe: str) -> bool:
        tell("measuring", probe)
        return not stop()

    @contextmanager
    def holding() -> Iterator[bool]:
        with held_run(folder.path, waits=lambda holder: _waits(spec, holder, on_event, stop)) as held:
            yield held

    try:
        data, record = _data_of(spec, data_dir), workspace.run(folder.path.name)
        model = network(workspace, record, None if task.step == task.steps else task.step)
        batches = BatchMaker(data, spec.recipe, device())
        probes = unmeasured(folder, task.step, task.probes)
        with attribute_errors_to(spec.model, "while it is measured"):
            trained = (folder, to_device(model, spec.recipe, device()), data, batches)
            ended = measure_at(
                *trained,
                recipe=spec.recipe,
                step=task.step,
                probes=probes,
                go_on=go_on,
                start=partial(build, spec.model, seed=spec.seed),
                holding=holding,
            )
        tell(*(("measured", ", ".join(task.probes)) if ended else ("stopped", KEPT)))
    except Exception as error:  # noqa: BLE001 - the run is done, and the other tasks go on
        tell("warned", _said(error).splitlines()[0])
        with suppress(SkipscopeError, OSError):
            _keep_traceback(folder, error)


def _data_of(spec: RunSpec, data_dir: Path | None) -> Dataset:
    ref, seed = spec.data, spec.subset_seed
    name = named(ref.name, ref.sha256, data_dir=data_dir)
    return load_data(name, data_dir=data_dir, train_limit=ref.train_limit, seed=seed)


def _listening(parent: Orders, offered: Callable[[int], object]) -> Callable[[], bool]:
    """Returns what tells whether the parent asked to stop or is gone, and hands on threads that it offers."""

    def stop() -> bool:
        while parent.poll():
            try:
                threads = parent.recv()
            except (EOFError, OSError):
                return True
            if threads is None:
                return True
            offered(threads)
        return False

    return stop


def _waits(spec: RunSpec, holder: str, on_event: EventHandler, stop: Callable[[], bool]) -> bool:
    """Waits for another process to leave the run, unless it is asked to stop meanwhile."""
    on_event(Event(run=spec.id, state="waiting", message=f"waits for {holder} to leave the run"))
    return not stop()


def _record_error(folder: RunFolder, error: Exception, *, began: bool) -> None:
    """Records why the run ended; writes the traceback too, unless the message says it all."""
    _keep_traceback(folder, error, new_folder=not began)
    record = folder.read_if_sound()
    if record is not None and record.state != "done":
        failure = Failure(kind="error", message=_said(error))
        folder.write(record.model_copy(update={"state": "failed", "finished": now(), "failure": failure}))


def _keep_traceback(folder: RunFolder, error: Exception, *, new_folder: bool = False) -> None:
    """Writes where an error was raised, unless its message says it all."""
    if not isinstance(error, SkipscopeError) or error.__cause__ is not None:
        if new_folder:
            folder.make()
        (folder.path / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")


def _said(error: Exception) -> str:
    """Returns the message for people; torch reports a failed allocation as a RuntimeError, or as its own."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return (
            "There was not enough memory for this run.\n"
            "next:  end other programs or give --jobs 1, then the same command again: it goes on"
        )
    return str(error) or type(error).__name__
