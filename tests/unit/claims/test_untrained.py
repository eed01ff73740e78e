"""A claim that an untrained network passes is no claim about training."""

import pytest
from untrained import ARMS, evidence, verdict

from skipscope.claims.catalogue import Claim, catalogue, part_of
from skipscope.claims.measurements import measure


def about_training(claim: Claim) -> bool:
    """Whether it rests on what only a trained network can show: not on the start, nor on counts or time."""
    counted = [part for part in claim.parts.values() if part.counts]
    return not all(part.at_init or part.exact or part.timed or part.moment == "start" for part in counted)


FIRST_EDITION = {"S2", "S4", "S5", "S7", "D1", "E1", "E4"}
"""Claims that pass before the first step. One that is repaired leaves this list, and none joins it."""


def test_no_claim_about_training_is_supported_by_networks_that_were_not_trained() -> None:
    passed = {id for id, claim in catalogue().items() if about_training(claim)
              and verdict(claim).verdict == "supported"}  # fmt: skip
    assert passed == FIRST_EDITION


@pytest.mark.parametrize("part", ["D1.weight", "D1.ablation", "E1.class_share", "S4.close", "S7.eigenvalue"])
def test_less_its_own_start_an_untrained_network_shows_nothing(part: str) -> None:
    asked = part_of(*part.split("."))
    claim = catalogue()[part.partition(".")[0]]
    change = {"minus_start": True, "bound": 2.0 if asked.scale == "logit" else asked.bound}
    repaired = claim.model_copy(update={"parts": {asked.id: asked.model_copy(update=change)}})
    result = verdict(repaired)
    assert result.verdict == "contradicted"
    assert all(each.effect.n == 10 for each in measure(repaired.parts[asked.id], evidence(repaired)))


def test_networks_at_chance_are_not_compared_where_accuracy_is_needed() -> None:
    claim = catalogue()["S5"]
    parts = {id: part.model_copy(update={"min_accuracy": 0.2}) for id, part in claim.parts.items()}
    result = verdict(claim.model_copy(update={"parts": parts}))
    assert result.verdict == "not_measured"
    assert {finding.lost for finding in result.findings} == {"too_inaccurate"}


def test_networks_that_were_not_trained_share_no_training_loss() -> None:
    claim = catalogue()["S7"]
    parts = {id: part.model_copy(update={"moment": "equal_loss"}) for id, part in claim.parts.items()}
    assert verdict(claim.model_copy(update={"parts": parts})).verdict == "not_measured"
    assert len(ARMS) == len(set(ARMS))
