"""Derives the comparisons of a study that declares none from the names of its networks.

- shortcut: resnetN - plainN, at all depths that both have; likewise with _b and with _nobn
- gate: se_resnetN - resnetN; gate_content: se_resnetN - se_resnetN_static; gate_scale: se_resnetN_static -
  se_resnetN_half; halving: se_resnetN_half - resnetN
- concatenation: densenetL_kK - chainL_kK
- dense: densenetL_kK - plainN and - resnetN, where L and N are within a tenth: matched in depth
- depth: resnetN at several N; likewise se_resnetN and densenetL_kK
- of the classroom networks every pair that a textbook would name, and the 2 x 2 of pool and gate
- network: the first of each kind beside the study's first
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Literal

from skipscope.spec.comparison import Comparison, Factor

DEPTH_TOLERANCE = 1.1
"""Dense networks have 3n+4 layers and residual ones 6n+2, which are never the same number."""

_RESIDUAL = re.compile(
    r"(?P<kind>plain|resnet|se_resnet)(?P<depth>\d+)(?P<gate>_static|_half)?(?P<variant>(?:_b)?(?:_nobn)?)"
)
_DENSE = re.compile(r"(?P<kind>densenet(?:_bc)?|chain)(?P<depth>\d+)(?P<gate>)(?P<variant>_k\d+)")
_PAIRS: tuple[tuple[str, str, Factor], ...] = (
    ("resnet", "plain", "shortcut"),
    ("se_resnet", "resnet", "gate"),
    ("se_resnet", "se_resnet_static", "gate_content"),
    ("se_resnet_static", "se_resnet_half", "gate_scale"),
    ("se_resnet_half", "resnet", "halving"),
)
_CLASSROOM: tuple[tuple[str, str, Factor, Literal["depth", "parameters"] | None], ...] = (
    ("resnet", "cnn", "shortcut", None),
    ("resnet", "resnet_noskip", "shortcut", None),
    ("se_resnet", "resnet", "gate", None),
    ("densenet", "cnn", "dense", "depth"),
    ("densenet", "resnet", "dense", "parameters"),
    ("se_resnet", "se_resnet_static", "gate_content", None),
    ("se_resnet_static", "se_resnet_half", "gate_scale", None),
    ("se_resnet_half", "resnet_nopool", "halving", None),
    ("se_resnet_pool", "se_resnet_pool_static", "gate_content", None),
    ("se_resnet_pool_static", "se_resnet_pool_half", "gate_scale", None),
    ("se_resnet_pool_half", "resnet", "halving", None),
)
"""Pairs that a course compares, of which none differs in one thing only; and their controls."""
_SQUARE = ("resnet", "resnet_nopool", "se_resnet_pool", "se_resnet")
"""Pool and no gate, neither, both, a gate and no pool."""

CONTROLS = {"resnet_noskip": "resnet"}
"""Networks that are trained to be set beside one other, which they differ from in one thing."""

Labels = Mapping[str, str]
"""Arms by their networks' names."""
Curves = dict[tuple[str, str], dict[int, str]]
"""Kind and variant: the arm at each depth."""


def following(arms: Iterable[tuple[str, str, str]], initial: Iterable[str]) -> list[Comparison]:
    """Lists every comparison that follows from a study's arms, without duplicates.

    Arms under one recipe are compared; of two with one network under it the first.

    Args:
        arms: the name of the network, the label, and the recipe as text of each.
        initial: the names of networks that are measured as they start, and not trained.
    """
    groups: dict[str, dict[str, str]] = {}
    firsts: dict[str, str] = {}
    for model, label, recipe in arms:
        groups.setdefault(recipe, {}).setdefault(model, label)
        firsts.setdefault(model, label)
    only = {model: model for model in initial}
    found = [each for trained in groups.values() for each in derived({**only, **trained})]
    return list(dict.fromkeys([*found, *side_by_side(firsts)]))


def derived(labels: Labels) -> tuple[Comparison, ...]:
    """Lists comparisons of networks that differ by one factor."""
    curves = _curves(labels)
    return (*_residual(curves), *_dense(curves), *_chains(curves), *_depths(curves), *_classroom(labels))


def side_by_side(labels: Labels) -> Iterator[Comparison]:
    """Yields the first trained network of each kind against the first of all; a control has its own pair."""
    firsts: dict[str, str] = {}
    for model, label in labels.items():
        if CONTROLS.get(model) not in labels:
            firsts.setdefault(kind_of(model), label)
    arms = list(firsts.values())
    for other in arms[1:]:
        yield Comparison(treated=(other,), control=(arms[0],), factor="network")


def kind_of(model: str) -> str:
    """Returns a network's name without its depth: `resnet`, `se_resnet_nobn`, `densenet`."""
    if found := _RESIDUAL.fullmatch(model):
        return _gated(found) + found["variant"]
    found = _DENSE.fullmatch(model)
    return found["kind"] if found else model


def _gated(found: re.Match[str]) -> str:
    """Returns a kind with what stands in for its gate: se_resnet, se_resnet_static."""
    return found["kind"] + (found["gate"] or "")


def _curves(labels: Labels) -> Curves:
    curves: Curves = {}
    for model, label in labels.items():
        if found := _RESIDUAL.fullmatch(model) or _DENSE.fullmatch(model):
            curves.setdefault((_gated(found), found["variant"]), {})[int(found["depth"])] = label
    return {key: dict(sorted(curve.items())) for key, curve in curves.items()}


def _residual(curves: Curves) -> Iterator[Comparison]:
    for (treated, control, factor), variant in product(_PAIRS, ("", "_b", "_nobn", "_b_nobn")):
        # a plain network has no shortcut to project
        beside = variant.removeprefix("_b") if control == "plain" else variant
        one, other = curves.get((treated, variant), {}), curves.get((control, beside), {})
        if common := [depth for depth in one if depth in other]:
            treated_arms, controls = (tuple(curve[depth] for depth in common) for curve in (one, other))
            yield Comparison(treated=treated_arms, control=controls, factor=factor)


def _dense(curves: Curves) -> Iterator[Comparison]:
    for (kind, _), curve in curves.items():
        for control in ("plain", "resnet"):
            near = list(_nearest(curve, curves.get((control, ""), {})))
            if kind.startswith("densenet") and near:
                treated, controls = zip(*near, strict=True)
                yield Comparison(treated=treated, control=controls, factor="dense", matched="depth")


def _chains(curves: Curves) -> Iterator[Comparison]:
    for (kind, growth), curve in curves.items():
        chains = curves.get(("chain", growth), {}) if kind == "densenet" else {}
        if common := [depth for depth in curve if depth in chains]:
            dense, control = (tuple(each[depth] for depth in common) for each in (curve, chains))
            yield Comparison(treated=dense, control=control, factor="concatenation")


def _nearest(dense: Mapping[int, str], others: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """Yields arms whose depths are within a tenth; of several as near the shallower."""
    for depth, label in dense.items():
        if near := [n for n in others if max(n, depth) <= DEPTH_TOLERANCE * min(n, depth)]:
            yield label, others[min(near, key=lambda n: (abs(n - depth), n))]


def _depths(curves: Curves) -> Iterator[Comparison]:
    for (kind, variant), curve in curves.items():
        if len(curve) > 1 and "nobn" not in variant and kind not in ("plain", "chain"):
            yield Comparison(treated=tuple(curve.values()), factor="depth")


def _classroom(labels: Labels) -> Iterator[Comparison]:
    for treated, control, factor, matched in _CLASSROOM:
        if treated in labels and control in labels:
            yield Comparison(
                treated=(labels[treated],), control=(labels[control],), factor=factor, matched=matched
            )
    if all(name in labels for name in _SQUARE):
        pooled, bare, gated, both = (labels[name] for name in _SQUARE)
        yield Comparison(treated=(bare, both), control=(pooled, gated), factor="pool", across="gate")
        yield Comparison(treated=(gated, both), control=(pooled, bare), factor="gate", across="pool")
