"""Trains one run from its spec to its record: resumes where it stopped, ends with the sealed test."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any

import torch
from safetensors.torch import save as packed_weights
from torch import nn

from skipscope.anatomy.describe import describe
from skipscope.data.dataset import Dataset
from skipscope.errors import Diverged, ProbeError
from skipscope.models.registry import build
from skipscope.probes.measure import initial_rows, view_of
from skipscope.records.checksums import SUMS
from skipscope.records.files import remove, remove_drafts
from skipscope.records.schema import Failure, Result, RunRecord
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec
from skipscope.spec.network import OWN
from skipscope.training import checkpoint
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.environment import environment
from skipscope.training.evaluate import evaluate
from skipscope.training.events import Event, EventHandler, State
from skipscope.training.instruments import Instruments, measure_trained, sample, unmeasured
from skipscope.training.loop import EpochRow, StepRow, all_steps, train_steps
from skipscope.training.optimizer import SGD

CHECKPOINT_SECONDS = 60.0
"""The most work that is lost when a process is killed."""
REPORT_SECONDS = 0.25
"""How often a run reports its progress and writes its metrics."""


def train(
    spec: RunSpec,
    data: Dataset,
    folder: RunFolder,
    *,
    on_event: EventHandler,
    stop: Callable[[], bool],
    probes: Collection[str] | None = None,
    watched: bool = True,
) -> RunRecord:
    """Trains or resumes the run in `folder`, and measures it; `stop()` is called after every step.

    `probes` measure the trained network (all that apply, if None); `watched` says whether the training itself
    is measured, which changes no bit of it. The returned record is "done", "failed" (diverged) or
    "unfinished" (`stop()` returned True; the same call on as many threads resumes it bit for bit).

    Raises:
        ProbeError: the run is done, but some probes failed on it.
    """
    record = _begin(spec, folder, on_event)
    remove_drafts(folder.path)
    if record.state == "done":
        folder.tidy()
        return record
    run = _resume(spec, data, folder, on_event, watched=watched)
    if run.progress.step == 0 and watched:
        run.measure_initial()
    parts = (run.model, run.optimizer, run.batches, spec.recipe, data, run.progress)
    try:
        for step, epoch in train_steps(*parts, seed=spec.seed, instruments=run.instruments):
            run.after_step(step, epoch)
            if stop():
                return run.pause(record)
    except Diverged as error:
        return run.fail(record, error)
    return run.finish(record, probes=probes, stop=stop)


def _begin(spec: RunSpec, folder: RunFolder, on_event: EventHandler) -> RunRecord:
    """Returns the record of a run that starts or resumes; replaces a damaged one, or a damaged run's."""
    record = folder.read_if_sound()
    begun = folder.record_file.exists()
    damaged = folder.damaged() if begun and (record is None or record.state == "done") else []
    if damaged:
        # a damaged list of checksums may hide behind a file that differs from it
        message = f"{', '.join(damaged)} damaged or missing (compared with {SUMS}): training it again"
        _report_restart(on_event, spec, message)
    if record is None or record.state == "failed" or damaged:
        record = RunRecord(
            id=_id(spec, folder),
            spec=spec,
            state="unfinished",
            started=now(),
            environment=environment(),
            network=describe(spec.model),
        )
        folder.make()
        folder.write(record)
    return record


def _id(spec: RunSpec, folder: RunFolder) -> str:
    """Returns the run's id; in an older workspace it may be the one before a user's network had `OWN`."""
    older = spec.id.removeprefix(OWN)
    return older if folder.path.name == older else spec.id


def _resume(
    spec: RunSpec, data: Dataset, folder: RunFolder, on_event: EventHandler, *, watched: bool
) -> "TrainingRun":
    """Builds the network, and restores it from the last checkpoint if there is one."""
    model = to_device(build(spec.model, seed=spec.seed), spec.recipe, device())
    optimizer = SGD(model, spec.recipe)
    steps, restart = all_steps(spec.recipe, len(data.train)), partial(_report_restart, on_event, spec)
    progress = checkpoint.load(folder, model, optimizer, steps=steps, on_event=restart)
    return TrainingRun(
        spec=spec,
        data=data,
        folder=folder,
        on_event=on_event,
        model=model,
        optimizer=optimizer,
        batches=BatchMaker(data, spec.recipe, device()),
        progress=progress,
        instruments=Instruments(model, data) if watched else None,
    )


def _report_restart(on_event: EventHandler, spec: RunSpec, message: str) -> None:
    on_event(Event(run=spec.id, state="restarted", message=message))


def now() -> str:
    """Formats the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(kw_only=True)
class TrainingRun:
    """Records one process's work on a run: rows, events, checkpoints, and how it ends."""

    spec: RunSpec
    data: Dataset
    folder: RunFolder
    on_event: EventHandler
    model: nn.Module
    optimizer: SGD
    batches: BatchMaker
    progress: Progress
    instruments: Instruments | None
    rows: list[dict[str, object]] = field(default_factory=list)
    """Metrics that are not written yet."""

    def __post_init__(self) -> None:
        """Starts the clocks."""
        self.steps = all_steps(self.spec.recipe, len(self.data.train))
        self.reported = self.saved = perf_counter()
        self.saved_step = self.progress.step if self.folder.state_file.exists() else -1
        self.start = (self.progress.step, self.progress.train_seconds)

    def measure_initial(self) -> None:
        """Runs the probes of networks before their first step; one that fails ends no run."""
        tried = initial_rows(view_of(self.model, *sample(self.data, self.batches)))
        self.folder.append_readings(tried.rows)
        if tried.failed:
            self.report("warned", message=tried.error().what)

    def after_step(self, step: StepRow, epoch: EpochRow | None) -> None:
        """Keeps the step's rows; reports, writes and saves when that is due."""
        self.rows.append({"kind": "step"} | vars(step))
        if epoch is not None:
            self.rows.append({"kind": "epoch"} | vars(epoch))
        if epoch is not None or perf_counter() - self.reported > REPORT_SECONDS:
            self.flush()
            self._report_step(step, epoch_ended=epoch is not None)
            self.reported = perf_counter()
        if epoch is not None or perf_counter() - self.saved > CHECKPOINT_SECONDS:
            self._save()

    def pause(self, record: RunRecord) -> RunRecord:
        """Saves the run, which was asked to stop."""
        self._save()
        self.report("stopped")
        return record

    def fail(self, record: RunRecord, error: Diverged) -> RunRecord:
        """Records that the run diverged, and removes its checkpoints."""
        self.flush()
        numbers = {key: value if math.isfinite(value) else str(value) for key, value in error.numbers.items()}
        failure = Failure(kind="diverged", message=str(error), numbers=numbers)
        record = record.model_copy(update={"state": "failed", "finished": now(), "failure": failure})
        self.folder.write(record)
        remove(self.folder.state_file, self.folder.state_before)
        self.report("failed", message=error.what)
        return record

    def finish(
        self, record: RunRecord, *, probes: Collection[str] | None, stop: Callable[[], bool]
    ) -> RunRecord:
        """Writes the weights, measures, opens the sealed test set once, and closes the record."""

        def go_on(probe: str) -> bool:
            self.report("measuring", message=probe)
            return not stop()

        self._save()
        self.optimizer.velocities.clear()  # measuring needs the memory
        self._write_weights()
        start = perf_counter()
        failed = None
        trained = self.folder, self.model, self.data, self.batches
        left = unmeasured(self.folder, self.steps, probes)  # but what a process that was stopped here left
        try:
            if not measure_trained(
                *trained, recipe=self.spec.recipe, step=self.steps, probes=left, go_on=go_on
            ):
                return self.pause(record)
        except ProbeError as error:  # raised when the run is done
            failed = error
        result = self._result(probe_seconds=perf_counter() - start)
        record = record.model_copy(update={"state": "done", "finished": now(), "result": result})
        self.folder.write(record)
        self.folder.tidy()
        self.report("done", accuracy=result.test_accuracy)
        if failed is not None:
            raise failed
        return record

    def _result(self, *, probe_seconds: float) -> Result:
        """Evaluates on training images and on the sealed test set."""
        seen = self.data.train.stratified(len(self.data.validation))
        trained = evaluate(self.model, seen, self.batches, self.spec.recipe)
        tested = evaluate(self.model, self.data.sealed_test(), self.batches, self.spec.recipe)
        self.folder.write_right(tested.right.numpy())
        return Result(
            val_loss=self.progress.val_loss,
            val_accuracy=self.progress.val_accuracy,
            test_loss=tested.loss,
            test_accuracy=tested.accuracy,
            seconds=self.progress.seconds,
            train_seconds=self.progress.train_seconds,
            images_per_second=self._images(self.progress.step) / self.progress.train_seconds,
            probe_seconds=probe_seconds,
            train_accuracy=trained.accuracy,
        )

    def _write_weights(self) -> None:
        # copies: safetensors refuses weights that two names share
        weights = {
            name: tensor.cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in self.model.state_dict().items()
        }
        # one metadata entry: several are written in random order, and equal runs must leave equal files
        self.folder.write_model(packed_weights(weights, metadata={"run": self.spec.id}))

    def _images(self, steps: int) -> int:
        return steps * min(self.spec.recipe.batch_size, len(self.data.train))

    def report(self, state: State, **details: Any) -> None:
        """Calls `on_event` with the run's state and position."""
        step, steps = self.progress.step, self.steps
        self.on_event(Event(run=self.spec.id, state=state, step=step, steps=steps, **details))

    def _report_step(self, row: StepRow, *, epoch_ended: bool) -> None:
        step, train_seconds = self.start
        rate = (self.progress.step - step) / (self.progress.train_seconds - train_seconds)
        self.report(
            "training",
            epoch=row.epoch,
            loss=row.loss,
            epoch_ended=epoch_ended,
            steps_per_second=rate,
            images_per_second=rate * self._images(1),
            accuracy=None if math.isnan(self.progress.val_accuracy) else self.progress.val_accuracy,
        )

    def flush(self) -> None:
        """Writes the rows that are kept."""
        if self.instruments:
            self.folder.append_readings(self.instruments.take())
        self.folder.metrics.append(self.rows)
        self.rows.clear()

    def _save(self) -> None:
        self.flush()
        if self.saved_step == self.progress.step:
            return  # a second save would leave two equal checkpoints and none before them
        self.saved_step = self.progress.step
        checkpoint.save(self.folder, self.model, self.optimizer, self.progress)
        self.saved = perf_counter()
