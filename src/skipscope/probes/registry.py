"""The probes by name, in the order of the report."""

from typing import Any

from skipscope.probes.activations import ACTIVATIONS
from skipscope.probes.answers import ANSWERS
from skipscope.probes.base import Probe
from skipscope.probes.block_deletion import BLOCK_DELETION
from skipscope.probes.branch_scale import BRANCH_SCALE
from skipscope.probes.curvature import CURVATURE
from skipscope.probes.gates import GATE_SURGERY, GATES
from skipscope.probes.gradient_confusion import GRADIENT_CONFUSION
from skipscope.probes.gradient_flow import GRADIENT_FLOW
from skipscope.probes.landscape import LANDSCAPE
from skipscope.probes.learning_order import LEARNING_ORDER
from skipscope.probes.linear_probes import LINEAR_PROBES
from skipscope.probes.redundancy import REDUNDANCY
from skipscope.probes.reinitialisation import REINITIALISATION
from skipscope.probes.reuse import REUSE_BY_ABLATION, REUSE_BY_WEIGHT
from skipscope.probes.shattering import SHATTERING
from skipscope.probes.signal_alignment import SIGNAL_ALIGNMENT
from skipscope.probes.update_ratio import UPDATE_RATIO

PROBES: dict[str, Probe[Any]] = {
    probe.name: probe
    for probe in (
        GRADIENT_FLOW,
        UPDATE_RATIO,
        ACTIVATIONS,
        LEARNING_ORDER,
        SHATTERING,
        GRADIENT_CONFUSION,
        BRANCH_SCALE,
        SIGNAL_ALIGNMENT,
        ANSWERS,
        LINEAR_PROBES,
        REUSE_BY_WEIGHT,
        REUSE_BY_ABLATION,
        REDUNDANCY,
        GATES,
        GATE_SURGERY,
        BLOCK_DELETION,
        REINITIALISATION,
        LANDSCAPE,
        CURVATURE,
    )
}
