"""`torch.compile` against our operators: seconds to compile, and the ratio of step times, in turns.

`python benchmarks/compiled.py [NETWORK ...]`: one thread, with the backend that is fastest on this machine.
Needs a C++ compiler, which users do not.
"""

import statistics
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np
import torch

from skipscope.data.dataset import load
from skipscope.engine.autotune import Autotuner
from skipscope.models.registry import build
from skipscope.spec import Recipe
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.loop import forward, update
from skipscope.training.optimizer import SGD

NETWORKS = ("cnn", "resnet", "densenet", "se_resnet")
ROUNDS, STEPS = 5, 6


def stepper(name: str, recipe: Recipe, *, compiled: bool) -> Callable[[], None]:
    """A function that takes one training step of the network on a batch of 128."""
    network = to_device(build(name), recipe, device())
    optimizer, data = SGD(network, recipe), load("cifar10")
    x, target = BatchMaker(data, recipe, device())(data.train, np.arange(128))
    if compiled:
        network.compile()
    return lambda: update(forward(network, x, target, recipe)[0], network, optimizer, recipe, 1e-3)


def seconds(step: Callable[[], None], times: int) -> float:
    """Seconds for this many steps."""
    start = perf_counter()
    for _ in range(times):
        step()
    return perf_counter() - start


def main() -> None:
    """Print a line per network."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    way = Autotuner(load("cifar10")).choose([(name, Recipe()) for name in NETWORKS], threads=1).backend
    print(way, flush=True)
    fast = Recipe(clip_norm=0.5).resolved(way)
    stock = fast.model_copy(update={"kernels": "stock"})
    for name in sys.argv[1:] or NETWORKS:
        ours, theirs = stepper(name, fast, compiled=False), stepper(name, stock, compiled=True)
        compiling = seconds(theirs, 1)
        seconds(theirs, 2)
        seconds(ours, 2)
        ratios = [seconds(ours, STEPS) / seconds(theirs, STEPS) for _ in range(ROUNDS)]
        speed = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name:10} compiles {compiling:4.0f} s, then {speed} times our speed", flush=True)


if __name__ == "__main__":
    main()
