"""Trains one run from its spec to its record: resumes where it stopped, ends with the sealed test."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any

from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.errors import Diverged
from skipscope.models.registry import build
from skipscope.probes.measure import initial_rows, view_of
from skipscope.records.files import remove, remove_drafts
from skipscope.records.schema import Failure, Result, RunRecord, Snapshot
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec, Snapshots
from skipscope.training import checkpoint
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.beginning import begin, now, report_restart
from skipscope.training.checkpoint import Progress
from skipscope.training.determinism import deterministic
from skipscope.training.evaluate import evaluate
from skipscope.training.events import Event, EventHandler, State
from skipscope.training.instruments import Instruments, sample
from skipscope.training.loop import CheckRow, EpochRow, StepRow, all_steps, train_steps
from skipscope.training.measuring import keep_pictures
from skipscope.training.optimizer import SGD
from skipscope.training.snapshots import keep_if_due, packed_buffers, packed_weights

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
    snapshots: Snapshots | None = None,
    watched: bool = True,
) -> RunRecord:
    """Trains or resumes the run in `folder`, and tests it; `stop()` is called after every window of steps.

    `snapshots` are kept on the way, and `watched` says whether the training is measured: neither changes a
    bit of it. The returned record is "done", "failed" (diverged) or "unfinished" (`stop()` returned True; the
    same call on as many threads resumes it bit for bit). Probes of trained networks are in `measuring`.
    """
    record = begin(spec, folder, on_event)
    for written in (folder.path, folder.snapshots):
        remove_drafts(written)
    if record.state == "done":
        folder.tidy()
        return record
    with deterministic() as loose:
        run = _resume(spec, data, folder, on_event, snapshots=snapshots, watched=watched)
        run.loose = loose
        if run.progress.step == 0 and watched:
            run.measure_initial()
        parts = (run.model, run.optimizer, run.batches, spec.recipe, data, run.progress)
        try:
            for steps, validated in train_steps(*parts, seed=spec.seed, instruments=run.instruments):
                run.after_steps(steps, validated)
                if stop():
                    return run.pause(record)
        except Diverged as error:
            return run.fail(record, error)
        return run.finish(record)


def _resume(
    spec: RunSpec,
    data: Dataset,
    folder: RunFolder,
    on_event: EventHandler,
    *,
    snapshots: Snapshots | None,
    watched: bool,
) -> "TrainingRun":
    """Builds the network, and restores it from the last checkpoint if there is one."""
    model = to_device(build(spec.model, seed=spec.seed), spec.recipe, device())
    optimizer = SGD(model, spec.recipe)
    steps, restart = all_steps(spec.recipe, len(data.train)), partial(report_restart, on_event, spec)
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
        instruments=Instruments(model, data, threads=int(spec.recipe.threads)) if watched else None,
        snapshots=snapshots,
    )


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
    snapshots: Snapshots | None = None
    loose: set[str] = field(default_factory=set)
    """Operators of an accelerator that were found to have no deterministic form."""
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

    def after_steps(self, steps: Sequence[StepRow], validated: EpochRow | CheckRow | None) -> None:
        """Keeps the steps' rows; reports, writes and saves when that is due."""
        self.rows += ({"kind": "step"} | vars(step) for step in steps)
        step, epoch = steps[-1], validated if isinstance(validated, EpochRow) else None
        if validated is not None:
            self.rows.append({"kind": "check" if epoch is None else "epoch"} | vars(validated))
        if self.snapshots is not None:
            run = (self.folder, self.model, self.spec.id, self.progress)
            within = step.step < self.steps  # the last epoch's are the run's own weights
            keep_if_due(*run, self.snapshots, epoch=step.epoch, epoch_end=epoch is not None and within)
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
        self.rows += ({"kind": "step"} | dict(row) for row in error.rows)
        self.flush()
        numbers = {key: value if math.isfinite(value) else str(value) for key, value in error.numbers.items()}
        failure = Failure(kind="diverged", message=str(error), numbers=numbers)
        record = self._ended(record, state="failed", failure=failure)
        self.folder.write(record)
        remove(self.folder.state_file, self.folder.state_before)
        self.report("failed", message=error.what)
        return record

    def finish(self, record: RunRecord) -> RunRecord:
        """Writes the weights, opens the sealed test set once, and closes the record."""
        self._save()
        self.optimizer.velocities.clear()  # what follows needs the memory
        self.folder.write_model(packed_weights(self.model, self.spec.id))
        if (buffers := packed_buffers(self.model, self.spec.id)) is not None:
            self.folder.write_buffers(buffers)
        self.folder.write_readings(self.folder.readings())
        keep_pictures(self.folder, self.model, self.data, self.batches)
        result = self._result()
        record = self._ended(record, state="done", result=result)
        self.folder.write(record)
        self.folder.tidy()
        self.report("done", accuracy=result.test_accuracy)
        return record

    def _result(self) -> Result:
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
            train_accuracy=trained.accuracy,
            lowest_loss=self.progress.lowest_loss if math.isfinite(self.progress.lowest_loss) else None,
        )

    def _ended(self, record: RunRecord, **how: Any) -> RunRecord:
        """Closes the record, with what was kept on the way."""
        if self.loose:
            machine = record.environment.machine | {"nondeterministic": ", ".join(sorted(self.loose))}
            how["environment"] = record.environment.model_copy(update={"machine": machine})
        kept = tuple(Snapshot.model_validate(each) for each in self.progress.snapshots)
        return record.model_copy(update={"finished": now(), "snapshots": kept} | how)

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
