"""Seeds and restores the generators that anybody's network may draw from: torch's, numpy's and Python's."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def reseed(seed: int, on: torch.device) -> None:
    """Makes what a network draws (dropout, a layer left out) a function of the seed."""
    if on.type == "cpu":  # seeding all devices takes a thirtieth of a small network's step
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - a network may draw from it


@contextmanager
def chance_restored(on: torch.device) -> Iterator[None]:
    """Restores every generator when the scope ends."""
    pythons, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        has_none = on.type in {"cpu", "meta"}  # the processor's is restored in any case
        with torch.random.fork_rng([] if has_none else [on], device_type=None if has_none else on.type):
            yield
    finally:
        random.setstate(pythons)
        np.random.set_state(numpys)  # noqa: NPY002
