"""Speed-up of each of our operators and settings: steps without it against steps with all, in turns.

`python benchmarks/kernels.py [NETWORK ...]`: one thread and one process per variant, training one at a time.
A ratio of 1.2 means that steps take 1.2 times as long without it.
"""

import multiprocessing as mp
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

import torch

from skipscope.bench import ours
from skipscope.bench.contest import _turn, in_turn
from skipscope.data.dataset import load
from skipscope.engine.autotune import Autotuner
from skipscope.engine.local import environment_of_workers
from skipscope.kernels import convolution, minimal_filters, pooling, winograd
from skipscope.spec import Backend, Recipe
from skipscope.training import optimizer as sgd
from skipscope.training.memory import KEEP_MEMORY

NETWORKS = ("cnn", "resnet", "densenet", "se_resnet")
ROUNDS, SECONDS = 5, 1.5


def without(name: str) -> Callable[[], object]:
    """A function that disables one of the variants in its process."""
    return {
        "nothing": lambda: None,
        "one product for small maps": lambda: setattr(convolution, "_reads_all", lambda _: False),
        "product for weights' gradient": lambda: setattr(convolution, "PRODUCT_CHANNELS", 10**9),
        "max-pool of few channels": lambda: setattr(pooling, "MAX_CHANNELS", 0),
        "Winograd's products": minimal_filters.FILTERS.clear,
        "those for any channels": lambda: setattr(winograd, "FEWEST_CHANNELS", 10**9),
        "weights in memory order": lambda: setattr(sgd, "_in_memory_order", lambda _, x: x),
        "freed memory kept": lambda: None,
    }[name]


VARIANTS = (
    "nothing",
    "one product for small maps",
    "product for weights' gradient",
    "max-pool of few channels",
    "Winograd's products",
    "those for any channels",
    "weights in memory order",
    "freed memory kept",
)


def contestant(network: str, variant: str, way: Backend, pipe: Connection) -> None:
    """Train in a worker process whenever the pipe asks for it."""
    torch.set_num_threads(way.threads)
    torch.set_flush_denormal(True)
    without(variant)()
    in_turn(ours.steps(network, load("cifar10"), way), pipe)


@contextmanager
def process(network: str, variant: str, way: Backend) -> Any:
    """Start the worker of a variant and yield our end of its pipe."""
    context = mp.get_context("spawn")
    pipe, theirs = context.Pipe()
    worker = context.Process(target=contestant, args=(network, variant, way, theirs), daemon=True)
    with environment_of_workers({} if variant == "freed memory kept" else KEEP_MEMORY):
        worker.start()
    theirs.close()
    try:
        yield pipe
    finally:
        pipe.close()
        worker.join()


def main() -> None:
    """Print a line per network and variant."""
    networks = sys.argv[1:] or NETWORKS
    way = Autotuner(load("cifar10")).choose([(name, Recipe()) for name in networks], threads=1).backend
    for network in networks:
        with ExitStack() as stack:
            pipes = [stack.enter_context(process(network, variant, way)) for variant in VARIANTS]
            for pipe in pipes:
                pipe.recv()
            turns = [[_turn([pipe], SECONDS) for pipe in pipes] for _ in range(ROUNDS)]
        for index, variant in enumerate(VARIANTS[1:], start=1):
            ratios = [turn[0] / turn[index] for turn in turns]
            spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
            print(f"{network:10} without {variant:28} {statistics.median(ratios):.2f} {spread}", flush=True)


if __name__ == "__main__":
    main()
