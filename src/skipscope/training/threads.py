"""More threads for a run that has idle cores, if that changes no bit of its results and is faster.

Most operators compute each output on one thread, and so give the same bits on any number. Those that split a
sum among threads stay on the number that the run began with (`reductions.set_reduction_threads`).
"""

from contextlib import suppress
from itertools import islice

import torch
from torch import Tensor

from skipscope.data.dataset import Dataset
from skipscope.kernels import reductions
from skipscope.models.registry import build
from skipscope.spec import RunSpec
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.evaluate import evaluate
from skipscope.training.trial import trial_steps

WAIT_IDLY = {"OMP_WAIT_POLICY": "passive"}
"""A worker's environment. Torch's threads would spin for milliseconds after each operator, on the core that a
thread of `tiles.py` needs next: two cores would hardly be faster than one (docs/performance.md)."""
MAX_TIME_RATIO = 0.95
"""More threads are kept if a step takes at most this share of the time; beside other work it may not."""


def try_more_threads(spec: RunSpec, data: Dataset, threads: int) -> bool:
    """Sets this process to `threads` threads if trial steps are bit-identical and faster; returns whether."""
    initial = int(spec.recipe.threads)
    if spec.recipe.kernels == "stock" or device().type != "cpu":
        return False
    kept = False
    with suppress(Exception), torch.random.fork_rng(()):  # whatever fails, the run can go on as it is
        _set(initial, reductions_on=None)
        before, seconds_before = _trial(spec, data)
        _set(threads, reductions_on=initial)
        after, seconds_after = _trial(spec, data)
        same = all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        kept = same and seconds_after < MAX_TIME_RATIO * seconds_before
    if not kept:
        _set(initial, reductions_on=None)
    return kept


def _set(threads: int, *, reductions_on: int | None) -> None:
    torch.set_num_threads(threads)
    reductions.set_reduction_threads(reductions_on)


def _trial(spec: RunSpec, data: Dataset) -> tuple[list[Tensor], float]:
    """Returns a fresh network's state and validation after three steps, and the fastest step's seconds."""
    network, recipe = to_device(build(spec.model), spec.recipe, device()), spec.recipe
    fastest = min(islice(trial_steps(network, recipe, data), 3))
    batches = BatchMaker(data, recipe, device())
    validated = torch.tensor(evaluate(network, data.validation.first(500), batches, recipe)[:2])
    return [*network.state_dict().values(), validated], fastest
