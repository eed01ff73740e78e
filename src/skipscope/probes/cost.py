"""Estimates how long probes take on a network, from the time of one forward pass here.

A probe's `passes` were measured by `benchmarks/probes.py`, with the same `seconds_per_pass`, on the classroom
networks, `resnet20` and `densenet19_k10`, each trained for some steps.
"""

from collections.abc import Callable, Iterable
from time import perf_counter

import torch
from torch import Tensor, nn

from skipscope.models.chance import chance_restored
from skipscope.probes.registry import PROBES

TRIAL_IMAGES = 50
TRIALS = 3
"""Runs of so many images, after one that allocates; the best counts."""


def seconds_per_pass(model: nn.Module, images: Tensor, clock: Callable[[], float] = perf_counter) -> float:
    """Measures the seconds of a forward pass of one image, in evaluation mode and without gradients.

    Args:
        model: in evaluation mode; it is left as it was.
        images: some of the sample, B 3 H W.
        clock: a function that returns seconds.
    """
    few = images[:TRIAL_IMAGES]
    times = []
    with torch.no_grad(), chance_restored(few.device):
        for _ in range(1 + TRIALS):
            given = few.clone()  # the network may overwrite it
            start = clock()
            model(given)
            times.append((clock() - start) / len(few))
    return min(times[1:])


def estimated(model: nn.Module, images: Tensor, probes: Iterable[str], sample: int) -> dict[str, float]:
    """Returns the seconds that each probe will about take on a sample of so many images.

    Args:
        model: in evaluation mode; it is left as it was.
        images: some of the sample, B 3 H W.
        probes: names of probes that apply to the network.
        sample: how many images the probes are given.
    """
    a_pass = seconds_per_pass(model, images)
    return {name: PROBES[name].seconds + a_pass * PROBES[name].passes(sample) for name in probes}
