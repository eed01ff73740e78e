"""Time to the accuracy that the usual loop has after five epochs, on validation.

`python benchmarks/accuracy.py cnn resnet` trains the usual loop (SGD 0.01, momentum 0.9, no schedule, no
augmentation) for five epochs on all cores, with an evaluation on the 5,000 validation images after each;
then the `lab` recipe for longer and longer schedules of its own, two seeds side by side on a core each,
as the engine trains them, until the two end at that accuracy or above on average. Ours is the time of the
slower run with its validation, halved, since two come of it; the usual loop's is of training alone, five
times its fastest epoch.

A schedule between one epoch and two is of two epochs on a part of the images (`train_limit`): on three
quarters, then seven eighths, then all of them, and so on from two to three. The first one that reaches the
accuracy is taken, so ours has several tries at it; each has to do it as the mean of two seeds.

With `--short` ours is the recipe in `SHORT` in place of `lab`'s where there is one. It was chosen on the same
5,000 validation images, among recipes of one and two epochs, so that its accuracy on them is a little too
good: say which of the two was measured. The usual loop's recipe is the one that everybody writes, and was
not chosen. The test set had no part in it.
"""

import os
import statistics
import sys
import tempfile
from time import perf_counter

import torch

from skipscope.api import run
from skipscope.bench import usual
from skipscope.data.dataset import Dataset, load
from skipscope.models.registry import build
from skipscope.records.store import Workspace
from skipscope.spec import Arm, load_study

EPOCHS = 5
PARTS = (0.75, 0.875, 1.0)
"""Shares of the training images that a schedule of two epochs or more is tried with."""
SHORT: dict[str, dict[str, float]] = {
    # 62.5 and 62.6 % (seeds 0 and 1, fp32) after two epochs, where lab's batches of 128 with half an epoch of
    # warm-up end at 59.6 %; one epoch of it, without flips, ends at 55.8 %
    "cnn": {"batch_size": 64, "warmup_epochs": 0.2},
}
"""What a recipe for few epochs has in place of the `lab` study's."""


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


def of_ours(name: str, epochs: int, images: int, *, short: bool) -> tuple[float, float]:
    """Seconds for each of two runs side by side, and their mean validation accuracy."""
    lab = load_study("lab")
    recipe = lab.recipe.model_copy(update={"epochs": epochs} | (SHORT.get(name, {}) if short else {}))
    # nothing is measured of the trained network: it is neither in the time nor wanted
    other = {"arm": (Arm(model=name),), "seeds": 2, "recipe": recipe, "probes": (), "train_limit": images}
    study = lab.model_copy(update=other)
    with tempfile.TemporaryDirectory() as folder:
        run(study, folder, jobs=2)
        results = [record.result for record in Workspace(folder).runs() if record.result is not None]
    return (
        max(result.seconds for result in results) / 2,
        statistics.mean(result.val_accuracy for result in results),
    )


def main() -> None:
    """A line a network and schedule; then the usual loop's time for all of them."""
    short = "--short" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--short"] or ["cnn", "resnet", "densenet", "se_resnet"]
    data, trained, evaluated = load("cifar10"), 0.0, 0.0
    schedules = [(1, 1.0)] + [(epochs, part) for epochs in range(2, EPOCHS + 1) for part in PARTS]
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
        for epochs, part in schedules:
            images = round(part * len(data.train))
            mine, accuracy = of_ours(name, epochs, images, short=short)
            reached = accuracy >= target
            end = f"reached, {theirs / mine:.2f} times as fast" if reached else "not reached"
            schedule = f"{epochs} epoch(s) of {images:,} images"
            print(f"  ours, {schedule}: {accuracy:.1%} in {mine:.1f} s a run: {end}", flush=True)
            if reached:
                break
    print(f"the usual loop in all: training {trained / 60:.1f} min, evaluation {evaluated / 60:.1f} min")


if __name__ == "__main__":
    main()
