"""A study cut down to the time there is: fewer seeds, then fewer epochs, then fewer training images."""

import math
import re
from collections.abc import Callable, Iterator

from skipscope.engine.adapt import adapt
from skipscope.errors import UsageError
from skipscope.spec import StudySpec

UNITS = {"h": 3600, "m": 60, "s": 1}
LEAST_IMAGES = 100


def seconds_of(text: str) -> float:
    """A length of time as people write it: 20m, 1h30m, 90s, 2h.

    Raises:
        UsageError: it is not written that way, or is nothing.
    """
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", text.strip().lower().replace(" ", ""))
    total = (
        sum(int(n or 0) * unit for n, unit in zip(parts.groups(), UNITS.values(), strict=True))
        if parts
        else 0
    )
    if not total:
        raise UsageError(f"This is not a length of time: {text!r}.", hint="write it as 20m, 1h30m or 90s")
    return total


def written(seconds: float, step: int = 1) -> str:
    """The same written, and no shorter, in whole steps of so many seconds."""
    left, parts = math.ceil(seconds / step) * step, ""
    for unit, of in UNITS.items():
        count, left = divmod(left, of)
        parts += f"{count}{unit}" if count else ""
    return parts


def fit(study: StudySpec, images: int, estimate: Callable[[StudySpec], float], budget: float) -> StudySpec:
    """The largest cut of the study that is estimated to take no longer than `budget` seconds.

    Args:
        study: as it would be without a budget.
        images: its training images.
        estimate: seconds that a study takes; more for more seeds, epochs or images.
        budget: in seconds.

    Raises:
        UsageError: one epoch of one seed on `LEAST_IMAGES` takes longer.
    """
    for cut in cuts(study, images):
        if estimate(cut) <= budget:
            return cut
    least = min(LEAST_IMAGES, images)
    seconds = estimate(adapt(study, seeds=1, epochs=1, train_limit=least))
    enough = written(seconds, step=60 if seconds > 600 else 1)
    raise UsageError(
        f"Nothing of {study.name} fits into {written(budget)}.",
        hint=f"give it --budget {enough}: the estimate for one epoch of one seed on {least} images",
    )


def cuts(study: StudySpec, images: int) -> Iterator[StudySpec]:
    """From the whole study down, each cheaper than the one before."""
    yield study
    for seeds in range(study.seeds - 1, 0, -1):
        yield adapt(study, seeds=seeds)
    one = adapt(study, seeds=1)
    epochs = max(one.recipe_of(arm).epochs for arm in one.arm)
    for fewer in range(epochs - 1, 0, -1):
        yield adapt(one, epochs=fewer)
    for share in range(95, 0, -5):
        limit = images * share // 100
        if limit >= LEAST_IMAGES:
            yield adapt(one, epochs=1, train_limit=limit)
    if images > LEAST_IMAGES:
        yield adapt(one, epochs=1, train_limit=LEAST_IMAGES)
