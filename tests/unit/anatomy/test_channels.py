"""Which source a channel comes from is said where it is so, and not said where it may not be."""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import anatomy, capture
from skipscope.models.registry import NETWORKS, build

Operator = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """Four channels of `a` and four of `b`, an operator, and a convolution or linear layer that reads it."""

    def __init__(self, operator: Operator) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b = (nn.Conv2d(3, 4, 3, padding=1) for _ in range(2))
        self.operator = operator
        self.read = nn.LazyConv2d(2, 1)
        self.sum_up = nn.LazyLinear(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.operator(torch.cat([self.a(x), self.b(x)], 1))
        return (self.read if x.ndim == 4 else self.sum_up)(x)


IMAGES = torch.randn(
    3, 3, 8, 8, generator=torch.Generator().manual_seed(1)
)  # 8 = H = W = channels of a and b


def read_of(operator: Operator) -> tuple[tuple[tuple[str, int], ...], list[bool], list[bool]]:
    """The sources of what is read; and which of its channels a change of `a`, and one of `b`, changes."""
    model = Between(operator)
    with torch.no_grad():
        model(IMAGES)
    sources = next(s for s in anatomy(model, IMAGES).sites if s.module in ("read", "sum_up")).sources

    def read(changed: str | None) -> Tensor:
        found: list[Tensor] = []

        def keep(call: Call) -> None:
            if call.module in ("read", "sum_up"):
                found.append(call.inputs[0].clone())

        def change(call: Call) -> Tensor | None:
            return call.output + torch.rand_like(call.output) if call.module == changed else None

        with torch.no_grad(), capture(model.eval(), keep, edit=change):
            model(IMAGES)
        return found[0].transpose(0, 1).flatten(1)  # channels first

    intact = read(None)
    by_a, by_b = ((read(place) != intact).any(1).tolist() for place in "ab")
    return sources, by_a, by_b


STAY: dict[str, Operator] = {
    "batch_norm": lambda x: functional.batch_norm(x, torch.ones(8), torch.ones(8)),
    "relu": torch.relu,
    "in place": lambda x: x.sub_(0.1).relu_(),
    "gelu, hardswish": lambda x: functional.hardswish(functional.gelu(x)),
    "max_pool2d": lambda x: functional.max_pool2d(x, 2),
    "avg_pool2d": lambda x: functional.avg_pool2d(x, 2),
    "adaptive": lambda x: functional.adaptive_max_pool2d(x, 2),
    "dropout": lambda x: functional.dropout2d(
        functional.dropout(x, 0.5, training=False), 0.5, training=False
    ),
    "interpolate": lambda x: functional.interpolate(x, scale_factor=2),
    "pad": lambda x: functional.pad(x, (1, 1, 2, 0)),
    "sums and products": lambda x: 1 - (2 * x + torch.ones(8, 1, 1)) / 3,
    "x + x": lambda x: x + torch.tanh(x),
    "crop": lambda x: x[:, :, ::2, 1:],
    "as it is": lambda x: x.contiguous(memory_format=torch.channels_last).float().clone(),
    "flatten": lambda x: x.flatten(1),
    "view": lambda x: x.view(len(x), -1),
    "reshape and back": lambda x: x.reshape(3, 8, 64).view(3, 8, 8, 8),
    "flatten behind channels_last": lambda x: x.to(memory_format=torch.channels_last).flatten(1),
    "mean over pixels": lambda x: x.mean((2, 3)),
    "mean over pixels, from the end": lambda x: x.mean(-1).amax(dim=-1),
    "mean, named": lambda x: torch.mean(input=x, dim=[-2, -1], keepdim=True),
    "pooled, and a map again": lambda x: (
        functional.adaptive_avg_pool2d(x, 1).squeeze(3).squeeze(2)[:, :, None, None]
    ),
    "chunks the other way round": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "a shuffle of parts": lambda x: torch.cat([x.split([1, 4, 3], 1)[place] for place in (2, 0, 1)], dim=1),
    "parts of pixels": lambda x: torch.cat(x.chunk(2, 3)[::-1], 1),
    "parts of images": lambda x: torch.cat([x.split(2)[0], x.split(2)[0]], 1),
    "unequal parts": lambda x: torch.cat(torch.tensor_split(x, (3, 5), dim=-3)[1:], 1),
    "expanded": lambda x: functional.adaptive_avg_pool2d(x, 1).expand(-1, -1, 4, 4),
}
MOVE: dict[str, Operator] = {
    "shuffle": lambda x: x.view(3, 2, 4, 8, 8).transpose(1, 2).reshape(3, 8, 8, 8),
    "shuffle of as many groups as channels": lambda x: (
        x.view(3, 8, 1, 8, 8).transpose(1, 2).reshape(3, 8, 8, 8)
    ),
    "flip": lambda x: x.flip(1),
    "roll": lambda x: x.roll(2, 1),
    "channels and rows change places": lambda x: x.transpose(1, 2),
    "permute, flatten": lambda x: x.permute(0, 2, 3, 1).flatten(1),
    "permute, back by reshape": lambda x: x.permute(0, 2, 3, 1).reshape(3, 8, 8, 8),
    "a part": lambda x: x[:, :4],
    "every other": lambda x: x[:, ::2],
    "all, by a list": lambda x: x[:, [7, 6, 5, 4, 3, 2, 1, 0]],
    "index_select": lambda x: x.index_select(1, torch.arange(7, -1, -1)),
    "two lists of pixels": lambda x: x[:, :, None][:, :, [0, 0], :, [0, 1]],
    "channels added": lambda x: functional.pad(x, (0, 0, 0, 0, 2, 2)),
    "channels moved by padding": lambda x: functional.pad(x, (0, 0, 0, 0, 2, -2)),
    "mean over channels": lambda x: x.mean(1),
    "mean over channels, expanded": lambda x: x.mean(1, keepdim=True).expand(-1, 8, -1, -1),
    "sorted": lambda x: x.sort(1)[0],
    "pixel_shuffle": lambda x: functional.pixel_shuffle(x, 2),
    "matmul": lambda x: torch.ones(8, 8) @ x.flatten(2).view(3, 8, 64)[:, :, :64],
    "einsum": lambda x: torch.einsum("oc,bchw->bohw", torch.ones(8, 8), x),
    "transposed convolution": lambda x: functional.conv_transpose2d(x, torch.ones(8, 8, 1, 1)),
}


@pytest.mark.parametrize("name", STAY)
def test_channels_that_stay_keep_their_sources(name: str) -> None:
    sources, by_a, by_b = read_of(STAY[name])
    said = [place for place, count in sources for _ in range(count)]
    assert set(said) == {"a", "b"}
    assert len(said) == len(by_a)
    assert all(place == "a" for place, changed in zip(said, by_a, strict=True) if changed)
    assert all(place == "b" for place, changed in zip(said, by_b, strict=True) if changed)
    assert any(by_a)
    assert any(by_b)


@pytest.mark.parametrize("name", MOVE)
def test_nothing_is_said_of_channels_that_may_have_moved(name: str) -> None:
    assert read_of(MOVE[name])[0] == ()


def test_what_is_beside_unknown_channels_is_unknown_too() -> None:
    assert read_of(lambda x: torch.cat([x, x.flip(1)], 1))[0] == ()


AS_BEFORE = {
    "cnn": "9af878daf1cd97ab",
    "resnet": "7cf6cdc2b3644a12",
    "densenet": "ce33e47f64dd81d9",
    "se_resnet": "712aabf613fc9a91",
    "resnet_noskip": "057f8e59eecbb7f7",
    "resnet_nopool": "7cf6cdc2b3644a12",
    "se_resnet_pool": "712aabf613fc9a91",
    "plain20": "7b0310833498fb11",
    "resnet20": "975b375078ae52dd",
    "se_resnet20": "d8b38fa4e5f918cf",
    "densenet16_k12": "202ce8760b1346dc",
    "densenet_bc16_k12": "d5a740f9b6e0c248",
    # what no image changes is no call of a kind: the gate's controls are the same calls as networks without
    "se_resnet_static": "7cf6cdc2b3644a12",
    "se_resnet_half": "7cf6cdc2b3644a12",
    "se_resnet_pool_static": "7cf6cdc2b3644a12",
    "se_resnet_pool_half": "7cf6cdc2b3644a12",
    "se_resnet20_static": "975b375078ae52dd",
    "chain16_k12": "f2ea2452fdf3126a",
}
"""Hashes of each call's kind, module and sources, if every call that keeps the channels hands them on."""


@pytest.mark.parametrize("network", AS_BEFORE)
def test_the_networks_sources_are_all_known_and_as_they_were(network: str) -> None:
    sites = anatomy(build(network), torch.zeros(2, 3, 32, 32)).sites
    told = [[site.kind, site.module, site.sources] for site in sites if site.kind != "pool"]
    assert sha256(json.dumps(told).encode()).hexdigest()[:16] == AS_BEFORE[network]
    for site in sites:
        channels = site.output[0] if site.kind == "concat" else site.inputs[0][0]
        assert sum(count for _, count in site.sources) == channels


def test_every_network_that_has_a_name_is_among_them() -> None:
    assert NETWORKS.keys() <= AS_BEFORE.keys()
