"""S1 to S7: what shortcuts are said to do (He et al. 2015, 2016; Veit et al.; Balduzzi et al.; Li et al.)."""

from skipscope.claims.contrasts import (
    deep_minus_shallow,
    growth,
    pairs,
    slope,
    slope_by_doubling,
)
from skipscope.claims.evidence import Evidence
from skipscope.claims.question import Chosen, Question, alone, compared, deepest, ends
from skipscope.spec.comparison import Comparison


def normalised(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether it is of networks with BatchNorm: of those without, it is a control."""
    return not bare(evidence, comparison)


def bare(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether no network of it has BatchNorm."""
    return not any(evidence.is_normalised(arm) for arm in comparison.arms)


def on_their_own(*, shortcuts: bool, norm: bool) -> Chosen:
    """The networks with shortcuts that add, or without; with BatchNorm, or without."""

    def that(evidence: Evidence, arm: str) -> bool:
        kind = evidence.is_residual(arm) if shortcuts else evidence.is_plain(arm)
        return kind and evidence.is_normalised(arm) == norm

    return alone(that, initial=True)


def residual(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether its treated networks have shortcuts that add."""
    return all(evidence.is_residual(arm) for arm in comparison.treated)


WITH_NORM = compared("shortcut", normalised)
WITHOUT = compared("shortcut", bare)
RESIDUAL = alone(Evidence.is_residual)
GRADIENTS, SHATTERING = "gradients at the start", "shattering at the start"

SHORTCUT: dict[str, tuple[Question, ...]] = {
    "S1": (
        Question(
            part="start_depth",
            of=WITH_NORM,
            quantity=GRADIENTS,
            by=slope,
            least=2,
            start=True,
            study="depth",
        ),
        Question(
            part="start",
            of=WITH_NORM,
            quantity=GRADIENTS,
            by=pairs,
            among=deepest,
            start=True,
            study="depth",
        ),
        Question(
            part="training",
            of=WITH_NORM,
            quantity="gradients in training",
            by=pairs,
            among=deepest,
            study="depth",
            probe="gradient_flow",
        ),
        Question(
            part="training_depth",
            of=WITH_NORM,
            quantity="gradients in training",
            by=slope,
            least=2,
            study="depth",
            probe="gradient_flow",
        ),
        Question(
            part="nobn_depth",
            of=WITHOUT,
            quantity=GRADIENTS,
            by=slope,
            least=2,
            start=True,
            study="depth",
        ),
        Question(
            part="nobn",
            of=WITHOUT,
            quantity=GRADIENTS,
            by=pairs,
            among=deepest,
            start=True,
            study="depth",
        ),
        *(
            Question(
                part=part,
                of=on_their_own(shortcuts=shortcuts, norm=norm),
                quantity=GRADIENTS,
                by=pairs,
                start=True,
                study="depth",
            )
            for part, shortcuts, norm in (
                ("arrives", True, True),
                ("fades", False, True),
                ("nobn_arrives", True, False),
                ("nobn_fades", False, False),
            )
        ),
    ),
    "S2": (
        Question(
            part="slope",
            of=compared("depth", residual),
            quantity="training error",
            by=slope,
            least=2,
            study="depth",
        ),
    ),
    "S3": tuple(
        Question(
            part=part,
            of=WITH_NORM,
            quantity="training error",
            by=by,
            among=among,
            least=2,
            study="depth",
        )
        for part, by, among in (
            ("interaction", deep_minus_shallow, ends),
            ("plain", growth, lambda each: ends(each).along("control")),
            ("resnet", growth, lambda each: ends(each).along("treated")),
        )
    ),
    "S4": (
        Question(
            part="deeper",
            of=compared("depth", residual),
            quantity="branches",
            by=slope_by_doubling,
            least=2,
            study="depth",
            probe="activations",
        ),
        Question(part="close", of=RESIDUAL, quantity="branches", by=pairs, study="lab", probe="activations"),
    ),
    "S5": (
        Question(
            part="fewer_lost",
            of=WITH_NORM,
            quantity="deletions",
            by=pairs,
            study="fair",
            probe="block_deletion",
        ),
        Question(
            part="little", of=RESIDUAL, quantity="deletions", by=pairs, study="lab", probe="block_deletion"
        ),
    ),
    "S6": (
        Question(
            part="start_depth",
            of=WITH_NORM,
            quantity=SHATTERING,
            by=slope,
            least=2,
            start=True,
            study="depth",
        ),
        Question(
            part="start",
            of=WITH_NORM,
            quantity=SHATTERING,
            by=pairs,
            among=deepest,
            start=True,
            study="depth",
        ),
        Question(
            part="nobn",
            of=WITHOUT,
            quantity=SHATTERING,
            by=pairs,
            among=deepest,
            start=True,
            study="depth",
        ),
        Question(
            part="trained",
            of=WITH_NORM,
            quantity="shattering",
            by=pairs,
            among=deepest,
            study="fair",
            probe="shattering",
        ),
    ),
    "S7": tuple(
        Question(
            part=part,
            of=WITH_NORM,
            quantity=part,
            by=pairs,
            among=deepest,
            study="fair",
            probe=probe,
        )
        for part, probe in (("eigenvalue", "curvature"), ("slice", "landscape"), ("plane", "landscape"))
    ),
}
"""Claim by claim, part by part; what the parts are and what counts as shown stands in `parts.toml`."""
