"""Checks whether the parts of a study, each valid by itself, fit together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from skipscope.spec.network import network_name
from skipscope.spec.problems import KeyPath

if TYPE_CHECKING:
    from skipscope.spec import StudySpec

Problem = tuple[KeyPath, ValidationError | str]


def inconsistencies(study: "StudySpec") -> Iterator[Problem]:
    """Yields every problem with the path to the key that has it."""
    for label in _repeated(arm.label for arm in study.arm):
        yield (), f"two arms are called {label!r}: give one of them a name"
    for index, arm in enumerate(study.arm):
        try:
            study.recipe_of(arm)
        except ValidationError as error:
            yield ("arm", index, "recipe"), error
    yield from _of_initial(study)
    yield from _of_comparisons(study)


def _of_initial(study: "StudySpec") -> Iterator[Problem]:
    """Yields networks that would not be measured before training, or twice."""
    if study.initial and not study.initial_seeds:
        yield ("initial",), "these networks are measured with initial_seeds, which is 0: set it"
    names = [network_name(model) for model in study.initial]
    for label in sorted({*_repeated(names)} | {arm.label for arm in study.arm} & {*names}):
        yield ("initial",), f"{label!r} is there already, and measured as it starts"


def _of_comparisons(study: "StudySpec") -> Iterator[Problem]:
    """Yields names in comparisons that no arm has."""
    known = {arm.label for arm in study.arm} | {network_name(model) for model in study.initial}
    for index, comparison in enumerate(study.comparison):
        for side in ("treated", "control"):
            for label in getattr(comparison, side):
                if label not in known:
                    allowed = ", ".join(sorted(known))
                    yield ("comparison", index, side), f"there is no arm {label!r}; there are {allowed}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
