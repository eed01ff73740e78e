"""Changes by hand: against forward passes written with them."""

import pytest
import torch
from block_networks import by_hand, net, seen
from torch import Tensor, nn
from torch.nn.functional import conv2d, relu

from skipscope.anatomy.calls import Edit
from skipscope.anatomy.capture import capture
from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.interventions import (
    Kernel,
    centred,
    cutting,
    deletion,
    edits_modules,
    kerneling,
    possible,
    scaling,
    together,
)
from skipscope.probes.measure import view_of


def logits(view: View, edit: Edit | None = None, *, modules: bool = False) -> Tensor:
    with torch.no_grad(), capture(view.model, edit=edit, edits_modules=modules):
        return view.model(view.images)


@pytest.mark.parametrize("style", ["functional", "in place"])
def test_a_scaled_branch_is_the_forward_pass_written_with_it(style: str) -> None:
    view = seen(net(style))
    names = possible(view.anatomy).scaled
    assert names == tuple(f"body.{index}" for index in range(5))
    assert torch.equal(logits(view, scaling("body.1", 1.0)), logits(view))
    gone = logits(view, scaling("body.1", 0.0))
    assert torch.allclose(gone, by_hand(view.model, view.images, {"body.1"}), atol=1e-5)
    halved = net(style)
    with torch.no_grad():  # the branch ends in a BatchNorm: half of f(x) is half of its weight and bias
        halved.body[1].bn2.weight *= 0.5
        halved.body[1].bn2.bias *= 0.5
    assert torch.allclose(logits(view, scaling("body.1", 0.5)), logits(seen(halved)), atol=1e-5)


def test_several_changes_are_made_one_after_another() -> None:
    view = seen(net())
    both = together([deletion(view.anatomy, ["body.0", "body.3"]), scaling("body.4", 0.0)])
    assert torch.allclose(
        logits(view, both), by_hand(view.model, view.images, {"body.0", "body.3", "body.4"}), atol=1e-5
    )
    plain = seen(net("plain"))
    assert not edits_modules(view.anatomy)
    assert edits_modules(plain.anatomy)
    removed = logits(plain, deletion(plain.anatomy, ["body.1"]), modules=True)
    assert torch.allclose(removed, by_hand(plain.model, plain.images, {"body.1"}), atol=1e-5)


def test_a_cut_source_is_what_zeros_in_the_layers_input_give() -> None:
    model = build("densenet16_k4", seed=3)
    view = view_of(model, torch.rand(4, 3, 32, 32), torch.arange(4))
    can = possible(view.anatomy).cut
    target = next(name for name in can if len(can[name]) > 2)
    first, second, *_ = can[target]
    site = next(site for site in view.anatomy.of("conv") if site.module == target)
    channels = [name for name, count in site.sources for _ in range(count)]
    zeroed = build("densenet16_k4", seed=3)
    with torch.no_grad():  # a source that is not read is one whose weights are 0
        zeroed.get_submodule(target).weight[:, [name in (first, second) for name in channels]] = 0
    expected = logits(view_of(zeroed, view.images, view.labels))
    assert torch.allclose(logits(view, cutting(view.anatomy, target, [first, second])), expected, atol=1e-5)
    assert not torch.allclose(logits(view), expected, atol=1e-3)


BLUR = ((1 / 9,) * 3,) * 3


class Plain(nn.Module):
    """Two convolutions, the second called functionally."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, dilation=2, padding=1)
        self.weight = nn.Parameter(torch.randn(10, 2, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(relu(self.stem(x)), self.weight, groups=2).mean((2, 3))


def test_edited_kernels_are_those_of_a_network_that_has_them() -> None:
    view = view_of(Plain(), torch.rand(4, 3, 32, 32), torch.arange(4))
    before = {name: value.clone() for name, value in view.model.state_dict().items()}
    kernels = [
        Kernel(layer="stem", numbers=BLUR, filter=1, channel=2),
        Kernel(layer="conv", numbers=BLUR, same_norm=True),
        Kernel(layer="stem", numbers=BLUR, filter=4),  # there is none: left out
    ]
    edited = logits(view, kerneling(kernels))
    other = Plain()
    other.load_state_dict(before)
    with torch.no_grad():
        other.stem.weight[1, 2] = 1 / 9
        norms = other.weight.flatten(2).norm(dim=2)[..., None, None]
        other.weight.copy_(torch.full((10, 2, 3, 3), 1 / 3) * norms)
    assert torch.allclose(edited, logits(view_of(other, view.images, view.labels)), atol=1e-5)
    assert not torch.allclose(edited, logits(view), atol=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in view.model.state_dict().items())


@pytest.mark.parametrize(
    ("numbers", "size", "expected"),
    [
        ([[2.0]], (3, 3), [[0, 0, 0], [0, 2, 0], [0, 0, 0]]),
        ([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], (1, 1), [[5]]),
        ([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], (1, 5), [[0, 4, 5, 6, 0]]),
        ([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]], (2, 2), [[5, 6], [8, 9]]),
        ([[1.0, 2], [3, 4]], (3, 3), [[0, 0, 0], [0, 1, 2], [0, 3, 4]]),
        ([[1.0, 2], [3, 4]], (2, 2), [[1, 2], [3, 4]]),
    ],
)
def test_a_kernel_of_another_size_is_centred_or_cut(
    numbers: list[list[float]], size: tuple[int, int], expected: list[list[float]]
) -> None:
    assert centred(torch.tensor(numbers), *size).tolist() == expected


class AllSizes(nn.Module):
    """Convolutions of many sizes, as other people's networks have them."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((7, 7), (5, 5), (1, 1), (1, 3), (2, 2))
        channels = (3, 4, 4, 4, 4)
        self.layers = nn.Sequential(*(nn.Conv2d(c, 4, k) for c, k in zip(channels, sizes, strict=True)))
        self.patches = nn.Conv2d(4, 10, 4, stride=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.patches(self.layers(x)).mean((2, 3))


def test_a_kernel_is_written_into_convolutions_of_any_size() -> None:
    torch.manual_seed(0)
    view = view_of(AllSizes(), torch.rand(2, 3, 32, 32), torch.arange(2))
    for site in view.anatomy.of("conv"):
        edited = logits(view, kerneling([Kernel(layer=site.module, numbers=BLUR, filter=1, channel=2)]))
        other = AllSizes()
        other.load_state_dict(view.model.state_dict())
        weight = other.get_submodule(site.module).weight
        assert isinstance(weight, Tensor)
        with torch.no_grad():
            weight[1, 2] = centred(torch.tensor(BLUR), *weight.shape[2:])
        assert torch.allclose(edited, logits(view_of(other, view.images, view.labels)), atol=1e-5)
        assert not torch.allclose(edited, logits(view), atol=1e-6)
