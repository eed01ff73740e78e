"""T1 to T5: how the course of training differs, network beside network."""

from skipscope.claims.contrasts import agreement, pairs, spread, time_to_loss, with_itself
from skipscope.claims.evidence import Evidence
from skipscope.claims.question import Question, alone, compared, first


def anything(_evidence: Evidence, _arm: str) -> bool:
    """Every network."""
    return True


SIDE_BY_SIDE = compared("network")
RESIDUAL, PLAIN = alone(Evidence.is_residual), alone(Evidence.is_plain)

CONVERGENCE: dict[str, tuple[Question, ...]] = {
    "T1": (
        Question(
            part="epochs",
            of=SIDE_BY_SIDE,
            quantity="loss curve",
            by=time_to_loss(0),
            among=first,
            study="lab",
        ),
        Question(
            part="seconds",
            of=SIDE_BY_SIDE,
            quantity="loss curve",
            by=time_to_loss(1),
            among=first,
            timed=True,
            study="lab",
        ),
    ),
    "T2": (
        Question(part="steps", of=SIDE_BY_SIDE, quantity="unsteadiness", by=pairs, study="lab"),
        Question(
            part="seeds",
            of=SIDE_BY_SIDE,
            quantity="validation accuracy",
            by=spread,
            among=first,
            study="fair",
        ),
    ),
    "T3": (Question(part="gap", of=SIDE_BY_SIDE, quantity="gap", by=pairs, study="lab"),),
    "T4": (
        Question(
            part="even", of=RESIDUAL, quantity="early over late", by=pairs, study="lab", probe="update_ratio"
        ),
        Question(
            part="plain", of=PLAIN, quantity="early over late", by=pairs, study="lab", probe="update_ratio"
        ),
    ),
    "T5": (
        Question(
            part="classes",
            of=SIDE_BY_SIDE,
            quantity="class order",
            by=agreement,
            among=first,
            study="lab",
            probe="learning_order",
        ),
        Question(
            part="images",
            of=SIDE_BY_SIDE,
            quantity="image order",
            by=agreement,
            among=first,
            study="lab",
            probe="learning_order",
        ),
        Question(
            part="itself",
            of=alone(anything),
            quantity="image order",
            by=with_itself,
            study="fair",
            probe="learning_order",
        ),
    ),
}
"""Claim by claim, part by part; what the parts are and what counts as shown stands in `parts.toml`."""
