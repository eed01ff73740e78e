"""Claims of made-up parts, and effects for them to be judged by."""

from typing import Any

from scipy.special import stdtrit

from skipscope.analysis.statistics import Estimate
from skipscope.claims.catalogue import Claim, Part, catalogue, part_of
from skipscope.claims.comparisons import compared
from skipscope.claims.confounds import Confound
from skipscope.claims.model import Measurement
from skipscope.spec.comparison import Comparison

PAIR = Comparison(treated=("resnet20",), control=("plain20",), factor="shortcut")
STEM = Confound(what="stem", treated="conv 3x3", control="conv 7x7/2")


def effect(low: float, high: float, *, n: int = 8, level: bool = False) -> Estimate:
    """An interval as wide as t makes it."""
    error = (high - low) / 2 / stdtrit(n - 1, 0.975)
    return Estimate(
        value=(low + high) / 2,
        low=low,
        high=high,
        n=n,
        spread=error * n**0.5,
        error=error,
        freedom=n - 1,
        level=level,
    )


def claim(*parts: Part, needs: str = "all", id: str = "S2", group: str = "shortcuts") -> Claim:
    made = {"id": id, "group": group, "needs": needs, "parts": {part.id: part for part in parts}}
    return next(iter(catalogue().values())).model_copy(update=made)


EIGENVALUE = part_of("S7", "eigenvalue").model_copy(
    update={
        "comparisons": compared("shortcut"),
        "each": "whole",
        "moment": "end",
        "max_loss": None,
        "probe": "",
    }
)
"""What shortcuts do to the largest eigenvalue at the end of training, over all pairs at once."""
PLAIN = part_of("S3", "plain")
"""A part of trained networks, at their end, on a linear scale."""


def part(id: str = "p", direction: str = "above", bound: float = 1.0, **more: Any) -> Part:
    made = {"id": id, "unit": "points", "direction": direction, "bound": bound} | more
    return PLAIN.model_copy(update=made)


def measured(found: Estimate | None, id: str = "p", **more: Any) -> Measurement:
    return Measurement(part=id, comparison=PAIR, effect=found, **more)
