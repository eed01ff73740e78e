"""Time to the validation accuracy that the usual loop reaches in five epochs.

`python benchmarks/accuracy.py cnn resnet` trains the usual loop (SGD 0.01, momentum 0.9, no schedule, no
augmentation) for five epochs on all cores, evaluating the 5,000 validation images after each; then the `lab`
recipe with longer and longer schedules, two seeds side by side on one core each, as the engine trains them,
until their mean accuracy reaches the target. Our time is that of the slower run with its validation, halved
because it yields two runs; the usual loop's is training alone, five times its fastest epoch.

A schedule between one and two epochs is two epochs on part of the images (`train_limit`): three quarters,
seven eighths, then all of them; likewise from two to three. The first schedule that reaches the accuracy is
taken, so ours has several tries; each is judged by the mean of two seeds.

With `--short` the recipe in `SHORT`, if any, replaces `lab`'s. It was chosen on the same 5,000 validation
images among recipes of one and two epochs, so its accuracy on them is slightly optimistic: say which of the
two was measured. The usual loop's recipe is the common default and was not tuned. The test set is not used.
"""

import os
import statistics
import sys
import tempfile
from time import perf_counter

import torch

from skipscope.api.train import run
from skipscope.bench import usual
from skipscope.data.dataset import Dataset, load
from skipscope.models.registry import build
from skipscope.records.store import Workspace
from skipscope.spec import Arm, load_study

EPOCHS = 5
PARTS = (0.75, 0.875, 1.0)
"""Shares of the training images, tried in turn for each schedule of two or more epochs."""
SHORT: dict[str, dict[str, float]] = {
    # 62.5 and 62.6 % (seeds 0 and 1, fp32) after two epochs, where lab's batches of 128 with half an epoch of
    # warm-up end at 59.6 %; one epoch of it, without flips, ends at 55.8 %
    "cnn": {"batch_size": 64, "warmup_epochs": 0.2}
}
"""Overrides of the `lab` recipe for short schedules, by network."""


def of_usual(name: str, data: Dataset) -> tuple[list[float], list[float], float]:
    """The usual loop's seconds of training and of evaluation by epoch, and its final accuracy."""
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
    """Our seconds per run, for two side by side, and their mean validation accuracy."""
    lab = load_study("lab")
    recipe = lab.recipe.model_copy(update={"epochs": epochs} | (SHORT.get(name, {}) if short else {}))
    # no probes: the trained networks are not measured
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
    """Print a line per network and schedule, then the usual loop's total time."""
    short = "--short" in sys.argv
    names = [name for name in sys.argv[1:] if name != "--short"] or ["cnn", "resnet", "densenet", "se_resnet"]
    data, trained, evaluated = load("cifar10"), 0.0, 0.0
    schedules = [(1, 1.0)] + [(epochs, part) for epochs in range(2, EPOCHS + 1) for part in PARTS]
    print(f"{os.cpu_count()} cores", flush=True)
    for name in names:
        training, evaluation, target = of_usual(name, data)
        theirs = EPOCHS * min(training)  # other epochs may have been disturbed
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
