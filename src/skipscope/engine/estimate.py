"""Estimates what a study takes, from measured seconds per image. Pure functions: nothing is timed here."""

import heapq
from collections.abc import Callable, Iterable, Sequence

from skipscope.engine.resolve import arms_of
from skipscope.probes.schedule import CHECKED, checks
from skipscope.records.schema import DataCard
from skipscope.spec import Recipe, StudySpec
from skipscope.training.loop import steps_per_epoch

START_SECONDS = 4.0
"""Until a worker process makes its first step: it imports torch and opens the data set."""
FORWARD = 1 / 3
"""Share of a training step that its forward pass takes."""

SecondsPerImage = Callable[[str, Recipe], float]
"""Gives the seconds of a network's training step under a recipe, measured on this machine."""
SecondsAfter = Callable[[str, str, Recipe], Sequence[float]]
"""Gives the seconds of each task that measures a run of an arm, a network and a recipe."""


def run_seconds(seconds: float, recipe: Recipe, data: DataCard, images: int, *, left: float = 1.0) -> float:
    """Estimates a run's training, and its tests after the last step.

    Args:
        seconds: of a training step, per image.
        recipe: how it is trained.
        data: how many images it is validated and tested on.
        images: how many it is trained on.
        left: share of its steps still to be made.
    """
    within = checks(recipe.epochs, steps_per_epoch(recipe, images), images)
    # a check looks twice: with BatchNorm's running averages, and with the statistics of the batch
    validated = data.validation + 2 * len(within) * min(CHECKED, data.validation)
    trained = left * recipe.epochs * (images + validated * FORWARD)
    # on as many training images as validate, too
    return START_SECONDS + seconds * (trained + (data.test + data.validation) * FORWARD)


def study_seconds(
    study: StudySpec,
    per_image: SecondsPerImage,
    before: SecondsPerImage,
    after: SecondsAfter,
    data: DataCard,
    jobs: int,
) -> float:
    """Estimates the whole study, none of it done, with `jobs` tasks side by side.

    `before` gives the seconds in which a network is measured before its first step.
    """
    images, runs = study.train_limit or data.train, list[tuple[int, float, Sequence[float]]]()
    for arm, (model, recipe) in zip(study.arm, arms_of(study), strict=True):
        training = run_seconds(per_image(model, recipe), recipe, data, images) + before(model, recipe)
        measuring = after(arm.label, model, recipe)
        runs += [(seed, training, measuring) for seed in range(study.seeds_of(arm))]
    rounds = sorted(runs, key=lambda run: (run[0], -run[1]))
    return in_turns(((training, measuring) for _, training, measuring in rounds), jobs)


def in_turns(runs: Iterable[tuple[float, Sequence[float]]], jobs: int, last: Iterable[float] = ()) -> float:
    """Returns when the last task ends, if each goes to the first free of `jobs` workers.

    Args:
        runs: seconds of each training, 0 where there is none, in their order, and of the tasks that measure
            it, which come after it, after all trainings have begun, and the longest first.
        jobs: how many tasks there are at a time.
        last: seconds of tasks that come after all trainings have ended.
    """
    free, ready = [0.0] * jobs, list[tuple[float, float]]()
    for training, after in runs:
        end = heapq.heapreplace(free, free[0] + training) + training if training else 0.0
        ready += [(end, seconds) for seconds in after]
    all_trained = max(free)
    ready += [(all_trained, seconds) for seconds in last]
    while ready:
        now = max(free[0], min(when for when, _ in ready))
        task = max((task for task in ready if task[0] <= now), key=lambda task: task[1])
        ready.remove(task)
        heapq.heapreplace(free, now + task[1])
    return max(free)


def makespan(seconds: Iterable[float], jobs: int) -> float:
    """Returns when the last job ends if each, in this order, goes to the first free of `jobs` workers."""
    return in_turns(((each, ()) for each in seconds), jobs)
