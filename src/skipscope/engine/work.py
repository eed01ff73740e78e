"""One run in a worker process: a `RunSpec` as JSON in, a run folder out. Every executor calls this."""

import traceback
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal, TypeAlias

import torch

from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.engine.interrupts import INTERRUPTS, ignore
from skipscope.engine.probe import complete
from skipscope.errors import ProbeError, SkipscopeError
from skipscope.models.user import attribute_errors_to
from skipscope.records.lock import held_run
from skipscope.records.schema import Failure, RunRecord
from skipscope.records.store import RunFolder, Workspace
from skipscope.said_once import saying_once
from skipscope.spec import RunSpec, Snapshots
from skipscope.training.beginning import now
from skipscope.training.events import Event, EventHandler
from skipscope.training.instruments import keep_sample
from skipscope.training.loop import all_steps
from skipscope.training.threads import try_more_threads
from skipscope.training.trainer import train

Orders: TypeAlias = "Connection[Event, int | None]"
"""The worker's end of a pipe: it sends events; None asks it to save and stop, a number offers threads."""


def work(
    spec_json: str,
    workspace: Path,
    data_dir: Path | None,
    probes: Collection[str] | None,
    parent: Orders,
    snapshots: Snapshots | None = None,
) -> None:
    """Does one run in a worker process, from its spec to its record."""
    ignore(*INTERRUPTS)
    spec = RunSpec.model_validate_json(spec_json)

    def on_event(event: Event) -> None:
        with suppress(OSError):  # the parent is gone: the same end of the pipe asks this run to stop
            parent.send(event)

    with saying_once(lambda said: on_event(Event(run=spec.id, state="noted", message=said))):
        _train(spec, Workspace(workspace), data_dir, probes, snapshots, parent, on_event)


def _train(
    spec: RunSpec,
    workspace: Workspace,
    data_dir: Path | None,
    probes: Collection[str] | None,
    snapshots: Snapshots | None,
    parent: Orders,
    on_event: EventHandler,
) -> None:
    folder = workspace.run_folder(spec.id)

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
        ref, seed = spec.data, spec.subset_seed
        data = load_data(ref.name, data_dir=data_dir, train_limit=ref.train_limit, seed=seed)
        with held_run(folder.path, waits=lambda holder: _waits(spec, holder, on_event, stop)) as began:
            if began:
                keep_sample(workspace, data)
                with attribute_errors_to(spec.model, "in its run"):
                    parts = (spec, data, folder)
                    record = train(*parts, on_event=on_event, stop=stop, probes=probes, snapshots=snapshots)
                    if record.state == "done":
                        _complete(workspace, record, data, probes, on_event, stop)
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
    at_its_end = Event(run=record.spec.id, state="measuring", step=steps, steps=steps)

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
