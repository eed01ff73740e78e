"""Cost of probes: in-step probes as a share of a `lab` run, and frozen probes in seconds per network.

`python benchmarks/probes.py` takes steps of each classroom network with and without recording, in turns, in
one thread; the share is that of the steps recorded by default in five epochs of 45,000 images.
`python benchmarks/probes.py resnet20 se_resnet` times each frozen probe of these networks instead, on 2,000
noise images, in one thread and with the backend that is fastest on this machine, as in a worker.
"""

import statistics
import sys
from time import perf_counter

import torch

from skipscope.data.dataset import load
from skipscope.engine.autotune import Autotuner
from skipscope.models.registry import build
from skipscope.probes.measure import measure, view_of
from skipscope.probes.registry import PROBES
from skipscope.probes.step import StepRecorder, due
from skipscope.spec import Backend, Recipe, load_study
from skipscope.training.backend import computing, device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import SAMPLE
from skipscope.training.loop import forward, update
from skipscope.training.optimizer import SGD

ROUNDS = 12
STEPS, EPOCHS = 351, 5


def in_step(name: str, way: Backend) -> str:
    """Time of a step with and without recording, and the share of a run."""
    data = load("cifar10")
    recipe = load_study("lab").recipe.resolved(way)
    network = to_device(build(name), recipe, device())
    optimizer, batches = SGD(network, recipe), BatchMaker(data, recipe, device())
    positions = torch.arange(recipe.batch_size).numpy()
    spent: dict[bool, list[float]] = {False: [], True: []}
    for round_ in range(ROUNDS + 2):
        for watched in (False, True):
            start = perf_counter()
            watch = StepRecorder(network) if watched else None
            loss, _ = forward(network, *batches(data.train, positions), recipe, watch)
            update(loss, network, optimizer, recipe, 0.01, watch)
            if watch is not None:
                for probe in PROBES.values():
                    if "step" in probe.when:
                        list(probe.measure(watch.view))
            if round_ >= 2:
                spent[watched].append(perf_counter() - start)
    plain, watching = (statistics.median(spent[watched]) for watched in (False, True))
    measured = sum(due(step, STEPS) for step in range(1, EPOCHS * STEPS + 1))
    extra = measured * (watching - plain)
    share = extra / (EPOCHS * STEPS * plain + extra)
    return (
        f"{name:10} a step {1000 * plain:6.1f} ms, watched {1000 * watching:6.1f} ms, "
        f"{measured} of {EPOCHS * STEPS} watched: {share:.2%} of the run"
    )


def frozen(name: str, way: Backend) -> None:
    """Print a line per frozen probe."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(SAMPLE, 3, 32, 32, generator=generator)
    recipe = Recipe().resolved(way).model_copy(update={"precision": "fp32"})
    view = view_of(to_device(build(name), recipe, device()), images, torch.arange(SAMPLE) % 10)
    whole = 0.0
    for each in PROBES.values():
        if "frozen" in each.when and each.applies_to(view.anatomy):
            start = perf_counter()
            with computing(recipe, device()):
                count = len(list(measure(each, view)))
            seconds = perf_counter() - start
            whole += seconds
            print(f"{name:10} {each.name:18} {seconds:6.1f} s {count:7,} readings", flush=True)
    print(f"{name:10} {'all':18} {whole:6.1f} s", flush=True)


def main() -> None:
    """Print in-step shares, or time the frozen probes of the given networks."""
    torch.set_flush_denormal(True)
    classroom = ["cnn", "resnet", "densenet", "se_resnet"]
    way = Autotuner(load("cifar10")).choose([(name, Recipe()) for name in classroom], threads=1).backend
    torch.set_num_threads(way.threads)
    if names := sys.argv[1:]:
        for name in names:
            frozen(name, way)
        return
    for name in classroom:
        print(in_step(name, way), flush=True)


if __name__ == "__main__":
    main()
