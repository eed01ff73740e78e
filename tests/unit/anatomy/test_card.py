"""A network's anatomy card is found from its calls, whatever its modules are named."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.card import anatomy_card
from skipscope.records.network_card import AnatomyCard, CallCard, Concatenation, Gate, Shortcut, StemLayer


def card(model: nn.Module) -> AnatomyCard:
    return anatomy_card(anatomy(model, torch.zeros(1, 3, 32, 32)))


class Joined(nn.Module):
    """Two blocks, one of which projects; an embedding that is gated; two layers that append."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, (5, 3), stride=2, padding="valid")
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.skip = nn.Conv2d(4, 8, 1)
        self.grow = nn.ModuleList([nn.Conv2d(8, 3, 1), nn.Conv2d(11, 5, 1)])
        self.narrow, self.wide = nn.Linear(16, 2), nn.Linear(2, 16)
        self.last = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.avg_pool2d(functional.group_norm(self.first(x), 2), 2, ceil_mode=True)
        x = x + self.a(x)
        x = self.skip(x) + self.b(self.a(x))
        x = functional.instance_norm(functional.max_pool2d(x, 2))
        for layer in self.grow:
            x = torch.cat([x, layer(x)], dim=1)
        gate = torch.sigmoid(self.wide(torch.relu(self.narrow(x.mean((2, 3))))))
        x = x * gate[:, :, None, None]
        return self.last(functional.avg_pool2d(x, x.shape[2:]).flatten(1))


def test_functional_calls_and_modules_of_any_name() -> None:
    assert card(Joined()) == AnatomyCard(
        depth=7,
        stem=(
            StemLayer(
                module="first", kind="conv", channels=(3, 4), kernel=(5, 3), stride=(2, 2), padding=(0, 0)
            ),
            StemLayer(
                module="pool", kind="mean-pool", channels=(4, 4), kernel=(2, 2), stride=(2, 2), padding=(0, 0)
            ),
        ),
        maps=((8, 7, 8), (16, 3, 4)),
        normalisation=("GroupNorm", "InstanceNorm2d"),
        shortcuts=(
            Shortcut(module="shortcut", kind="identity", shape=(4, 7, 8)),
            Shortcut(module="shortcut:2", kind="projection", shape=(8, 7, 8)),
        ),
        concatenations=(
            Concatenation(module="concat", appended=3, shape=(11, 3, 4)),
            Concatenation(module="concat:2", appended=5, shape=(16, 3, 4)),
        ),
        gates=(Gate(module="gate", shape=(16, 3, 4)),),
        conv_inputs=3 * 32 * 32 + 4 * 4 * 7 * 8 + (8 + 11) * 3 * 4,
        calls=(
            CallCard(module="first", kind="conv", shape=(4, 14, 15), reads=(-1,)),
            CallCard(module="pool", kind="pool", shape=(4, 7, 8), reads=(0,)),
            CallCard(module="a", kind="conv", shape=(4, 7, 8), reads=(1,)),
            CallCard(module="shortcut", kind="shortcut", shape=(4, 7, 8), reads=(2, 1)),
            CallCard(module="skip", kind="conv", shape=(8, 7, 8), reads=(3,)),
            CallCard(module="a:2", kind="conv", shape=(4, 7, 8), reads=(3,)),
            CallCard(module="b", kind="conv", shape=(8, 7, 8), reads=(5,)),
            CallCard(module="shortcut:2", kind="shortcut", shape=(8, 7, 8), reads=(6, 4)),
            CallCard(module="pool:2", kind="pool", shape=(8, 3, 4), reads=(7,)),
            CallCard(module="grow.0", kind="conv", shape=(3, 3, 4), reads=(8,)),
            CallCard(module="concat", kind="concat", shape=(11, 3, 4), reads=(8, 9)),
            CallCard(module="grow.1", kind="conv", shape=(5, 3, 4), reads=(10,)),
            CallCard(module="concat:2", kind="concat", shape=(16, 3, 4), reads=(10, 11)),
            CallCard(module="narrow", kind="linear", shape=(2,), reads=(12,)),
            CallCard(module="wide", kind="linear", shape=(16,), reads=(13,)),
            CallCard(module="gate", kind="gate", shape=(16, 3, 4), reads=(12, 14)),
            CallCard(module="pool:3", kind="pool", shape=(16, 1, 1), reads=(15,)),
            CallCard(module="last", kind="linear", shape=(10,), reads=(16,)),
        ),
    )


class Weighed(nn.Module):
    """A block whose branch is weighed by something that no image changes, or by nothing."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.first, self.f = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.w, self.one = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(1))
        self.last = nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        f, by_channel = self.f(x), self.w[:, None, None]
        spelt = {
            "a scale a channel": lambda: f * by_channel + x,
            "in tokens": lambda: x + (f.permute(0, 2, 3, 1) * self.w).permute(0, 3, 1, 2),
            "a static gate": lambda: torch.sigmoid(self.w).view(1, -1, 1, 1) * f + x,
            "fused": lambda: torch.addcmul(x, by_channel, f),
            "both": lambda: 0.5 * (by_channel * f) + x,
            "a number": lambda: x.add(f, alpha=0.5),
            "a learnt number": lambda: self.one * f + x,
            "halved": lambda: (f / 2).contiguous() + x,
            "before a layer": lambda: self.f(0.5 * f) + x,
            "by pixel": lambda: torch.ones(32, 32) * f + x,
            "subtracted": lambda: x - f,
        }
        return self.last(spelt[self.spelling]().mean((2, 3)))


@pytest.mark.parametrize(
    ("spelling", "scale"),
    [
        ("a scale a channel", "by_channel"),
        ("in tokens", "by_channel"),
        ("a static gate", "by_channel"),
        ("fused", "by_channel"),
        ("both", "by_channel"),
        ("a number", "number"),
        ("a learnt number", "number"),
        ("halved", "number"),
        ("before a layer", "none"),
        ("by pixel", "none"),
        ("subtracted", "none"),
    ],
)
def test_what_no_image_changes_is_a_scale_of_the_branch_and_no_gate(spelling: str, scale: str) -> None:
    found = card(Weighed(spelling))
    assert found.gates == found.unfollowed == ()
    assert [shortcut.scale for shortcut in found.shortcuts] == [scale]


def test_an_addition_of_older_records_is_weighed_by_nothing() -> None:
    old = Shortcut.model_validate({"module": "shortcut", "kind": "identity", "shape": [4, 7, 8]})
    assert old.scale == "none"


class Beside(nn.Module):
    """A shortcut padded with zeros, and a convolution in two halves: neither appends features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.halves = nn.ModuleList([nn.Conv2d(4, 6, 1), nn.Conv2d(4, 6, 1)])
        self.last = nn.Linear(12, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        halves = torch.cat([half(part) for half, part in zip(self.halves, x.chunk(2, 1), strict=True)], 1)
        x = halves + torch.cat([x, torch.zeros(len(x), 4, 32, 32)], 1)
        return self.last(x.mean((2, 3)))


def test_zeros_and_grouped_convolutions_are_no_dense_connection() -> None:
    found = card(Beside())
    assert found.concatenations == (
        Concatenation(module="concat", appended=0, shape=(12, 32, 32), kind="beside"),
    )
    assert [shortcut.kind for shortcut in found.shortcuts] == ["identity"]
    assert (found.depth, found.maps, found.normalisation) == (3, ((12, 32, 32),), ())
    kinds = [call.kind for call in found.calls]
    assert kinds == ["conv", "conv", "conv", "concat", "shortcut", "linear"]
    assert found.calls[4].reads == (3, 0)  # x beside zeros is x


def test_a_network_without_convolutions() -> None:
    found = card(nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.LayerNorm(8), nn.Linear(8, 10)))
    assert (found.depth, found.stem, found.maps, found.conv_inputs) == (2, (), (), 0)
    assert found.normalisation == ("LayerNorm",)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_what_torch_jit_compiled_cannot_be_followed() -> None:
    model = torch.jit.trace(nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), torch.zeros(1, 3, 32, 32))
    found = card(model)
    assert found.depth == 0
    assert [(each.module, each.reason) for each in found.unfollowed] == [("", "hidden")]
