"""Cost of probes: in-step probes as a share of a `lab` run, and frozen probes in seconds per network.

`python benchmarks/probes.py` takes steps of each classroom network with and without recording, in turns, in
one thread; the share is that of the steps recorded by default in five epochs of 45,000 images.
`python benchmarks/probes.py resnet20 se_resnet` times each frozen probe of these networks instead, in seconds
of one core and with the backend that is fastest on this machine, as in a worker; and says how much of it the
probe's `passes` and `seconds` estimate. The networks are trained for some steps, as curvature converges later
on others.
"""

import statistics
import sys
from dataclasses import replace
from time import perf_counter, process_time

import numpy as np
import torch

from skipscope.data.dataset import load
from skipscope.engine.autotune import Autotuner
from skipscope.models.registry import build
from skipscope.probes.cost import seconds_per_pass
from skipscope.probes.measure import measure, of_trained, view_of
from skipscope.probes.registry import PROBES
from skipscope.probes.schedule import due
from skipscope.probes.step import StepRecorder
from skipscope.spec import Backend, Recipe, load_study
from skipscope.training.backend import computing, device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import SAMPLE, sample
from skipscope.training.loop import forward, update
from skipscope.training.optimizer import SGD

ROUNDS = 12
STEPS, EPOCHS = 351, 5
TRAINED = 40
"""Steps that networks are trained for before frozen probes are timed."""


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
    """Train a network for some steps and print a line per frozen probe, with what is estimated."""
    data = load("cifar10")
    recipe = Recipe(learning_rate=0.05, batch_size=64, clip_norm=1.0).resolved(way)
    recipe = recipe.model_copy(update={"precision": "fp32"})
    network, batches = to_device(build(name), recipe, device()), BatchMaker(data, recipe, device())
    optimizer, positions = SGD(network, recipe), np.arange(TRAINED * recipe.batch_size)
    for step in np.split(positions, TRAINED):
        loss, _ = forward(network.train(), *batches(data.train, step), recipe)
        update(loss, network, optimizer, recipe, recipe.learning_rate)
    view = replace(view_of(network, *sample(data, batches)), start=build(name).state_dict())
    whole = 0.0
    with computing(recipe, device()):
        a_pass = seconds_per_pass(view.model, view.images, process_time)
        for each in of_trained(None, view.anatomy):
            start = process_time()
            count = len(list(measure(each, view)))
            seconds = process_time() - start
            whole += seconds
            declared = each.seconds + a_pass * each.passes(SAMPLE)
            share = f"{seconds / a_pass:8,.0f} passes, estimated {declared / seconds:5.2f} of it"
            print(f"{name:14} {each.name:18} {seconds:6.1f} s {count:7,} readings {share}", flush=True)
    print(f"{name:14} {'all':18} {whole:6.1f} s, a pass {1000 * a_pass:.3f} ms", flush=True)


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
