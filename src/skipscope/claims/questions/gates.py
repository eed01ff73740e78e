"""E1 to E5: what squeeze-and-excitation gates are said to do (Hu et al. 2018)."""

from skipscope.claims.contrasts import counted, pairs, per_image, tested, two_by_two
from skipscope.claims.evidence import Evidence
from skipscope.claims.question import Question, alone, compared
from skipscope.spec.comparison import Comparison


def is_square(_evidence: Evidence, comparison: Comparison) -> bool:
    """Whether it is a 2 x 2 of pool and gate."""
    return comparison.across in ("gate", "pool")


GATED, GATE = alone(Evidence.is_gated), compared("gate")
SQUARE = compared("pool", is_square)

GATES: dict[str, tuple[Question, ...]] = {
    "E1": (
        Question(part="class_share", of=GATED, quantity="class share", by=pairs, study="lab", probe="gates"),
        Question(part="saturation", of=GATED, quantity="saturation", by=pairs, study="lab", probe="gates"),
    ),
    "E2": (
        Question(part="parameters", of=GATE, by=counted(lambda card: card.params), study="fair"),
        Question(part="arithmetic", of=GATE, by=counted(lambda card: card.macs), study="fair"),
        Question(
            part="time",
            of=GATE,
            quantity="images per second",
            by=per_image,
            timed=True,
            study="fair",
        ),
    ),
    "E3": (Question(part="accuracy", of=GATE, quantity="test accuracy", by=tested, study="fair"),),
    "E4": tuple(
        Question(part=part, of=GATED, quantity=quantity, by=pairs, study="lab", probe="gate_surgery")
        for part, quantity in (
            ("mean", "mean gates"),
            ("other", "gates of another"),
            ("one", "gates of one"),
        )
    ),
    "E5": (
        Question(part="pool", of=SQUARE, quantity="test accuracy", by=tested, study="stem"),
        Question(
            part="gate",
            of=compared("gate", is_square),
            quantity="test accuracy",
            by=tested,
            study="stem",
        ),
        Question(
            part="interaction",
            of=SQUARE,
            least=2,
            quantity="test accuracy",
            by=two_by_two,
            study="stem",
        ),
        Question(
            part="whole",
            of=SQUARE,
            among=lambda square: square.diagonal,
            least=2,
            quantity="test accuracy",
            by=tested,
            study="stem",
        ),
    ),
}
"""Claim by claim, part by part; what the parts are and what counts as shown stands in `parts.toml`."""
