"""Multiply-adds and shapes against counts made by hand."""

import pytest

from skipscope.errors import UnknownName
from skipscope.models.describe import describe
from skipscope.models.registry import build


def test_cnn_stage_by_stage() -> None:
    stages = [(stage.name, stage.shape, stage.params, stage.macs) for stage in describe("cnn").stages]
    assert stages == [
        ("conv1", (6, 32, 32), 6 * (3 * 25 + 1), 32 * 32 * 6 * 3 * 25),
        ("pool", (6, 16, 16), 0, 0),
        ("conv2", (16, 12, 12), 16 * (6 * 25 + 1), 12 * 12 * 16 * 6 * 25),
        ("pool", (16, 6, 6), 0, 0),
        ("fc1", (120,), 120 * 577, 120 * 576),
        ("fc2", (84,), 84 * 121, 84 * 120),
        ("fc3", (10,), 850, 840),
    ]


def test_se_resnet_without_the_pool_does_almost_four_times_the_arithmetic_of_resnet() -> None:
    resnet, se_resnet = describe("resnet"), describe("se_resnet")
    sides = {
        card.name: [stage.shape[1] for stage in card.stages if stage.name.startswith("layer")]
        for card in (resnet, se_resnet)
    }
    assert sides == {"resnet": [8, 4, 2, 1], "se_resnet": [16, 8, 4, 2]}
    # the stem is the same in both; every later convolution sees four times the positions
    assert se_resnet.macs / resnet.macs == pytest.approx(3.8, abs=0.05)


def test_unknown_network_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'resnet'") as caught:
        build("resnt")
    assert "densenet" in caught.value.todo
