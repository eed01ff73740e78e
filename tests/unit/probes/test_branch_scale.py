"""The size of branches against forward passes by hand, and against what De and Smith derive."""

from copy import deepcopy
from math import log2, sqrt

import numpy as np
import pytest
import torch
from block_networks import Block, Net, net, seen
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.branch_scale import IMAGES, measure
from skipscope.probes.measure import initial_rows, view_of

FP32 = 1e-5
"""Maps in fp32."""


def told(view: View) -> dict[tuple[str | None, str], float]:
    return {(reading.module, reading.quantity): reading.value for reading in measure(view)}


def by_hand(x: Tensor) -> tuple[float, float]:
    """Length and spread, number by number."""
    rows = x.movedim(1, 0).flatten(1).tolist()  # C n
    length = sqrt(sum(value**2 for row in rows for value in row))
    variances = []
    for row in rows:
        mean = sum(row) / len(row)
        variances.append(sum((value - mean) ** 2 for value in row) / len(row))
    return length, sqrt(sum(variances) / len(variances))


@pytest.mark.parametrize("style", ["functional", "in place"])
def test_ratios_are_those_by_hand_with_the_batchs_statistics(style: str) -> None:
    view = seen(net(style), images=9)
    found = told(view)
    model = deepcopy(view.model).double().train()
    assert isinstance(model, Net)
    with torch.no_grad():
        x = relu(model.bn(model.stem(view.images.double())))
        for number, block in enumerate(model.body):
            assert isinstance(block, Block)
            f = block.bn2(block.conv2(relu(block.bn1(block.conv1(x)))))
            short = block.shortcut(x)
            (of_f, spread_f), (of_x, spread_x) = by_hand(f), by_hand(short)
            assert found[f"body.{number}", "l2_ratio"] == pytest.approx(of_f / of_x, rel=FP32)
            assert found[f"body.{number}", "std_ratio"] == pytest.approx(spread_f / spread_x, rel=FP32)
            x = relu(f + short)
    assert len(found) == 2 * len(model.body)


def test_running_statistics_are_not_used_and_stay() -> None:
    view = seen(net(), images=9)
    before, found = deepcopy(view.model.state_dict()), told(view)
    assert all(torch.equal(value, before[name]) for name, value in view.model.state_dict().items())
    for module in view.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    assert told(view) == found


def test_at_most_one_batch_is_looked_at() -> None:
    passed: list[int] = []
    view = seen(net(), images=IMAGES + 7)
    view.model.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    told(view)
    assert passed == [IMAGES]


def slope(name: str) -> float:
    """Fits log2 std(f) / std(x) over log2 of the block's index, before the first step."""
    images = torch.randn(32, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    rows = initial_rows(view_of(build(name, seed=0), images, torch.arange(32) % 10)).rows
    values = [
        row["value"] for row in rows if row["probe"] == "branch_scale" and row["quantity"] == "std_ratio"
    ]
    blocks = [log2(index + 1) for index in range(len(values))]
    return float(np.polyfit(blocks, [log2(value) for value in values], 1)[0])


def test_batch_norm_shrinks_the_branch_before_training() -> None:
    # De and Smith: as 1 / sqrt(index) with BatchNorm, not at all without; here with ReLUs after additions
    assert slope("resnet26") < -0.25
    assert abs(slope("resnet26_nobn")) < 0.15
