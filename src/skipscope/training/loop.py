"""The training loop.

Shapes: B images of 3 x 32 x 32. `step` counts updates; one epoch is `steps_per_epoch` of them. Images
at the end of an epoch's order that do not fill a batch are left out; every epoch has another order.

An accelerator works through a queue, and whoever asks for a number waits until it is empty. So losses stay
there for a window of steps, and nothing in a step asks; on a processor a window is one step.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from skipscope.data.augment import sample_augmentation
from skipscope.data.dataset import Dataset
from skipscope.errors import Diverged
from skipscope.models.chance import reseed
from skipscope.probes import schedule
from skipscope.probes.step import StepRecorder
from skipscope.randomness import derive
from skipscope.spec import Recipe
from skipscope.training.backend import computing
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.evaluate import evaluate, normalises
from skipscope.training.graphs import replayed, replays
from skipscope.training.instruments import Instruments
from skipscope.training.lr_schedule import learning_rate
from skipscope.training.optimizer import SGD

WINDOW = 10
"""Steps between two looks at an accelerator's losses: so many can follow one that is not finite."""


@dataclass(frozen=True, kw_only=True)
class StepRow:
    """Describes one update: the loss before it and the learning rate it was made with."""

    step: int
    epoch: int
    loss: float
    learning_rate: float


@dataclass(frozen=True, kw_only=True)
class EpochRow:
    """Describes one epoch; its training numbers are means over the batches as they came."""

    step: int
    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """Describes a validation within an epoch, on some images alone.

    The last two are those with BatchNorm's statistics of the batch; None without its running averages.
    """

    step: int
    epoch: int
    val_loss: float
    val_accuracy: float
    batch_loss: float | None
    batch_accuracy: float | None


def steps_per_epoch(recipe: Recipe, images: int) -> int:
    """Counts whole batches in so many training images; fewer than a batch are one batch."""
    return max(1, images // recipe.batch_size)


def all_steps(recipe: Recipe, images: int) -> int:
    """Counts the updates of a whole run on so many training images."""
    return recipe.epochs * steps_per_epoch(recipe, images)


def windows(first: int, steps: int, on: torch.device, stops: Sequence[int] = ()) -> Iterator[range]:
    """Yields an epoch's steps from `first` on, in windows whose losses are fetched together.

    A window ends at each of the `stops`.
    """
    size = 1 if on.type == "cpu" else WINDOW
    while first < steps:
        end = min(steps, (first // size + 1) * size, *(stop for stop in stops if stop > first))
        yield range(first, end)
        first = end


def epoch_order(seed: int, epoch: int, images: int) -> np.ndarray:
    """Draws the order of the training images in `epoch` (from 1): a permutation of 0..images-1."""
    keys = np.random.PCG64(derive(seed, "order", epoch)).random_raw(images)
    return np.argsort(keys, kind="stable")


def train_steps(
    model: nn.Module,
    optimizer: SGD,
    batches: BatchMaker,
    recipe: Recipe,
    data: Dataset,
    progress: Progress,
    *,
    seed: int,
    instruments: Instruments | None = None,
) -> Iterator[tuple[Sequence[StepRow], EpochRow | CheckRow | None]]:
    """Trains on from `progress` and keeps it current: wherever this yields, the run can stop and resume.

    Yields:
        The rows of a window's updates and, with the last ones of an epoch, the epoch's; or that of a check.

    Raises:
        Diverged: the loss is not finite; on a processor, the update that would have followed is not made.
    """
    images = len(data.train)
    steps = steps_per_epoch(recipe, images)
    stops = schedule.checks(recipe.epochs, steps, images)
    network = replayed(model) if replays(recipe, batches.device) else model
    for epoch in range(progress.step // steps + 1, recipe.epochs + 1):
        order = epoch_order(seed, epoch, images)
        augmentation = sample_augmentation(recipe.augmentation, seed=seed, epoch=epoch, count=images)
        for window in windows(progress.step % steps, steps, batches.device, stops):
            start, pending = perf_counter(), list[Pending]()
            for batch in window:
                step = (epoch - 1) * steps + batch
                positions = slice(batch * recipe.batch_size, (batch + 1) * recipe.batch_size)
                x, target = batches(data.train, order[positions], augmentation.at(positions))
                recorder = None if instruments is None else instruments.recorder(step + 1, progress, steps)
                reseed(derive(seed, "chance", step), batches.device)
                loss, correct = forward(model if recorder else network, x, target, recipe, recorder)
                rate = learning_rate(recipe, step, steps)
                pending.append((loss.detach(), correct, rate))
                if batch == window[-1]:
                    rows, right = fetch(pending, epoch, progress, len(x))
                update(loss, model, optimizer, recipe, rate, recorder)
            progress.count([row.loss for row in rows], right, len(x), perf_counter() - start)
            if window.stop == steps:
                yield rows, finish_epoch(epoch, model, batches, recipe, data, progress, instruments)
            elif window.stop in stops:
                yield rows, check(epoch, model, batches, recipe, data, progress)
            else:
                yield rows, None


def forward(
    model: Callable[[Tensor], Tensor],
    x: Tensor,
    target: Tensor,
    recipe: Recipe,
    recorder: StepRecorder | None = None,
) -> tuple[Tensor, Tensor]:
    """Computes the batch's mean loss and how many of its images are classified correctly."""
    with computing(recipe, x.device), recorder.computing() if recorder else nullcontext():
        logits = model(x)  # B classes
    loss = cross_entropy(logits.float(), target, label_smoothing=recipe.label_smoothing)
    return loss, (logits.argmax(1) == target).sum()


Pending = tuple[Tensor, Tensor, float]
"""A step's loss and how many images it had right, still on the device, and its learning rate."""


def fetch(
    pending: Sequence[Pending], epoch: int, progress: Progress, images: int
) -> tuple[list[StepRow], int]:
    """Fetches the rows of steps after `progress`, and how many images these classified correctly.

    Raises:
        Diverged: a loss is not finite; `progress` then counts the steps before it.
    """
    losses, correct, rates = zip(*pending, strict=True)
    rows = [
        StepRow(step=progress.step + number, epoch=epoch, loss=loss, learning_rate=rate)
        for number, (loss, rate) in enumerate(zip(torch.stack(losses).tolist(), rates, strict=True), start=1)
    ]
    for number, row in enumerate(rows):
        if not math.isfinite(row.loss):
            progress.count([each.loss for each in rows[:number]], 0, images, 0.0)
            raise diverged(row, progress, rows[:number])
    return rows, int(torch.stack(correct).sum())


def update(
    loss: Tensor,
    model: nn.Module,
    optimizer: SGD,
    recipe: Recipe,
    rate: float,
    recorder: StepRecorder | None = None,
) -> None:
    """Takes one step down the gradient of `loss` at the learning rate `rate`."""
    scaler = optimizer.scaler  # passes all through, but in fp16
    if recorder and scaler.is_enabled():
        recorder.loss_scale = scaler.get_scale()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    if recorder:
        recorder.after_backward()
    if recipe.clip_norm is not None:
        clip_grad_norm_(model.parameters(), recipe.clip_norm)
    scaler.step(optimizer, rate)
    scaler.update()
    if recorder:
        recorder.after_update()


def check(
    epoch: int, model: nn.Module, batches: BatchMaker, recipe: Recipe, data: Dataset, progress: Progress
) -> CheckRow:
    """Validates within an epoch, on `schedule.CHECKED` of the images."""
    start, some = perf_counter(), data.validation.stratified(schedule.CHECKED)
    found = evaluate(model, some, batches, recipe)
    by_batch = evaluate(model, some, batches, recipe, of_batch=True) if normalises(model) else None
    progress.seconds += perf_counter() - start
    return CheckRow(
        step=progress.step,
        epoch=epoch,
        val_loss=found.loss,
        val_accuracy=found.accuracy,
        batch_loss=by_batch and by_batch.loss,
        batch_accuracy=by_batch and by_batch.accuracy,
    )


def finish_epoch(
    epoch: int,
    model: nn.Module,
    batches: BatchMaker,
    recipe: Recipe,
    data: Dataset,
    progress: Progress,
    instruments: Instruments | None,
) -> EpochRow:
    """Validates, and turns the epoch's sums into a row."""
    start = perf_counter()
    progress.val_loss, progress.val_accuracy, right = evaluate(model, data.validation, batches, recipe)
    progress.follow(right, epoch)
    if instruments:
        instruments.after_epoch(progress, epoch, right, last=epoch == recipe.epochs)
    progress.seconds += perf_counter() - start
    row = EpochRow(
        step=progress.step,
        epoch=epoch,
        train_loss=progress.loss_sum / progress.seen,
        train_accuracy=progress.correct / progress.seen,
        val_loss=progress.val_loss,
        val_accuracy=progress.val_accuracy,
        seconds=progress.seconds,
    )
    progress.loss_sum, progress.correct, progress.seen = 0.0, 0, 0
    return row


def diverged(row: StepRow, progress: Progress, before: Sequence[StepRow]) -> Diverged:
    """Makes the error for a step whose loss is not finite, with the step's numbers.

    `before` are rows of the same window.
    """
    mean = progress.loss_sum / progress.seen if progress.seen else math.nan
    return Diverged(
        f"The loss is {row.loss} at step {row.step} (epoch {row.epoch}): training diverged.",
        numbers=vars(row) | {"mean_loss_of_epoch_before_it": mean},
        rows=[vars(each) for each in before],
        hint="lower recipe.learning_rate, or set recipe.clip_norm, for every arm of the study",
    )
