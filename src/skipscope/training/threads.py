"""More threads for a run that has cores to itself, if that changes no bit of it and is faster.

Most operators give every output to one thread, and are the same on any number of them. Those that share a sum
out among threads stay on the number that the run was begun with (`reductions.set_reduction_threads`).
"""

from contextlib import suppress
from itertools import islice

import torch
from torch import Tensor

from skipscope.data.dataset import Dataset
from skipscope.kernels import reductions
from skipscope.models.registry import build
from skipscope.spec import RunSpec
from skipscope.training.batches import BatchMaker
from skipscope.training.evaluate import evaluate
from skipscope.training.precision import device, to_device
from skipscope.training.trial import trial_steps

WAIT_IDLY = {"OMP_WAIT_POLICY": "passive"}
"""A worker's environment. Torch's threads would spin for milliseconds after each operator, on the core that a
thread of `tiles.py` is given next: two cores would hardly be faster than one (docs/performance.md)."""
MAX_TIME_RATIO = 0.95
"""More threads are taken if a step takes at most this share of the time: beside other work it may not."""


def try_more_threads(spec: RunSpec, data: Dataset, threads: int) -> bool:
    """Sets this process to `threads` threads, if steps come out bit for bit the same, and sooner."""
    begun = int(spec.recipe.threads)
    if spec.recipe.kernels == "stock" or device().type != "cpu":
        return False
    taken = False
    with suppress(Exception), torch.random.fork_rng(()):  # whatever it is: the run goes well as it is
        _set(begun, sums_on=None)
        before, alone = _steps(spec, data)
        _set(threads, sums_on=begun)
        after, together = _steps(spec, data)
        same = all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        taken = same and together < MAX_TIME_RATIO * alone
    if not taken:
        _set(begun, sums_on=None)
    return taken


def _set(threads: int, *, sums_on: int | None) -> None:
    torch.set_num_threads(threads)
    reductions.set_reduction_threads(sums_on)


def _steps(spec: RunSpec, data: Dataset) -> tuple[list[Tensor], float]:
    """Gives a fresh network's state after three steps, its validation, and the fastest step's seconds."""
    network, recipe = to_device(build(spec.model), spec.recipe, device()), spec.recipe
    fastest = min(islice(trial_steps(network, recipe, data), 3))
    batches = BatchMaker(data, recipe, device())
    validated = torch.tensor(evaluate(network, data.validation.first(500), batches, recipe)[:2])
    return [*network.state_dict().values(), validated], fastest
