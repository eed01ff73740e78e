"""The first steps of a run, tried on a network of their own, to time and compare how they compute."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.spec import Recipe
from skipscope.training.backend import device
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.loop import train_steps
from skipscope.training.optimizer import SGD


def trial_steps(
    model: nn.Module, recipe: Recipe, data: Dataset, *, clock: Callable[[], float] = perf_counter
) -> Iterator[float]:
    """Yields the seconds of each update of `trial_windows`; the mean of those whose losses come together."""
    for steps, seconds in trial_windows(model, recipe, data, clock=clock):
        yield from [seconds / steps] * steps


def trial_windows(
    model: nn.Module, recipe: Recipe, data: Dataset, *, clock: Callable[[], float] = perf_counter
) -> Iterator[tuple[int, float]]:
    """Trains `model`, which is on its device, as a run does, but validates on one image an epoch.

    Args:
        model: a fresh network, in training mode.
        recipe: how it is trained.
        data: what it is trained on.
        clock: in seconds. A step in one thread of a processor is timed by `time.thread_time`: what else
            runs on the machine does not count.

    Yields:
        How many updates were made until their losses were fetched, and the seconds, batches included.

    Raises:
        Diverged: the loss is not finite.
    """
    batches, optimizer = BatchMaker(data, recipe, device()), SGD(model, recipe)
    progress, before = Progress(), clock()
    few = replace(data, validation=data.validation.first(1))
    for rows, _ in train_steps(model, optimizer, batches, recipe, few, progress, seed=0):
        yield len(rows), clock() - before
        before = clock()
