"""Estimates how long probes take on a network, from the time of one forward pass here.

What a probe counts in passes was measured on the classroom's networks and the papers'; the estimate is rough.
"""

from collections.abc import Iterable
from time import perf_counter

import torch
from torch import Tensor, nn

from skipscope.models.chance import chance_restored
from skipscope.probes.registry import PROBES

TRIAL_IMAGES = 32


def estimated(model: nn.Module, images: Tensor, probes: Iterable[str], sample: int) -> dict[str, float]:
    """Returns the seconds that each probe will about take on a sample of so many images.

    Args:
        model: in evaluation mode; it is left as it was.
        images: some of the sample, B 3 H W.
        probes: names of probes that apply to the network.
        sample: how many images the probes are given.
    """
    few = images[:TRIAL_IMAGES]
    times = []
    with torch.no_grad(), chance_restored(few.device):
        for _ in range(2):  # the first allocates
            given = few.clone()  # the network may overwrite it
            start = perf_counter()
            model(given)
            times.append((perf_counter() - start) / len(few))
    return {name: min(times) * PROBES[name].passes(sample) for name in probes}
