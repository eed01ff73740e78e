"""Numbers of each block of a run, by hand."""

import pytest
from made_up_evidence import evidence

Rows = list[tuple]


def deleted(arm: str, whole: float, changes: dict[str, float]) -> Rows:
    rows = [(arm, 0, "block_deletion", 5, "intact", "accuracy", whole)]
    return rows + [(arm, 0, "block_deletion", 5, p, "accuracy_change", v) for p, v in changes.items()]


def test_what_a_block_is_worth_is_a_share_of_what_was_learnt() -> None:
    changes = {"layer1.0": -0.1, "layer1.1": -0.3, "layer1.0 + layer1.1": -0.5}
    rows = deleted("resnet8", 0.6, changes) + deleted("plain8", 0.1, {"layer1.0": -0.05})
    found = evidence("resnet8", "plain8", rows=rows).series("share lost by block")
    assert found["resnet8"][0] == pytest.approx({"layer1.0": 0.1 / 0.5, "layer1.1": 0.3 / 0.5})
    assert found["plain8"][0] is None  # at chance there is nothing to lose
