"""How much each layer moves: the norm of a step's update over the norm of the weight."""

from collections.abc import Iterable

from skipscope.probes.base import Probe, Reading, StepView, ratio


def measure(view: StepView) -> Iterable[Reading]:
    """Reads |w after - w before| / |w before| of each layer."""
    for weight in view.weights:
        if weight.update is not None and weight.weight:
            yield Reading(module=weight.module, quantity="ratio", value=ratio(weight.update, weight.weight))


UPDATE_RATIO = Probe(
    name="update_ratio",
    when=frozenset({"step"}),
    measure=measure,
    units={"ratio": "L2 norm of the update over L2 norm of the weight, without unit"},
    source="You et al. 2017, section 4 (the inverse of their ratio, times the learning rate)",
    cost="a copy of the weights at a measured step",
)
