"""More threads for a run that has cores to itself, if that changes no bit of it.

Most operators give every output to one thread, and are the same on any number of them. Those that share a sum
out among threads stay on the number that the run was begun with (`kernels.keep_sums_on`).
"""

import numpy as np
import torch
from torch import Tensor

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.spec import RunSpec
from skipscope.training import kernels
from skipscope.training.evaluate import Inputs, evaluate
from skipscope.training.loop import forward, update
from skipscope.training.precision import device, place
from skipscope.training.sgd import SGD


def widen(spec: RunSpec, data: Dataset, threads: int) -> bool:
    """Sets this process to `threads` threads, if two steps of the run come out bit for bit the same."""
    begun = int(spec.recipe.threads)
    if spec.recipe.kernels != "fast" or device().type != "cpu":
        return False
    kernels.keep_sums_on(None)
    torch.set_num_threads(begun)
    before = _steps(spec, data)
    kernels.keep_sums_on(begun)
    torch.set_num_threads(threads)
    if all(torch.equal(one, other) for one, other in zip(before, _steps(spec, data), strict=True)):
        return True
    kernels.keep_sums_on(None)
    torch.set_num_threads(begun)
    return False


def _steps(spec: RunSpec, data: Dataset) -> list[Tensor]:
    """What two updates and a validation make of a fresh network: weights, running statistics, loss."""
    network, recipe = place(build(spec.model), spec.recipe, device()), spec.recipe
    optimizer, inputs = SGD(network, recipe), Inputs(data, recipe, device())
    images, labels = data.train.take(np.arange(min(recipe.batch_size, len(data.train))))
    for _ in range(2):
        loss, _ = forward(network, inputs(images), torch.from_numpy(labels), recipe)
        update(loss, network, optimizer, recipe, rate=0.01)
    validated = torch.tensor(evaluate(network, data.validation.first(500), inputs, recipe))
    return [*network.state_dict().values(), validated]
