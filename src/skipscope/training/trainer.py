"""One run, from its spec to its record: goes on where it stopped, ends with the sealed test."""

import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from time import perf_counter

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
from skipscope.training import checkpoint
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.environment import environment
from skipscope.training.evaluate import evaluate
from skipscope.training.events import Event, EventHandler
from skipscope.training.instruments import Instruments, measure_trained, sample
from skipscope.training.loop import EpochRow, StepRow, all_steps, train_steps
from skipscope.training.optimizer import SGD
from skipscope.training.precision import device, to_device

CHECKPOINT_SECONDS = 60.0
"""At most this much work is lost when a process is killed."""
TELL_SECONDS = 0.25
"""How often a run says how far it is, and writes the metrics it holds."""


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
    """Trains the run in `folder`, or goes on with it, and measures it; `stop()` is asked after every step.

    `probes` are those that look at the trained network (all that apply, if None); `watched` whether the
    training itself is measured, which changes no bit of it. The record that comes back is "done", "failed"
    (diverged) or "unfinished" (asked to stop; the same call goes on from there, bit for bit, given the same
    number of threads).

    Raises:
        ProbeError: the run is done, but some probes failed on it.
    """
    record = _begin(spec, folder, on_event)
    remove_drafts(folder.path)
    if record.state == "done":
        folder.tidy()
        return record
    on = device()
    model = to_device(build(spec.model, seed=spec.seed), spec.recipe, on)
    optimizer = SGD(model, spec.recipe)
    progress = checkpoint.load(folder, model, optimizer, on_event=partial(_tell_restart, on_event, spec))
    batches = BatchMaker(data, spec.recipe, on)
    instruments = Instruments(model, data) if watched else None
    training_run = _TrainingRun(spec, data, folder, on_event, model, optimizer, progress, instruments)
    if progress.step == 0 and watched:
        tried = initial_rows(view_of(model, *sample(data, batches)))
        folder.append_readings(tried.rows)
        if tried.failed:
            on_event(Event(run=spec.id, state="warned", steps=training_run.steps, message=tried.error().what))
    try:
        for step, epoch in train_steps(
            model, optimizer, batches, spec.recipe, data, progress, seed=spec.seed, instruments=instruments
        ):
            training_run.after(step, epoch)
            if stop():
                return training_run.leave(record)
    except Diverged as error:
        return training_run.fail(record, error)
    training_run.flush()
    return training_run.finish(record, batches, probes=probes, stop=stop)


def _begin(spec: RunSpec, folder: RunFolder, on_event: EventHandler = lambda _event: None) -> RunRecord:
    """The record of the run as it starts or goes on; a damaged one, or a damaged run's, is replaced."""
    record = folder.read_if_sound()
    begun = folder.record_file.exists()
    damaged = folder.damaged() if begun and (record is None or record.state == "done") else []
    if damaged:
        # a damaged list of checksums may hide behind a file that differs from it
        message = f"{', '.join(damaged)} damaged or missing (compared with {SUMS}): training it again"
        _tell_restart(on_event, spec, message)
    if record is None or record.state == "failed" or damaged:
        record = RunRecord(
            id=spec.id,
            spec=spec,
            state="unfinished",
            started=now(),
            environment=environment(),
            network=describe(spec.model),
        )
        folder.make()
        folder.write(record)
    return record


def _tell_restart(on_event: EventHandler, spec: RunSpec, message: str) -> None:
    on_event(Event(run=spec.id, state="restarted", message=message))


def now() -> str:
    """UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class _TrainingRun:
    """What happens around the loop between the start of a process and its end."""

    def __init__(
        self,
        spec: RunSpec,
        data: Dataset,
        folder: RunFolder,
        on_event: EventHandler,
        model: nn.Module,
        optimizer: SGD,
        progress: Progress,
        instruments: Instruments | None,
    ) -> None:
        self.spec, self.data, self.folder, self.on_event = spec, data, folder, on_event
        self.model, self.optimizer, self.progress = model, optimizer, progress
        self.instruments = instruments
        self.steps = all_steps(spec.recipe, len(data.train))
        self.rows: list[dict[str, object]] = []
        self.told = self.saved = perf_counter()
        self.saved_step = progress.step if folder.state_file.exists() else -1
        self.start = (progress.step, progress.train_seconds)

    def after(self, step: StepRow, epoch: EpochRow | None) -> None:
        """Between two steps: keeps the rows; tells, writes and saves what is due."""
        self.rows.append({"kind": "step"} | vars(step))
        if epoch is not None:
            self.rows.append({"kind": "epoch"} | vars(epoch))
        if epoch is not None or perf_counter() - self.told > TELL_SECONDS:
            self.flush()
            self.on_event(self._event(step, epoch_ended=epoch is not None))
            self.told = perf_counter()
        if epoch is not None or perf_counter() - self.saved > CHECKPOINT_SECONDS:
            self._save()

    def leave(self, record: RunRecord) -> RunRecord:
        self._save()
        self.on_event(Event(run=record.id, state="stopped", step=self.progress.step, steps=self.steps))
        return record

    def fail(self, record: RunRecord, error: Diverged) -> RunRecord:
        self.flush()
        numbers = {key: value if math.isfinite(value) else str(value) for key, value in error.numbers.items()}
        failure = Failure(kind="diverged", message=str(error), numbers=numbers)
        record = record.model_copy(update={"state": "failed", "finished": now(), "failure": failure})
        self.folder.write(record)
        remove(self.folder.state_file, self.folder.state_before)
        self.on_event(
            Event(
                run=record.id, state="failed", step=self.progress.step, steps=self.steps, message=error.what
            )
        )
        return record

    def finish(
        self,
        record: RunRecord,
        batches: BatchMaker,
        *,
        probes: Collection[str] | None,
        stop: Callable[[], bool],
    ) -> RunRecord:
        """Writes the weights, measures, opens the sealed test set once, and closes the record."""
        self._save()
        self.optimizer.velocities.clear()  # measuring needs the memory
        self._write_weights()
        start = perf_counter()
        failed = None
        try:
            if not self._measure(batches, probes, stop):
                return self.leave(record)
        except ProbeError as error:  # raised when the run is done
            failed = error
        probed = perf_counter() - start
        seen = self.data.train.stratified(len(self.data.validation))
        _, train_accuracy, _ = evaluate(self.model, seen, batches, self.spec.recipe)
        test_loss, test_accuracy, right = evaluate(
            self.model, self.data.sealed_test(), batches, self.spec.recipe
        )
        self.folder.write_right(right.numpy())
        result = Result(
            val_loss=self.progress.val_loss,
            val_accuracy=self.progress.val_accuracy,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            seconds=self.progress.seconds,
            train_seconds=self.progress.train_seconds,
            images_per_second=self._images(self.progress.step) / self.progress.train_seconds,
            probe_seconds=probed,
            train_accuracy=train_accuracy,
        )
        record = record.model_copy(update={"state": "done", "finished": now(), "result": result})
        self.folder.write(record)
        self.folder.tidy()
        self.on_event(
            Event(run=record.id, state="done", step=self.steps, steps=self.steps, accuracy=test_accuracy)
        )
        if failed is not None:
            raise failed
        return record

    def _write_weights(self) -> None:
        # a copy of each: weights that two names share cannot be saved as they are
        weights = {
            name: tensor.cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in self.model.state_dict().items()
        }
        # one entry: several are written in an order of chance, and equal runs leave equal files
        self.folder.write_model(packed_weights(weights, metadata={"run": self.spec.id}))

    def _measure(self, batches: BatchMaker, probes: Collection[str] | None, stop: Callable[[], bool]) -> bool:
        """The frozen probes, each told of before it begins; no, if it was asked to stop before the last."""

        def go_on(probe: str) -> bool:
            self.on_event(
                Event(run=self.spec.id, state="measuring", step=self.steps, steps=self.steps, message=probe)
            )
            return not stop()

        return measure_trained(
            self.folder,
            self.model,
            self.data,
            batches,
            recipe=self.spec.recipe,
            step=self.steps,
            probes=probes,
            go_on=go_on,
        )

    def _images(self, steps: int) -> int:
        return steps * min(self.spec.recipe.batch_size, len(self.data.train))

    def _event(self, row: StepRow, *, epoch_ended: bool) -> Event:
        step, train_seconds = self.start
        rate = (self.progress.step - step) / (self.progress.train_seconds - train_seconds)
        return Event(
            run=self.spec.id,
            state="training",
            step=row.step,
            steps=self.steps,
            epoch=row.epoch,
            loss=row.loss,
            epoch_ended=epoch_ended,
            steps_per_second=rate,
            images_per_second=rate * self._images(1),
            accuracy=None if math.isnan(self.progress.val_accuracy) else self.progress.val_accuracy,
        )

    def flush(self) -> None:
        """Writes the rows that are held."""
        if self.instruments:
            self.folder.append_readings(self.instruments.take())
        self.folder.append_metrics(self.rows)
        self.rows.clear()

    def _save(self) -> None:
        self.flush()
        if self.saved_step == self.progress.step:
            return  # again would leave two that are the same, and none before
        self.saved_step = self.progress.step
        checkpoint.save(self.folder, self.model, self.optimizer, self.progress)
        self.saved = perf_counter()
