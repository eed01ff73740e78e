"""Blocks that are put back, against forward passes by hand, and which blocks networks of every kind have."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from block_networks import Net, net, seen
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from skipscope.anatomy.capture import anatomy
from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.block_deletion import blocks_of as deleted
from skipscope.probes.measure import view_of
from skipscope.probes.reinitialisation import blocks_of, measure

FP32 = 4e-6
"""Sums in fp32, in another order."""


def start_of(model: nn.Module) -> nn.Module:
    """Other weights, and BatchNorms that have seen nothing."""
    start = deepcopy(model)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in start.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / 4 + 0.1)
    for module in start.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return start


def started(model: nn.Module, **how: int) -> tuple[View, nn.Module]:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.num_batches_tracked += 9  # it is trained
    start = start_of(model)
    return replace(seen(model, **how), start=start.state_dict()), start


def told(view: View) -> dict[tuple[str | None, str], float]:
    return {(reading.module, reading.quantity): reading.value for reading in measure(view)}


@pytest.mark.parametrize("style", ["functional", "in place", "plain"])
def test_each_block_is_put_back_and_its_statistics_are_estimated_anew(style: str) -> None:
    view, start = started(net(style))
    found, blocks = told(view), [None, *(f"body.{number}" for number in range(5))]
    assert list(found) == [(block, quantity) for block in blocks for quantity in ("loss", "accuracy")]
    for block in blocks:
        # the pass that statistics come from normalises by the biased variance, as training does
        with torch.no_grad():
            logits = view.model(view.images) if block is None else evaluated(view, start, block)
        loss = cross_entropy(logits.double(), view.labels).item()
        assert found[block, "loss"] == pytest.approx(loss, abs=FP32)
        assert found[block, "accuracy"] == (logits.argmax(1) == view.labels).double().mean().item()


def evaluated(view: View, start: nn.Module, block: str) -> Tensor:
    """The second BatchNorm's statistics are of maps that the first normalised by the biased variance."""
    model = deepcopy(view.model)
    assert isinstance(model, Net)
    gone = model.get_submodule(block)
    gone.load_state_dict(start.get_submodule(block).state_dict())
    x = relu(model.bn(model.stem(view.images)))
    for number in range(int(block[-1])):
        x = model.body[number](x)
    h = gone.conv1(x)
    biased = (h - h.mean((0, 2, 3), keepdim=True)) / (
        h.var((0, 2, 3), correction=0, keepdim=True) + gone.bn1.eps
    ).sqrt()
    scaled = biased * gone.bn1.weight.view(-1, 1, 1) + gone.bn1.bias.view(-1, 1, 1)
    after = gone.conv2(relu(scaled))
    for norm, maps in ((gone.bn1, h), (gone.bn2, after)):
        norm.running_mean.copy_(maps.mean((0, 2, 3)))
        norm.running_var.copy_(maps.var((0, 2, 3)))
    return model(view.images)


def test_a_network_that_was_not_trained_loses_nothing() -> None:
    model = build("resnet8", seed=0)
    images = torch.randn(30, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    start = deepcopy(model.state_dict())
    with torch.no_grad():
        model.train()(images)  # it only took statistics
    view = replace(view_of(model, images, torch.arange(30) % 10), start=start)
    found = told(view)
    for (_, quantity), value in found.items():
        # statistics are the same but for the variance in the pass that they are taken in: biased, then not
        assert value == pytest.approx(found[None, quantity], abs=0.01)


def test_the_network_is_left_as_it_is() -> None:
    view, start = started(net())
    before, first = deepcopy(view.model.state_dict()), deepcopy(start.state_dict())
    told(view)
    assert all(torch.equal(value, before[name]) for name, value in view.model.state_dict().items())
    assert all(torch.equal(value, first[name]) for name, value in start.state_dict().items())


def test_without_a_start_nothing_is_measured() -> None:
    assert told(seen(net())) == {}


def blocks_in(model: str) -> dict[str, tuple[str, ...]]:
    return blocks_of(anatomy(build(model).eval(), torch.zeros(2, 3, 32, 32)))


def test_plain_and_residual_networks_have_the_same_blocks() -> None:
    names = [f"layer{stage}.{number}" for stage in (1, 2, 3) for number in range(2)]
    assert (
        list(blocks_in("plain14")) == list(blocks_in("resnet14")) == list(blocks_in("se_resnet14")) == names
    )
    inside = anatomy(build("plain14").eval(), torch.zeros(2, 3, 32, 32))
    assert set(deleted(inside)) < set(names)  # two of them change the map's shape


def test_dense_layers_and_single_layers_are_blocks() -> None:
    assert list(blocks_in("densenet_bc16_k4")) == [f"denseblock{b}.{n}" for b in (1, 2, 3) for n in (0, 1)]
    assert blocks_in("cnn") == {name: (name,) for name in ("conv1", "conv2", "fc1", "fc2", "fc3")}


def test_a_layer_is_put_back_with_its_norm_where_there_are_no_modules() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.act, self.two, self.fc = nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.two(self.act(self.norm(self.one(x)))).mean((2, 3)))

    view, _ = started(Flat())
    assert blocks_of(view.anatomy) == {"one": ("one", "norm"), "two": ("two",), "fc": ("fc",)}
    assert {module for module, _ in told(view)} == {None, "one", "two", "fc"}
