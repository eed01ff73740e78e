"""Time to the accuracy that the usual loop has after five epochs, on validation.

`python benchmarks/accuracy.py cnn resnet` trains the usual loop (SGD 0.01, momentum 0.9, no schedule, no
augmentation) for five epochs on all cores, with an evaluation on the 5,000 validation images after each;
then the `lab` recipe for one, two, ... epochs of its own schedule, two seeds side by side on a core each,
as the engine trains them, until the two end at that accuracy or above on average. Ours is the time of the
slower run with its validation, halved, since two come of it; the usual loop's is of training alone, five
times its fastest epoch.
"""

import os
import statistics
import sys
import tempfile
from time import perf_counter

import torch

from skipscope.bench import usual
from skipscope.data.dataset import Dataset, load
from skipscope.engine.study import run
from skipscope.models.registry import build
from skipscope.records.store import Workspace
from skipscope.spec import Arm, load_study

EPOCHS = 5


def of_usual(name: str, data: Dataset) -> tuple[list[float], list[float], float]:
    """Seconds of training and of evaluation, epoch by epoch, and the accuracy in the end."""
    torch.manual_seed(0)
    model = build(name)
    steps, training, evaluation, accuracy = usual.steps(model, data, augmented=False), [], [], 0.0
    for _ in range(EPOCHS):
        start = perf_counter()
        for _ in range(len(data.train) // usual.BATCH):
            next(steps)
        training.append(perf_counter() - start)
        start = perf_counter()
        accuracy = usual.accuracy(model, data)
        evaluation.append(perf_counter() - start)
    return training, evaluation, accuracy


def of_ours(name: str, epochs: int) -> tuple[float, float]:
    """Seconds for each of two runs side by side, and their mean validation accuracy."""
    lab = load_study("lab")
    recipe = lab.recipe.model_copy(update={"epochs": epochs})
    study = lab.model_copy(update={"arm": (Arm(model=name),), "seeds": 2, "recipe": recipe})
    with tempfile.TemporaryDirectory() as folder:
        run(study, folder, jobs=2)
        results = [record.result for record in Workspace(folder).runs() if record.result is not None]
    return (
        max(result.seconds for result in results) / 2,
        statistics.mean(result.val_accuracy for result in results),
    )


def main() -> None:
    """A line a network and schedule; then the usual loop's time for all of them."""
    names = sys.argv[1:] or ["cnn", "resnet", "densenet", "se_resnet"]
    data, trained, evaluated = load("cifar10"), 0.0, 0.0
    print(f"{os.cpu_count()} cores", flush=True)
    for name in names:
        training, evaluation, target = of_usual(name, data)
        theirs = EPOCHS * min(training)  # in the others it may have been disturbed
        trained, evaluated = trained + theirs, evaluated + EPOCHS * min(evaluation)
        print(
            f"{name}: usual loop, {EPOCHS} epochs: {target:.1%} in {theirs:.0f} s (epochs of "
            f"{min(training):.1f} to {max(training):.1f} s, and {min(evaluation):.1f} s of evaluation)",
            flush=True,
        )
        for epochs in range(1, EPOCHS + 1):
            mine, accuracy = of_ours(name, epochs)
            reached = accuracy >= target
            end = f"reached, {theirs / mine:.2f} times as fast" if reached else "not reached"
            print(f"  ours, {epochs} epoch(s): {accuracy:.1%} in {mine:.1f} s a run: {end}", flush=True)
            if reached:
                break
    print(f"the usual loop in all: training {trained / 60:.1f} min, evaluation {evaluated / 60:.1f} min")


if __name__ == "__main__":
    main()
