"""The first steps of a run, tried on a network of their own, to time and compare how they compute."""

from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.spec import Recipe
from skipscope.training.backend import device
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.loop import train_steps
from skipscope.training.optimizer import SGD


def trial_steps(model: nn.Module, recipe: Recipe, data: Dataset) -> Iterator[float]:
    """Trains `model`, which is on its device, as a run does, but validates on one image an epoch.

    Yields:
        The seconds of each update, its batch included.

    Raises:
        Diverged: the loss is not finite.
    """
    batches, optimizer = BatchMaker(data, recipe, device()), SGD(model, recipe)
    progress, before = Progress(), 0.0
    few = replace(data, validation=data.validation.first(1))
    for _ in train_steps(model, optimizer, batches, recipe, few, progress, seed=0):
        yield progress.train_seconds - before
        before = progress.train_seconds
