"""Checks whether the parts of a study, each valid by itself, fit together."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product
from typing import TYPE_CHECKING

from pydantic import ValidationError

from skipscope.spec.network import network_name
from skipscope.spec.problems import KeyPath

if TYPE_CHECKING:
    from skipscope.spec import StudySpec


def inconsistencies(study: "StudySpec") -> Iterator[tuple[KeyPath, ValidationError | str]]:
    """Yields every problem with the path to the key that has it."""
    labels = [arm.label for arm in study.arm]
    initial = [network_name(model) for model in study.initial]
    for label in _repeated(labels):
        yield (), f"two arms are called {label!r}: give one of them a name"
    for index, arm in enumerate(study.arm):
        try:
            study.recipe_of(arm)
        except ValidationError as error:
            yield ("arm", index, "recipe"), error
        if study.seeds_of(arm) > study.seeds:
            yield ("arm", index, "seeds"), f"these are more than the study's {study.seeds}: raise that"
    if initial and not study.initial_seeds:
        yield ("initial",), "these networks are measured with initial_seeds, which is 0: set it"
    for label in sorted({*_repeated(initial)} | {*labels} & {*initial}):
        yield ("initial",), f"{label!r} is there already, and measured as it starts"
    known = {*labels, *initial}
    for (index, comparison), side in product(enumerate(study.comparison), ("treated", "control")):
        for label in getattr(comparison, side):
            if label not in known:
                allowed = ", ".join(sorted(known))
                yield ("comparison", index, side), f"there is no arm {label!r}; there are {allowed}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
