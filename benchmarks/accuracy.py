"""Time to the accuracy that the usual loop has after five epochs, on validation.

`python benchmarks/accuracy.py cnn resnet` trains the usual loop (SGD 0.01, momentum 0.9, no schedule, no
augmentation) for five epochs on all cores, then the `lab` recipe for one, two, ... epochs of its own schedule
on one core, until a run ends at that accuracy or above. Times are of training alone.
"""

import sys
from time import perf_counter

import torch

from skipscope.bench import usual
from skipscope.data.dataset import Dataset, load
from skipscope.engine.measure import Machine
from skipscope.models.registry import build
from skipscope.spec import DataRef, Recipe, RunSpec, Way, load_study
from skipscope.training.checkpoint import Progress
from skipscope.training.evaluate import Inputs, evaluate
from skipscope.training.loop import fit
from skipscope.training.precision import device, place
from skipscope.training.sgd import SGD

EPOCHS = 5


def of_usual(name: str, data: Dataset, way: Way) -> tuple[float, float]:
    """Seconds and validation accuracy after five epochs."""
    torch.manual_seed(0)
    model = build(name)
    start, wanted = perf_counter(), EPOCHS * (len(data.train) // usual.BATCH)
    for count, _ in enumerate(usual.steps(model, data, augmented=False), start=1):
        if count == wanted:
            break
    seconds = perf_counter() - start
    plain = Recipe().resolved(way).model_copy(update={"precision": "fp32", "kernels": "stock"})
    _, accuracy = evaluate(model, data.validation, Inputs(data, plain, device()), plain)
    return seconds, accuracy


def of_ours(name: str, data: Dataset, way: Way, epochs: int) -> tuple[float, float]:
    """Seconds (with validation after each epoch) and validation accuracy of a run of so many epochs."""
    recipe = load_study("lab").recipe.model_copy(update={"epochs": epochs}).resolved(way)
    spec = RunSpec(model=name, seed=0, recipe=recipe, data=DataRef(name="cifar10", sha256=data.sha256))
    start, progress = perf_counter(), Progress()
    model = place(build(name), recipe, device())
    inputs, optimizer = Inputs(data, recipe, device()), SGD(model, recipe)
    for _ in fit(model, optimizer, inputs, spec, data, progress):
        pass
    return perf_counter() - start, progress.val_accuracy


def main() -> None:
    """A line a network and schedule."""
    data = load("cifar10")
    names = sys.argv[1:] or ["cnn", "resnet", "densenet", "se_resnet"]
    way = Machine(data).choose([(name, Recipe()) for name in names], threads=1).way
    for name in names:
        theirs, target = of_usual(name, data, way)
        print(f"{name}: usual loop, {EPOCHS} epochs: {target:.1%} in {theirs:.0f} s", flush=True)
        threads = torch.get_num_threads()
        torch.set_num_threads(way.threads)
        torch.set_flush_denormal(True)
        for epochs in range(1, EPOCHS + 1):
            mine, accuracy = of_ours(name, data, way, epochs)
            reached = accuracy >= target
            end = f"reached, {theirs / mine:.2f} times as fast" if reached else "not reached"
            print(f"  ours, {epochs} epoch(s) on one core: {accuracy:.1%} in {mine:.0f} s: {end}", flush=True)
            if reached:
                break
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


if __name__ == "__main__":
    main()
