"""The probes by name, in the order in which a report tells of them."""

from typing import Any

from skipscope.probes.activations import ACTIVATIONS
from skipscope.probes.base import Probe
from skipscope.probes.gradient_flow import GRADIENT_FLOW
from skipscope.probes.learning_order import LEARNING_ORDER
from skipscope.probes.update_ratio import UPDATE_RATIO

PROBES: dict[str, Probe[Any]] = {
    probe.name: probe
    for probe in (
        GRADIENT_FLOW,
        UPDATE_RATIO,
        ACTIVATIONS,
        LEARNING_ORDER,
    )
}
