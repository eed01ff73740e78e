"""Grad-CAM against its two equations, written out where the gradient is known without autograd."""

from collections import OrderedDict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from skipscope.models.registry import build
from skipscope.probes.grad_cam import grad_cam

PLACES = {
    "cnn": ("relu:2", (12, 12)),
    "resnet": ("layer3", (2, 2)),  # the maps of layer4 are 1 x 1
    "densenet": ("denseblock2", (4, 4)),
    "se_resnet": ("layer4", (2, 2)),
    "resnet20": ("layer3", (8, 8)),
    "densenet_bc22_k12": ("relu", (8, 8)),
}


def image(seed: int = 0, side: int = 6) -> Tensor:
    return torch.randn(3, side, side, generator=torch.Generator().manual_seed(seed))


def net(*, channels: int = 4, side: int = 6, inplace: bool = False) -> nn.Sequential:
    """One convolution, and a linear layer that reads every pixel of its maps: its weight is dy/dA."""
    torch.manual_seed(1)
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, channels, 3, padding=1),
            relu=nn.ReLU(inplace=inplace),
            flat=nn.Flatten(),
            read=nn.Linear(channels * side * side, 5),
        )
    )


def by_hand(model: nn.Sequential, x: Tensor, label: int) -> Tensor:
    """Equations 1 and 2 for `net`."""
    maps = torch.relu(model.conv(x[None]))[0].detach()
    heat = torch.zeros(maps.shape[1:])
    for channel, values in enumerate(maps):
        gradient = model.read.weight[label].detach().view_as(maps)[channel]
        heat += gradient.sum() / values.numel() * values
    return heat.relu() / heat.max()


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("label", range(5))
def test_it_is_the_two_equations(label: int, inplace: bool) -> None:
    model, x = net(inplace=inplace), image()
    found = grad_cam(model, x, label)
    assert found is not None
    assert found.module == "relu"
    # both in fp32, a sum of four products in another order
    torch.testing.assert_close(found.values, by_hand(model, x, label), atol=1e-6, rtol=1e-5)
    assert found.values.min() >= 0
    assert found.values.max() == 1


def test_by_default_it_is_of_the_answer() -> None:
    model, x = net(), image()
    answer = int(model(x[None]).argmax())
    found, named = grad_cam(model, x), grad_cam(model, x, answer)
    assert found is not None
    assert named is not None
    assert torch.equal(found.values, named.values)


def test_behind_a_mean_over_the_map_it_is_cam() -> None:
    # Zhou et al. 2016: the sum of the maps by the classifier's weights (Selvaraju et al. 2017, section 3.1)
    torch.manual_seed(2)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    x = image(side=9)
    maps = torch.relu(model[0](x[None]))[0].detach()
    cam = torch.einsum("k,khw->hw", model[4].weight[3].detach(), maps).relu()
    found = grad_cam(model, x, 3)
    assert found is not None
    torch.testing.assert_close(found.values, cam / cam.max(), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", ["resnet", "se_resnet20"])
def test_through_a_stage_it_is_what_finite_differences_say(name: str) -> None:
    """Z a_k is how fast y grows when a constant is added to map k: two more forward passes a map."""
    torch.manual_seed(3)
    model = build(name).eval().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after some training, so that no map is all 0
            module.running_mean.normal_(0, 0.2)
    x = image(side=32).double()
    maps_of = ((label, grad_cam(model, x, label)) for label in range(10))
    label, found = next(
        (label, found) for label, found in maps_of if found is not None and found.values.any()
    )
    stages = [model.get_submodule(f"layer{n}") for n in range(1, 5) if hasattr(model, f"layer{n}")]
    rest = stages[int(found.module.removeprefix("layer")) :]
    stem = [model.conv1, model.bn, model.relu, *([model.maxpool] if name == "resnet" else [])]

    def logit(maps: Tensor) -> Tensor:
        for stage in rest:
            maps = stage(maps)
        return model.fc(model.avg_pool(maps).flatten(1))[:, label]

    with torch.no_grad():
        maps = x[None]
        for part in (*stem, *stages[: len(stages) - len(rest)]):
            maps = part(maps)
        channels, step = maps.shape[1], 1e-5
        nudge = step * torch.eye(channels, dtype=torch.float64)[:, :, None, None]  # K K 1 1
        slopes = (logit(maps + nudge) - logit(maps - nudge)) / (2 * step)
        heat = torch.einsum("k,khw->hw", slopes, maps[0]).relu()
    # in fp64 with a step of 1e-5 the differences are right to about ten digits, but where a ReLU has a corner
    torch.testing.assert_close(found.values, heat / heat.max(), atol=1e-4, rtol=1e-4)


def test_a_planted_region_is_found() -> None:
    model = net(channels=1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.conv.weight[0, 0, 1, 1] = 1  # its map is the red channel
        model.read.weight[2] = 1
    x = torch.zeros(3, 6, 6)
    x[0, 1, 4] = 5
    x[1, 3, 3] = 50  # green: no map sees it
    found = grad_cam(model, x, 2)
    assert found is not None
    expected = torch.zeros(6, 6)
    expected[1, 4] = 1
    assert torch.equal(found.values, expected)


def test_where_nothing_speaks_for_a_class_the_map_is_empty() -> None:
    model = net()
    with torch.no_grad():
        model.read.weight.neg_().abs_().neg_()
    found = grad_cam(model, image())
    assert found is not None
    assert not found.values.any()


def test_a_network_without_maps_has_no_place() -> None:
    assert grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(108, 5)), image()) is None


@pytest.mark.parametrize(("name", "place", "shape"), [(name, *value) for name, value in PLACES.items()])
def test_the_place_is_the_last_stage_whose_maps_are_larger_than_one_pixel(
    name: str, place: str, shape: tuple[int, int]
) -> None:
    found = grad_cam(build(name), image(side=32))
    assert found is not None
    assert (found.module, tuple(found.values.shape)) == (place, shape)


def test_the_network_is_left_as_it_was() -> None:
    model, x = build("se_resnet").train(), image(side=32)
    model.bn.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    chance = torch.random.get_rng_state()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = grad_cam(model, x)
    assert found is not None
    assert found.values.dtype == torch.float32
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert [module.training for module in model.modules()] == modes
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.random.get_rng_state(), chance)
    assert not x.requires_grad
    assert not any(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def test_nothing_is_left_behind_after_an_error() -> None:
    model = net().train()
    with pytest.raises(IndexError):
        grad_cam(model, image(), 99)
    assert model.training
    assert not any(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


@given(scale=st.floats(0.01, 100), order=st.permutations(range(4)))
@settings(max_examples=20)
def test_the_scale_of_the_logits_and_the_order_of_channels_do_not_matter(
    scale: float, order: list[int]
) -> None:
    model, other, x = net(), net(), image()
    with torch.no_grad():
        other.conv.weight.copy_(model.conv.weight[order])
        other.conv.bias.copy_(model.conv.bias[order])
        reads = model.read.weight.view(5, 4, 36)[:, order].reshape(5, -1)
        other.read.weight.copy_(scale * reads)
    one, two = grad_cam(model, x, 0), grad_cam(other, x, 0)
    assert one is not None
    assert two is not None
    torch.testing.assert_close(one.values, two.values, atol=1e-5, rtol=1e-4)
