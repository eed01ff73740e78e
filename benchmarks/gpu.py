"""The usual loop and ours on an accelerator, in turns: images/s, share of the peak, and if weights agree.

`python benchmarks/gpu.py`: at most five minutes, the four networks, on CIFAR-10 if it is imported, else on
shapes. Where there is no accelerator it says so and ends with 1. **It has not been run on one yet.**
"""

import os
import statistics
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from skipscope.anatomy.describe import describe
from skipscope.bench.contest import Turns, contest
from skipscope.data.augment import sample_augmentation
from skipscope.data.dataset import Dataset, load
from skipscope.engine.autotune import Autotuner
from skipscope.errors import DataError
from skipscope.models.registry import build
from skipscope.spec import Backend, Recipe
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.determinism import ONE_ORDER, deterministic
from skipscope.training.environment import environment
from skipscope.training.loop import WINDOW
from skipscope.training.trial import trial_steps

NETWORKS = ("cnn", "resnet", "densenet", "se_resnet")
ROUNDS, SECONDS = 3, 3.0
LIMIT = 300.0
"""Seconds of the whole; a network that might end later is left out."""
NETWORK_SECONDS = 45.0
"""What one may take: two processes import torch, warm up and take their turns."""


def measured_peak(precision: str, size: int = 8192) -> float:
    """Measures the rate of a product of two large matrices: 2 size^3 operations."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    a, b = (torch.randn(size, size, device=device()).to(dtype) for _ in range(2))
    return 2 * size**3 / min(waited(lambda: a @ b) for _ in range(5))


def waited(compute: Callable[[], Tensor]) -> float:
    """Returns the seconds until the last number of a result is there."""
    start = perf_counter()
    compute().flatten()[-1].item()
    return perf_counter() - start


def batches_differ(data: Dataset) -> float:
    """Returns the largest difference of a batch made on the device from the same made here: 0 is right."""
    recipe, count = Recipe(memory_format="channels_last"), min(128, len(data.train))
    moved = sample_augmentation("crop_flip", seed=0, epoch=1, count=count)
    there, here = (
        BatchMaker(data, recipe, on)(data.train, np.arange(count), moved)[0].cpu()
        for on in (device(), torch.device("cpu"))
    )
    return (there - here).abs().max().item()


def weights(name: str, recipe: Recipe, data: Dataset) -> list[Tensor]:
    """Returns what a window of steps makes of a network."""
    model = to_device(build(name), recipe, device())
    with deterministic():
        for _ in islice(trial_steps(model, recipe, data), WINDOW):
            pass
    return [value.detach().cpu().double() for value in model.state_dict().values()]


def differ(one: Iterable[Tensor], other: Iterable[Tensor]) -> float:
    """Returns the largest difference between two networks' tensors, relative to each one's largest number."""
    pairs = zip(one, other, strict=True)
    return max(((a - b).abs().max() / b.abs().max().clamp_min(1e-12)).item() for a, b in pairs)


def equality(name: str, backend: Backend, data: Dataset) -> tuple[float, float]:
    """Compares ours with itself, and with stock operators one by one in the same format: both may be 0."""
    ours = Recipe(clip_norm=1.0, learning_rate=0.01).resolved(backend)
    mine = weights(name, ours, data)
    stock = ours.model_copy(update={"kernels": "stock"})
    return differ(weights(name, ours, data), mine), differ(mine, weights(name, stock, data))


def line(name: str, turns: Turns, best: float, equal: tuple[float, float]) -> str:
    """Formats a network's row: a step is three forward passes of arithmetic, two operations each."""
    ours, usual = statistics.median(turns.ours), statistics.median(turns.usual)
    share = 3 * 2 * describe(name).macs * ours / best
    ratios = f"{turns.ratio:.2f} ({min(turns.ratios):.2f} to {max(turns.ratios):.2f})"
    again, stock = ("equal" if each == 0 else f"{each:.1e}" for each in equal)
    return f"{name:<10} {usual:>9,.0f} {ours:>9,.0f}  {ratios:<22} {share:>5.1%}  {again:<8} {stock}"


def main() -> int:
    """Prints a line per network."""
    if device().type == "cpu":
        print("torch finds no accelerator here, so there is nothing to measure.", file=sys.stderr)
        return 1
    os.environ.update(ONE_ORDER)
    began, source = perf_counter(), "cifar10"
    try:
        data = load(source)
    except DataError:
        source = "shapes"
        data = load(source)
    name = str(environment().machine["accelerator"])
    backend = Autotuner(data).choose([(each, Recipe()) for each in NETWORKS], threads=1).backend
    best = measured_peak(backend.precision)
    print(f"{name}, torch {torch.__version__}, {source}; ours: {backend}")
    print(f"peak: {best / 1e12:.0f} teraflops (a product of two large matrices)")
    print(f"batches differ from the processor's by {batches_differ(data)}")
    print("network     usual/s    ours/s  ours over usual        of peak  again    against stock", flush=True)
    for each in NETWORKS:
        if perf_counter() - began > LIMIT - NETWORK_SECONDS:
            print(f"{each:<10} left out: five minutes are over")
            continue
        equal = equality(each, backend, data)
        turns = contest(each, backend, data=source, data_dir=None, rounds=ROUNDS, seconds=SECONDS, runs=1)
        print(line(each, turns, best, equal), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
