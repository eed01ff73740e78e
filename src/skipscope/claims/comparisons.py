"""Which comparisons of a study, and which of their arms, a part of a claim is measured on.

A part names an entry of `COMPARISONS` and one of `SELECTIONS`.
"""

import re
from collections.abc import Callable, Mapping
from math import inf
from typing import Literal

from skipscope.claims.evidence import Evidence
from skipscope.spec.comparison import Comparison, Factor

FindComparisons = Callable[[Evidence], list[Comparison]]
Selection = Callable[[Comparison], Comparison]
Condition = Callable[[Evidence, Comparison], bool]
Kind = Callable[[Evidence, str], bool]


def compared(factor: Factor, *conditions: Condition, at_other_rates: bool = False) -> FindComparisons:
    """Comparisons of `factor` that meet the conditions and have a control; depth needs no control.

    Those in which learning rates differ, and no others, if `at_other_rates`.
    """

    def found(evidence: Evidence) -> list[Comparison]:
        given = (each for each in evidence.comparisons if each.factor == factor)
        given = (each for each in given if each.at_other_rates is at_other_rates)
        given = (each for each in given if each.control or factor == "depth")
        return [each for each in given if all(holds(evidence, each) for holds in conditions)]

    return found


def unpaired(*kinds: Kind, at_init: bool = False) -> FindComparisons:
    """The arms of all these kinds, without a control; `at_init` includes networks that are never trained.

    A network counts once: of several arms that have it the first is asked, and none that is there for its
    learning rate.
    """

    def found(evidence: Evidence) -> list[Comparison]:
        known = evidence.models if at_init else evidence.trained_arms
        left_out = evidence.study.at_other_rates
        asked = [arm for arm in known if arm not in left_out]
        firsts = {evidence.asked_for[arm]: arm for arm in reversed(asked)}.values()
        arms = tuple(
            arm for arm in asked if arm in firsts and all(is_kind(evidence, arm) for is_kind in kinds)
        )
        return [Comparison(treated=arms, factor="network")] if arms else []

    return found


def from_depth(least: int, find: FindComparisons) -> FindComparisons:
    """The pairs of these comparisons in which both networks have this many layers at least."""

    def found(evidence: Evidence) -> list[Comparison]:
        kept = []
        for each in find(evidence):
            pairs = zip(each.treated, each.control or each.treated, strict=True)
            deep = [i for i, pair in enumerate(pairs) if min(_layers(evidence, arm) for arm in pair) >= least]
            kept += [each.at(*deep)] if deep else []
        return kept

    return found


def _layers(evidence: Evidence, arm: str) -> float:
    """The layers of a network; of one without a record those in its name, without end if it has none."""
    if arm in evidence.cards:
        [depth] = evidence.depths((arm,))
        return depth
    named = re.search(r"\d+", evidence.models.get(arm, ""))
    return float(named[0]) if named else inf


def side_by_side(evidence: Evidence) -> list[Comparison]:
    """Pairs of networks whose training is told side by side, whatever else they differ in.

    With shortcuts and without, dense and residual, with gates and without; if a study has none, any.
    """
    pairs = [pair for name in _TOLD for each in COMPARISONS[name](evidence) for pair in each.pairs]
    alone = [pair.model_copy(update={"factor": "network", "matched": None}) for pair in pairs]
    return list(dict.fromkeys(alone)) or COMPARISONS["network"](evidence)


def _is_bare(evidence: Evidence, arm: str) -> bool:
    return not evidence.is_normalised(arm)


def _without_norm(evidence: Evidence, comparison: Comparison) -> bool:
    return all(_is_bare(evidence, arm) for arm in comparison.arms)


def _with_norm(evidence: Evidence, comparison: Comparison) -> bool:
    return not _without_norm(evidence, comparison)


def _all(side: Literal["treated", "control"], is_kind: Kind) -> Condition:
    """Whether all networks of one side are of a kind."""
    return lambda evidence, comparison: all(is_kind(evidence, arm) for arm in getattr(comparison, side))


def _has(name: Literal["across", "matched"], *values: str) -> Condition:
    return lambda _evidence, comparison: getattr(comparison, name) in values


def _is_tuned(_evidence: Evidence, comparison: Comparison) -> bool:
    return comparison.tuned


def _has_fewer_parameters(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether treated networks have at most `SMALLER` of their controls' parameters.

    Of a plan it is not known, but for networks that are said to have as many.
    """
    cards = evidence.cards
    if not set(comparison.arms) <= cards.keys():
        return comparison.matched != "parameters"
    return all(
        cards[one].params <= SMALLER * cards[other].params
        for one, other in zip(comparison.treated, comparison.control, strict=True)
    )


_AGAINST_RESIDUAL = _has("across", "depth"), _all("control", Evidence.is_residual)
DEEP, VERY_DEEP = 20, 56
"""Layers from which on a network is called so: the fewest and the most of plain ones in He et al. (2015)."""
SMALLER = 0.6
"""Share of the parameters with which a dense network is to be as accurate."""
_TOLD = "shortcut_with_norm", "dense_against_residual", "gate"
_IN_SQUARE = _has("across", "gate", "pool")
"""The 2 x 2 design of pool and gate."""

COMPARISONS: Mapping[str, FindComparisons] = {
    "shortcut_with_norm": compared("shortcut", _with_norm),
    "shortcut_without_norm": compared("shortcut", _without_norm),
    "shortcut_deep": from_depth(DEEP, compared("shortcut", _with_norm)),
    "shortcut_tuned": compared("shortcut", _with_norm, _is_tuned, at_other_rates=True),
    "shortcut_at_rates": compared("shortcut", _with_norm, _has("across", "rate"), at_other_rates=True),
    "residual_depths": compared("depth", _all("treated", Evidence.is_residual)),
    "dense_against_plain": compared("dense", _has("across", "depth"), _all("control", Evidence.is_plain)),
    "dense_against_residual": compared("dense", *_AGAINST_RESIDUAL),
    "dense_same_parameters": compared("dense", *_AGAINST_RESIDUAL, _has("matched", "parameters")),
    "dense_fewer_parameters": compared("dense", *_AGAINST_RESIDUAL, _has_fewer_parameters),
    "gate": compared("gate"),
    "gate_content": compared("gate_content"),
    "gate_scale": compared("gate_scale"),
    "halving": compared("halving"),
    "concatenation": compared("concatenation"),
    "gate_in_square": compared("gate", _IN_SQUARE),
    "pool_in_square": compared("pool", _IN_SQUARE),
    "network": compared("network"),
    "course": side_by_side,
    "residual": unpaired(Evidence.is_residual),
    "dense": unpaired(Evidence.is_dense),
    "gated": unpaired(Evidence.is_gated),
    "residual_with_norm_at_init": unpaired(Evidence.is_residual, Evidence.is_normalised, at_init=True),
    "residual_without_norm_at_init": unpaired(Evidence.is_residual, _is_bare, at_init=True),
    "plain_deep_at_init": from_depth(DEEP, unpaired(Evidence.is_plain, Evidence.is_normalised, at_init=True)),
    "plain_deep_without_norm_at_init": from_depth(DEEP, unpaired(Evidence.is_plain, _is_bare, at_init=True)),
    "plain_very_deep": from_depth(VERY_DEEP, unpaired(Evidence.is_plain, Evidence.is_normalised)),
}
"""By name, as the claims' TOML has it."""


SELECTIONS: Mapping[str, Selection] = {
    "all": lambda comparison: comparison,
    "deepest": lambda comparison: comparison.at(-1),
    "ends": lambda comparison: comparison.at(0, -1),
    "ends_of_treated": lambda comparison: comparison.at(0, -1).along("treated"),
    "ends_of_control": lambda comparison: comparison.at(0, -1).along("control"),
    "diagonal": lambda comparison: comparison.diagonal,
}
"""Pairs of a comparison by depth, least first; no other arm matters to the part."""
