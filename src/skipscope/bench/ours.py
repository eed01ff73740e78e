"""Trains a run of ours as a worker does, endlessly."""

from collections.abc import Iterator

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.spec import Backend, Recipe
from skipscope.training.backend import device, to_device
from skipscope.training.determinism import deterministic
from skipscope.training.trial import trial_windows

RECIPE = Recipe(epochs=1000, learning_rate=0.01, augmentation="crop_flip", clip_norm=1.0)
"""Augments as the usual loop does; and clips, as the `lab` study does."""


def steps(name: str, data: Dataset, backend: Backend) -> Iterator[int]:
    """Trains the network; yields the number of images after each step, or window of steps."""
    recipe = RECIPE.resolved(backend)
    with deterministic():
        for updates, _ in trial_windows(to_device(build(name), recipe, device()), recipe, data):
            yield updates * recipe.batch_size
