"""D1 to D4: what concatenation is said to do (Huang et al. 2017)."""

from skipscope.claims import structure
from skipscope.claims.contrasts import (
    counted,
    deep_minus_shallow,
    pairs,
    parameters_needed,
    slope,
    tested,
)
from skipscope.claims.evidence import Evidence
from skipscope.claims.question import Question, alone, compared, deepest, ends
from skipscope.spec.comparison import Comparison


def beside_plain(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether control has no shortcuts."""
    return all(evidence.is_plain(arm) for arm in comparison.control) and comparison.across == "depth"


def beside_residual(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether control has shortcuts that add."""
    return all(evidence.is_residual(arm) for arm in comparison.control) and comparison.across == "depth"


def as_large(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether it is beside a residual network with as many parameters."""
    return comparison.matched == "parameters" and beside_residual(evidence, comparison)


def as_deep(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether it is beside a residual network as deep."""
    return comparison.matched == "depth" and beside_residual(evidence, comparison)


def of_sizes(_evidence: Evidence, comparison: Comparison) -> bool:
    """Whether dense networks of several sizes are beside one other."""
    return comparison.across == "network" and len(set(comparison.control)) == 1


PLAIN, LARGE = compared("dense", beside_plain), compared("dense", as_large)
RESIDUAL, DEEP = compared("dense", beside_residual), compared("dense", as_deep)
# of few channels a larger part is independent, and each has fewer among which to find its like
WIDTH = frozenset({"width"})

DENSE: dict[str, tuple[Question, ...]] = {
    "D1": (
        Question(
            part="weight",
            of=alone(Evidence.is_dense),
            quantity="reuse by weight",
            by=pairs,
            study="lab",
            probe="reuse_by_weight",
        ),
        Question(
            part="ablation",
            of=alone(Evidence.is_dense),
            quantity="reuse by ablation",
            by=pairs,
            study="lab",
            probe="reuse_by_ablation",
        ),
    ),
    "D2": (
        Question(
            part="start_depth",
            of=PLAIN,
            quantity="gradients at the start",
            by=slope,
            least=2,
            start=True,
            study="depth",
        ),
        Question(
            part="start",
            of=PLAIN,
            quantity="gradients at the start",
            by=pairs,
            among=deepest,
            start=True,
            study="depth",
        ),
        Question(
            part="training",
            of=PLAIN,
            quantity="gradients in training",
            by=pairs,
            among=deepest,
            study="depth",
            probe="gradient_flow",
        ),
        Question(
            part="interaction",
            of=PLAIN,
            quantity="training error",
            by=deep_minus_shallow,
            among=ends,
            least=2,
            study="depth",
        ),
    ),
    "D3": (
        Question(
            part="same_parameters",
            of=LARGE,
            quantity="test accuracy",
            by=tested,
            study="fair",
        ),
        Question(
            part="fewer_parameters",
            of=compared("dense", of_sizes),
            quantity="test accuracy",
            by=parameters_needed,
            least=2,
            study="fair",
        ),
        Question(part="same_depth", of=DEEP, quantity="test accuracy", by=tested, study="fair"),
        Question(part="arithmetic", of=LARGE, by=counted(lambda card: card.macs), study="fair"),
        Question(part="memory", of=LARGE, by=counted(structure.kept), study="fair"),
    ),
    "D4": (
        Question(
            part="rank",
            of=RESIDUAL,
            quantity="rank",
            by=pairs,
            equal=WIDTH,
            study="fair",
            probe="redundancy",
        ),
        Question(
            part="correlation",
            of=RESIDUAL,
            quantity="correlation",
            by=pairs,
            equal=WIDTH,
            study="fair",
            probe="redundancy",
        ),
    ),
}
"""Claim by claim, part by part; what the parts are and what counts as shown stands in `parts.toml`."""
