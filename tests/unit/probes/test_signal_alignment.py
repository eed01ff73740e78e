"""Gains and shares against sums over numbers, against what random weights must give, and in a whole chain."""

from itertools import pairwise
from math import log, pi, sqrt

import pytest
import torch
from block_networks import net, seen
from torch import Tensor, nn
from torch.nn.functional import conv2d, cross_entropy

from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.measure import view_of
from skipscope.probes.signal_alignment import IMAGES, measure, uncorrelated

FP32 = 1e-4
"""Maps and gradients in fp32, sums of squares in it."""
Told = dict[tuple[str | None, str], float]


def told(view: View) -> Told:
    return {(reading.module, reading.quantity): reading.value for reading in measure(view)}


class Chain(nn.Module):
    """Two convolutions, one of them in groups and with a stride, each with BatchNorm and ReLU."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.one, self.bn1 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.two, self.bn2 = nn.Conv2d(4, 6, 3, 2, padding=1, groups=2), nn.BatchNorm2d(6)
        self.relu1, self.relu2, self.fc = nn.ReLU(inplace), nn.ReLU(inplace), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.one(x)))
        return self.fc(self.relu2(self.bn2(self.two(x))).mean((2, 3)))


def variances(x: Tensor) -> list[float]:
    return [float(channel.var(correction=0)) for channel in x.detach().movedim(1, 0).flatten(1)]


def powers(x: Tensor) -> list[float]:
    return [float((channel**2).sum()) for channel in x.detach().movedim(1, 0).flatten(1)]


def mean(values: list[float], weights: list[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)


@pytest.mark.parametrize("inplace", [False, True])
def test_they_are_those_by_hand(inplace: bool) -> None:
    torch.manual_seed(0)
    view = seen(Chain(inplace=inplace), images=9)
    found = told(view)
    model = Chain(inplace=False)
    model.load_state_dict(view.model.state_dict())
    model = model.double().train()
    x = model.relu1(b := model.bn1(model.one(view.images.double())))
    out = model.two(x)
    kept = model.relu2(y := model.bn2(out))
    for each in (b, x, out, y, kept):
        each.retain_grad()
    cross_entropy(model.fc(kept.mean((2, 3))), view.labels).backward()
    for name, before, after in (("relu1", b, x), ("relu2", y, kept)):
        arrives = powers(after.grad)
        shares = [one / other for one, other in zip(variances(after), variances(before), strict=True)]
        assert found[name, "variance_kept"] == pytest.approx(mean(shares, arrives), rel=FP32)
        passed = sum(powers(before.grad)) / sum(arrives)
        assert found[name, "gradient_kept"] == pytest.approx(passed, rel=FP32)
    signal, arrives, of_x = variances(out), powers(out.grad), variances(x)
    alone, back = [0.0] * 6, 0.0
    for o in range(6):
        for i in range(2):
            square = float((model.two.weight[o, i].detach() ** 2).sum())
            alone[o] += square * of_x[2 * (o // 3) + i]  # the third to fifth output reads the second group
            back += square * arrives[o]
    gains = [one / other for one, other in zip(signal, alone, strict=True)]
    assert found["two", "forward_gain"] == pytest.approx(mean(gains, arrives), rel=FP32)
    assert found["two", "backward_gain"] == pytest.approx(sum(powers(x.grad)) / back, rel=FP32)
    assert found["two", "output_l2"] == pytest.approx(sqrt(sum(arrives)), rel=FP32)
    assert len(found) == 2 * 3 + 2 * 2


def test_a_residual_branchs_gradient_is_its_own_and_not_the_shortcuts() -> None:
    functional, in_place = (told(seen(net(style), images=9)) for style in ("functional", "in place"))
    assert in_place == pytest.approx(functional, rel=FP32)
    start = {key: value for key, value in functional.items() if key[1] == "backward_gain"}
    assert all(0.5 < value < 1.6 for value in start.values())  # with the shortcut's it would be several


def test_independent_inputs_have_the_gain_one_and_equal_ones_as_many_as_they_are() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(64, 5, 16, 16, generator=generator), torch.ones(1, 5, 1, 1)
    squares, same = weight.square().sum((2, 3)).double(), x[:, :1].expand_as(x)
    for inputs, gain in ((x, 1.0), (same, 5.0)):
        alone = uncorrelated(squares, inputs.double().var((0, 2, 3)))
        assert conv2d(inputs, weight).double().var() / alone == pytest.approx(gain, rel=0.05)


def test_factors_of_a_chain_make_its_ratio_before_training() -> None:
    """In the theory of wide layers the squared gradient grows by pi / (pi - 1) a layer (Yang et al. 2019)."""
    images = torch.randn(IMAGES, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    view = view_of(build("plain20", seed=0), images, torch.arange(IMAGES) % 10)
    layers: dict[str, list[float]] = {}
    for reading in measure(view):
        layers.setdefault(reading.quantity, []).append(log(reading.value))
    norms = layers["output_l2"]
    gains = zip(pairwise(layers["forward_gain"]), pairwise(layers["backward_gain"]), strict=True)
    made = sum(back - forward for (forward, _), (_, back) in gains) / 2
    kept = zip(layers["gradient_kept"][:-1], layers["variance_kept"][:-1], strict=True)
    made += sum(gradient - variance for gradient, variance in kept) / 2
    a_layer = [whole / (len(norms) - 1) for whole in (made, norms[0] - norms[-1])]
    assert a_layer[0] == pytest.approx(a_layer[1], abs=0.04)  # channels are not equal; BatchNorm projects
    per_layer = layers["gradient_kept"][3] - layers["variance_kept"][3]
    assert per_layer == pytest.approx(log(pi / (pi - 1)), abs=0.15)


def test_at_most_one_batch_is_looked_at() -> None:
    passed: list[int] = []
    view = seen(net(), images=IMAGES + 7)
    view.model.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    told(view)
    assert passed == [IMAGES]
