"""Cuts a study down to the time there is: fewer seeds, then fewer epochs, then fewer training images."""

import math
import re
from collections.abc import Callable, Iterable, Iterator

from skipscope.engine.adapt import cut
from skipscope.errors import UsageError
from skipscope.records.schema import Budget, StudyRecord
from skipscope.spec import StudySpec

UNITS = {"h": 3600, "m": 60, "s": 1}
LEAST_IMAGES = 100


def seconds_of(text: str) -> float:
    """Parses a length of time as people write it: 20m, 1h30m, 90s, 2h.

    Raises:
        UsageError: it is not written that way, or is nothing.
    """
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip().lower().replace(" ", ""))
    counts = found.groups("0") if found else ()
    total = sum(int(count) * unit for count, unit in zip(counts, UNITS.values(), strict=False))
    if not total:
        raise UsageError(f"This is not a length of time: {text!r}.", hint="write it as 20m, 1h30m or 90s")
    return total


def written(seconds: float, step: int = 1) -> str:
    """Formats a length of time, rounded up to whole steps of so many seconds."""
    left, parts = math.ceil(seconds / step) * step, ""
    for unit, of in UNITS.items():
        count, left = divmod(left, of)
        parts += f"{count}{unit}" if count else ""
    return parts


def fit_budget(
    study: StudySpec, images: int, estimate: Callable[[StudySpec], float], budget: float
) -> StudySpec:
    """Returns the largest cut of the study that is estimated to take no longer than `budget` seconds.

    Args:
        study: as it would be without a budget.
        images: its training images.
        estimate: seconds that a study takes; more for more seeds, epochs or images.
        budget: in seconds.

    Raises:
        UsageError: one epoch of one seed on `LEAST_IMAGES` takes longer.
    """
    for smaller in cuts(study, images):
        if estimate(smaller) <= budget:
            return smaller
    least = min(LEAST_IMAGES, images)
    seconds = estimate(cut(study, seeds=1, epochs=1, train_limit=least))
    enough = written(seconds, step=60 if seconds > 600 else 1)
    raise UsageError(
        f"Nothing of {study.name} fits into {written(budget)}.",
        hint=f"give it --budget {enough}: the estimate for one epoch of one seed on {least} images",
    )


def earlier_cut(study: StudySpec, budget: Budget, records: Iterable[StudyRecord]) -> StudySpec | None:
    """Returns what the same budget left of the same study before; cut again, its runs might be others."""
    found = [record.study for record in records if record.budget == budget]
    possible = list(cuts(study, budget.images)) if found else []
    return next((each for each in found if each in possible), None)


def cuts(study: StudySpec, images: int) -> Iterator[StudySpec]:
    """Yields the whole study and its cuts, each cheaper than the one before."""
    yield study
    for seeds in range(study.seeds - 1, 0, -1):
        yield cut(study, seeds=seeds)
    one = cut(study, seeds=1)
    epochs = max(one.recipe_of(arm).epochs for arm in one.arm)
    for fewer in range(epochs - 1, 0, -1):
        yield cut(one, epochs=fewer)
    for share in range(95, 0, -5):
        limit = images * share // 100
        if limit >= LEAST_IMAGES:
            yield cut(one, epochs=1, train_limit=limit)
    if images > LEAST_IMAGES:
        yield cut(one, epochs=1, train_limit=LEAST_IMAGES)
