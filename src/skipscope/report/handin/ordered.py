"""Sets the gradients of the four designs beside their training errors, where one study has all four.

If even gradients were what makes a network learn, the two would have one order, before training and in it.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

from skipscope.report.handin.by_depth import depth_of, unique
from skipscope.report.handin.pieces import Level
from skipscope.report.handin.prose import Prose
from skipscope.report.statements import Statement

DESIGNS = {"plain": "plain20", "residual": "resnet20", "gated": "se_resnet20", "dense": "densenet22_k12"}
"""Networks of about one depth, by the words for what connects their layers."""
OWN = ("resnet", "se_resnet", "densenet")
"""The assignment's networks with shortcuts, in that order."""
START, TRAINING = ("first over last at the start", "start"), ("first over last in training", "end")
ERROR = ("training error", "end")


def ordered(prose: Prose) -> list[Statement]:
    """Says in which order the designs come by their gradients and by their training errors.

    Nothing unless the errors fall from design to design, the ratios before training fall with them, and
    those during training rise against them.
    """
    start, training, errors = (
        prose.evidence.together(quantity, DESIGNS.values(), moment)
        for quantity, moment in (START, TRAINING, ERROR)
    )
    if not (start and training and errors) or len({each[0].study for each in (start, training, errors)}) > 1:
        return []
    if not (_falls(start) and _falls(errors) and _falls(training[::-1])):
        return []
    told = {"study": errors[0].study, "layers": depth_of(DESIGNS["residual"])}
    sources = (*unique([start[0].source], "S1c"), errors[0].source)
    said = [prose.say("beside.ordered.reversed", *sources, **told)]
    return [*said, *_alike(prose, errors), prose.say("beside.ordered.so"), *_own(prose)]


def _own(prose: Prose) -> list[Statement]:
    """Says that the assignment's networks with shortcuts come in another order, if they do."""
    quantity, moment = START
    levels = next(prose.evidence.levels(quantity, OWN, moment))
    if len(levels) < len(OWN) or _falls(levels):
        return []
    return [prose.say("beside.ordered.own", levels[0].source)]


def _falls(levels: Sequence[Level]) -> bool:
    return all(after.ends[0] < before.ends[0] for before, after in pairwise(levels))


def _alike(prose: Prose, errors: Sequence[Level]) -> list[Statement]:
    """Names pairs whose errors do not differ beyond their intervals, if there are any."""
    words = prose.context.words
    pairs = [
        words(
            "beside.ordered.pair", one=words(f"beside.ordered.{one}"), other=words(f"beside.ordered.{other}")
        )
        for (one, above), (other, below) in combinations(zip(DESIGNS, errors, strict=True), 2)
        if below.ends[2] >= above.ends[1]
    ]
    return [prose.say("beside.ordered.alike", errors[0].source, pairs=words.listed(pairs))] if pairs else []
