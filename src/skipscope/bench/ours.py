"""One run of ours as a worker trains it, for ever."""

from collections.abc import Iterator
from dataclasses import replace

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.spec import Backend, DataRef, Recipe, RunSpec
from skipscope.training.checkpoint import Progress
from skipscope.training.evaluate import Inputs
from skipscope.training.loop import fit
from skipscope.training.optimizer import SGD
from skipscope.training.precision import device, to_device

RECIPE = Recipe(epochs=1000, learning_rate=0.01, augmentation="crop_flip", clip_norm=1.0)
"""What the usual loop does to images, ours does too; and it clips, as the `lab` study does."""


def steps(name: str, data: Dataset, way: Backend) -> Iterator[int]:
    """Trains the network; gives the number of images after each step."""
    spec = RunSpec(
        model=name,
        seed=0,
        recipe=RECIPE.resolved(way),
        data=DataRef(name=data.name, sha256=data.sha256),
    )
    on = device()
    model = to_device(build(name), spec.recipe, on)
    inputs, optimizer = Inputs(data, spec.recipe, on), SGD(model, spec.recipe)
    few = replace(data, validation=data.validation.first(1))  # the usual loop's turn has none at all
    for _ in fit(model, optimizer, inputs, spec, few, Progress()):
        yield spec.recipe.batch_size
