"""A claim that an untrained network passes is no claim about training."""

import pytest
from untrained import ARMS, evidence, verdict

from skipscope.claims.catalogue import Claim, catalogue
from skipscope.claims.measurements import measure


def about_training(claim: Claim) -> bool:
    """Whether it rests on what only a trained network can show: not on the start, nor on counts or time."""
    counted = [part for part in claim.parts.values() if part.counts]
    return not all(part.at_init or part.exact or part.timed or part.moment == "start" for part in counted)


def test_no_claim_about_training_is_supported_by_networks_that_were_not_trained() -> None:
    """S2, S4, S5, S7, D1, E1 and E4 were, in the first edition, and D3 would be of 10,000 test images."""
    asked = [claim for claim in catalogue().values() if about_training(claim)]
    assert len(asked) > 15
    assert {claim.id for claim in asked if verdict(claim).verdict == "supported"} == set()


@pytest.mark.parametrize(
    ("claim", "part", "first_edition"),
    [("D1", "ablation", 0.75), ("E1", "class_share", 0.05), ("S4", "moved", 0.14)],
)
def test_less_its_own_start_an_untrained_network_shows_nothing(
    claim: str, part: str, first_edition: float
) -> None:
    asked = catalogue()[claim]
    result = verdict(asked)
    assert result.verdict == "contradicted"
    assert {finding.verdict for finding in result.findings if finding.part == part} == {"contradicted"}
    found = measure(asked.parts[part], evidence(asked))
    assert {each.effect.n for each in found} == {10}
    # as they are at the end, and were at the start, they would pass
    as_they_are = asked.parts[part].model_copy(update={"minus_start": False, "scale": "linear"})
    assert all(each.effect.low > first_edition for each in measure(as_they_are, evidence(asked)))


@pytest.mark.parametrize("claim", ["S2", "S5", "S11", "D3"])
def test_networks_at_chance_are_not_compared_where_accuracy_is_needed(claim: str) -> None:
    result = verdict(catalogue()[claim])
    assert result.verdict == "not_measured"
    assert "too_inaccurate" in {finding.lost for finding in result.counted}


@pytest.mark.parametrize("claim", ["S7", "T3"])
def test_networks_that_were_not_trained_share_no_training_loss(claim: str) -> None:
    result = verdict(catalogue()[claim])
    assert result.verdict == "not_measured"
    assert "weights at a training loss that all arms reach" in {
        why for finding in result.counted for why in finding.missing
    }
    assert len(ARMS) == len(set(ARMS))
