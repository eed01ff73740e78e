"""Which comparisons of a study, and which of their arms, a part of a claim is measured on.

A part names an entry of `COMPARISONS` and one of `SELECTIONS`.
"""

from collections.abc import Callable, Mapping

from skipscope.claims.evidence import Evidence
from skipscope.spec.comparison import Comparison, Factor

FindComparisons = Callable[[Evidence], list[Comparison]]
Selection = Callable[[Comparison], Comparison]
Condition = Callable[[Evidence, Comparison], bool]


def compared(factor: Factor, *conditions: Condition) -> FindComparisons:
    """Comparisons of `factor` that meet the conditions and have a control; depth needs no control."""

    def found(evidence: Evidence) -> list[Comparison]:
        return [
            each
            for each in evidence.comparisons
            if each.factor == factor
            and (each.control or factor == "depth")
            and all(holds(evidence, each) for holds in conditions)
        ]

    return found


def unpaired(*kinds: Callable[[Evidence, str], bool], at_init: bool = False) -> FindComparisons:
    """The arms of all these kinds, without a control; `at_init` includes networks that are never trained."""

    def found(evidence: Evidence) -> list[Comparison]:
        known = evidence.models if at_init else evidence.trained_arms
        arms = tuple(arm for arm in known if all(is_kind(evidence, arm) for is_kind in kinds))
        return [Comparison(treated=arms, factor="network")] if arms else []

    return found


def _without_norm(evidence: Evidence, comparison: Comparison) -> bool:
    return not any(evidence.is_normalised(arm) for arm in comparison.arms)


def _with_norm(evidence: Evidence, comparison: Comparison) -> bool:
    return not _without_norm(evidence, comparison)


def _is_bare(evidence: Evidence, arm: str) -> bool:
    return not evidence.is_normalised(arm)


def _residual_treated(evidence: Evidence, comparison: Comparison) -> bool:
    return all(evidence.is_residual(arm) for arm in comparison.treated)


def _against_plain(evidence: Evidence, comparison: Comparison) -> bool:
    return comparison.across == "depth" and all(evidence.is_plain(arm) for arm in comparison.control)


def _against_residual(evidence: Evidence, comparison: Comparison) -> bool:
    return comparison.across == "depth" and all(evidence.is_residual(arm) for arm in comparison.control)


def _same_depth(_evidence: Evidence, comparison: Comparison) -> bool:
    return comparison.matched == "depth"


def _same_parameters(_evidence: Evidence, comparison: Comparison) -> bool:
    return comparison.matched == "parameters"


def _several_sizes(_evidence: Evidence, comparison: Comparison) -> bool:
    """Dense networks of several sizes against one control."""
    return comparison.across == "network" and len(set(comparison.control)) == 1


def _in_square(_evidence: Evidence, comparison: Comparison) -> bool:
    """The 2 x 2 design of pool and gate."""
    return comparison.across in ("gate", "pool")


COMPARISONS: Mapping[str, FindComparisons] = {
    "shortcut_with_norm": compared("shortcut", _with_norm),
    "shortcut_without_norm": compared("shortcut", _without_norm),
    "residual_depths": compared("depth", _residual_treated),
    "dense_against_plain": compared("dense", _against_plain),
    "dense_against_residual": compared("dense", _against_residual),
    "dense_same_depth": compared("dense", _against_residual, _same_depth),
    "dense_same_parameters": compared("dense", _against_residual, _same_parameters),
    "dense_sizes": compared("dense", _several_sizes),
    "gate": compared("gate"),
    "gate_in_square": compared("gate", _in_square),
    "pool_in_square": compared("pool", _in_square),
    "network": compared("network"),
    "residual": unpaired(Evidence.is_residual),
    "plain": unpaired(Evidence.is_plain),
    "dense": unpaired(Evidence.is_dense),
    "gated": unpaired(Evidence.is_gated),
    "every_arm": unpaired(),
    "residual_with_norm_at_init": unpaired(Evidence.is_residual, Evidence.is_normalised, at_init=True),
    "residual_without_norm_at_init": unpaired(Evidence.is_residual, _is_bare, at_init=True),
    "plain_with_norm_at_init": unpaired(Evidence.is_plain, Evidence.is_normalised, at_init=True),
    "plain_without_norm_at_init": unpaired(Evidence.is_plain, _is_bare, at_init=True),
}
"""By name, as the claims' TOML has it."""


def _ends(comparison: Comparison) -> Comparison:
    return comparison.at(0, -1)


SELECTIONS: Mapping[str, Selection] = {
    "all": lambda comparison: comparison,
    "first": lambda comparison: comparison.at(0),
    "deepest": lambda comparison: comparison.at(-1),
    "ends": _ends,
    "ends_of_treated": lambda comparison: _ends(comparison).along("treated"),
    "ends_of_control": lambda comparison: _ends(comparison).along("control"),
    "diagonal": lambda comparison: comparison.diagonal,
}
"""Pairs of a comparison by depth, least first; no other arm matters to the part."""
