"""Networks that were "trained" for no epoch: at the end is measured what was there at the start, and noise.

The start is as favourable to a claim as can be: arms differ by ten times its bound, and single networks are
far beyond it. What only training brings is at chance, and what only steps have is not there.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from made_up_evidence import tables

from skipscope.analysis.quantities import QUANTITIES
from skipscope.analysis.step_quantities import STEP_QUANTITIES
from skipscope.claims.catalogue import Claim, Part
from skipscope.claims.evaluate import judged
from skipscope.claims.evidence import Evidence
from skipscope.claims.model import ClaimResult

ARMS = (
    "plain8", "resnet8", "plain20", "resnet20", "se_resnet20", "densenet19_k10", "densenet22_k12",
    "resnet", "resnet_nopool", "se_resnet_pool", "se_resnet",
)  # fmt: skip
SEEDS = 10
NOISE = 0.01
"""Standard deviation, over the bound; of shares on the scale of log odds."""
LEARNT = {"training error": 90.0, "test accuracy": 10.0, "validation accuracy": 10.0, "gap": 0.0}
"""What training brings, of a network that guesses."""
OF_STEPS = (*STEP_QUANTITIES, "gradients in training", "unsteadiness", "early over late")
"""What is measured while steps are made."""
Values = Mapping[str, Mapping[int, Any]]


def verdict(claim: Claim) -> ClaimResult:
    """The verdict on a claim of networks that were never trained."""
    [result] = judged(evidence(claim), [claim])
    return result


def evidence(claim: Claim) -> Evidence:
    """The records of such networks, as favourable to this claim as can be."""
    rng = np.random.default_rng(len(claim.id) + ord(claim.id[-1]))
    chance = {"test_accuracy": 0.1, "val_accuracy": 0.1, "train_accuracy": 0.1}
    numbers = {(arm, seed): chance for arm in ARMS for seed in range(SEEDS)}
    found = Evidence(tables(*ARMS, seeds=SEEDS, numbers=numbers), QUANTITIES)
    for part in (part for part in claim.parts.values() if part.quantity):
        start, end = _series(part, found, rng)
        vars(found)["_begun"][part.quantity] = start
        vars(found)["_found"][part.quantity] = end
    return found


def _series(part: Part, found: Evidence, rng: np.random.Generator) -> tuple[Values, Values]:
    """The part's quantity of every arm, at the start and at the end."""
    if part.quantity in OF_STEPS and not part.at_init:
        return {}, {}
    if part.quantity.endswith("order"):
        orders = {arm: {s: rng.normal(size=50).tolist() for s in range(SEEDS)} for arm in ARMS}
        return {}, orders
    if part.quantity == "loss curve":
        flat = {
            arm: {s: [[0, 0, 2.3], [1, 9, 2.3 + rng.normal() / 99]] for s in range(SEEDS)} for arm in ARMS
        }
        return {}, flat
    if part.quantity in LEARNT:
        usual = LEARNT[part.quantity]
        return {}, {arm: {s: usual + 0.1 * rng.normal() for s in range(SEEDS)} for arm in ARMS}
    starts = {arm: _start(part, arm, _sides(part, found)) for arm in ARMS}
    start, end = (
        {arm: {s: _noisy(part, value, rng) for s in range(SEEDS)} for arm, value in starts.items()}
        for _ in range(2)
    )
    return start, end


def _sides(part: Part, found: Evidence) -> tuple[Iterable[str], Iterable[str]]:
    """The arms that are treated in any comparison, and those that are a control in any."""
    comparisons = part.comparisons(found)
    treated = {arm for each in comparisons for arm in each.treated}
    return treated, {arm for each in comparisons for arm in each.control}


def _start(part: Part, arm: str, sides: tuple[Iterable[str], Iterable[str]]) -> float:
    """An arm's value at the start, where it helps the claim the most."""
    treated, control = sides
    sign = {"above": 1, "below": -1, "apart": 1, "within": 0}[part.direction]
    if part.scale != "linear":
        return {1: 0.98, 0: 0.5, -1: 0.02}[sign if arm in treated else -sign]
    depth = ARMS.index(arm) / len(ARMS)  # the deeper the more
    far = sign * (10 * abs(part.bound) + 10 * abs(part.bound) * depth)
    return far if arm in treated else -far if arm in control else 0.0


def _noisy(part: Part, value: float, rng: np.random.Generator) -> float:
    if part.scale == "linear":
        return value + NOISE * (abs(part.bound) or 1) * rng.normal()
    odds = value / (1 - value) * np.exp(NOISE * rng.normal())
    return float(odds / (1 + odds))
