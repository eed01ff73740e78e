"""Estimates what a study takes, from measured seconds per image. Pure functions: nothing is timed here."""

import heapq
from collections.abc import Callable, Iterable

from skipscope.engine.resolve import arms_of
from skipscope.records.schema import DataCard
from skipscope.spec import Recipe, StudySpec

START_SECONDS = 4.0
"""Until a worker process makes its first step: it imports torch and opens the data set."""
PROBE_PASSES = 100_000
"""Forward passes that take about as long as all probes of a trained network."""
INITIAL_IMAGES = 1_000
"""Images of a training step in fp32 that take about as long as the probes of an untrained network."""
FORWARD = 1 / 3
"""Share of a training step that its forward pass takes."""

SecondsPerImage = Callable[[str, Recipe], float]
"""Gives the seconds of a network's training step under a recipe, measured on this machine."""


def run_seconds(
    seconds: float, recipe: Recipe, data: DataCard, images: int, *, left: float = 1.0, probed: bool
) -> float:
    """Estimates a run, and all that comes after its last step.

    Args:
        seconds: of a training step, per image.
        recipe: how it is trained.
        data: how many images it is validated and tested on.
        images: how many it is trained on.
        left: share of its steps still to be made.
        probed: whether the trained network is measured.
    """
    trained = left * recipe.epochs * (images + data.validation * FORWARD)
    return START_SECONDS + seconds * (trained + (data.test + PROBE_PASSES * probed) * FORWARD)


def probe_seconds(seconds: float) -> float:
    """Estimates how long it takes to measure a finished run, from seconds per image of a training step."""
    return START_SECONDS + seconds * PROBE_PASSES * FORWARD


def study_seconds(study: StudySpec, per_image: SecondsPerImage, data: DataCard, jobs: int) -> float:
    """Estimates the whole study, none of it done, with `jobs` runs side by side."""
    images = study.train_limit or data.train
    costs: list[float] = []
    for arm, (model, recipe) in zip(study.arm, arms_of(study), strict=True):
        probed = study.probes_of(arm.label) != ()
        seconds = run_seconds(per_image(model, recipe), recipe, data, images, probed=probed)
        costs += [seconds] * study.seeds_of(arm)
    return makespan(sorted(costs, reverse=True), jobs)


def makespan(seconds: Iterable[float], jobs: int) -> float:
    """Returns when the last job ends if each, in this order, goes to the first free of `jobs` workers."""
    ends = [0.0] * jobs
    for cost in seconds:
        heapq.heapreplace(ends, ends[0] + cost)
    return max(ends)
