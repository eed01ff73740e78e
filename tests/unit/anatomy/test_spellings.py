"""Shortcuts, gates and concatenations are found however written, and nothing else is taken for one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.capture import anatomy, capture


class Net(nn.Module):
    """A convolution, a way to go on from its map, and a classifier."""

    def __init__(self, way: Callable[["Net", Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.way = way
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.c, self.d = (nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.e, self.fc, self.two = nn.Conv2d(8, 8, 1), nn.Linear(8, 8), nn.Linear(8, 16)
        self.scale, self.alpha = nn.Parameter(torch.full((8, 1, 1), 0.1)), nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self, self.stem(x)).flatten(1)[:, :10]

    def squeezed(self, x: Tensor) -> Tensor:
        return self.fc(x.mean((2, 3)))[:, :, None, None]

    def gate(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.squeezed(x))


Way = Callable[[Net, Tensor], Tensor]
IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def written(x: Tensor, f: Tensor) -> Tensor:
    y = x.new_empty(2, 16, 8, 8)
    y[:, :8], y[:, 8:] = x, f
    return y


SHORTCUTS: dict[str, Way] = {
    "add": lambda n, x: torch.add(x, n.c(x)),
    "alpha": lambda n, x: torch.add(x, n.c(x), alpha=0.3),
    "add_": lambda n, x: n.c(x).add_(x, alpha=2),
    "out": lambda n, x: torch.add(x, n.c(x), out=torch.empty_like(x)),
    "scaled": lambda n, x: x + 0.1 * n.c(x),
    "layer scale": lambda n, x: x + n.scale * n.c(x),
    "ReZero": lambda n, x: x + n.alpha * n.c(x),
    "stochastic depth": lambda n, x: x + n.c(x) * x.new_empty(len(x), 1, 1, 1).bernoulli_(0.5),
    "sum": lambda n, x: sum([x, n.c(x)]),
    "stack, sum": lambda n, x: torch.stack([x, n.c(x)]).sum(0),
    "stack, mean": lambda n, x: torch.mean(torch.stack((x, n.c(x)), -1), dim=-1),
    "lerp": lambda n, x: torch.lerp(x, n.c(x), 0.25),
    "addcmul": lambda n, x: torch.addcmul(x, n.scale, n.c(x)),
    "sub": lambda n, x: x - n.c(x),
    "sub_": lambda n, x: x.sub_(n.c(x)),
    "baddbmm": lambda n, x: torch.baddbmm(tokens(x), tokens(x), n.fc.weight.expand(2, 8, 8)),
    "option A": lambda n, x: F.pad(x[:, :4, ::2, ::2], (0, 0, 0, 0, 2, 2)) + n.c(x)[:, :, ::2, ::2],
    "tokens": lambda n, x: tokens(x) + n.fc(tokens(x)),
    "copy_": lambda n, x: x.copy_(x + n.c(x)),
}
GATES: dict[str, Way] = {
    "mul": lambda n, x: torch.mul(n.gate(x), x),
    "multiply": lambda n, x: torch.multiply(x, n.gate(x)),
    "mul_": lambda n, x: x.mul_(n.gate(x)),
    "out": lambda n, x: torch.mul(x, n.gate(x), out=torch.empty_like(x)),
    "expand": lambda n, x: x * n.gate(x).expand_as(x),
    "repeat": lambda n, x: x * n.gate(x).repeat(1, 1, 8, 8),
    "hard sigmoid": lambda n, x: x * F.hardsigmoid(n.squeezed(x)),
    "by hand": lambda n, x: x * (F.relu6(n.squeezed(x) + 3) / 6),
    "clamp": lambda n, x: x * (n.squeezed(x) * 0.2 + 0.5).clamp(0, 1),
    "twice": lambda n, x: x * (2 * n.gate(x)),
    "tanh": lambda n, x: x * ((torch.tanh(n.squeezed(x)) + 1) / 2),
    "one more": lambda n, x: x * (1 + n.gate(x)),
    "division": lambda n, x: x / (1 + torch.exp(-n.squeezed(x))),
    "einsum": lambda n, x: torch.einsum("bchw,bc->bchw", x, n.gate(x).flatten(1)),
    "einsum, turned": lambda n, x: torch.einsum("bc,bchw->bchw", n.gate(x).flatten(1), x),
    "without layers": lambda n, x: x * torch.sigmoid(F.adaptive_avg_pool2d(x, 1)),
    "of a flattened map": lambda n, x: x * torch.sigmoid(n.fc(x.view(2, 8, -1).mean(2))).view(2, 8, 1, 1),
    "of mean and maximum": lambda n, x: (
        x * torch.sigmoid(n.e(F.adaptive_max_pool2d(x, 1)) + n.e(F.adaptive_avg_pool2d(x, 1)))
    ),
    "channels last": lambda n, x: (
        (y := x.permute(0, 2, 3, 1)) * torch.sigmoid(n.fc(y.mean((1, 2), keepdim=True)))
    ),
    "tokens": lambda n, x: tokens(x) * torch.sigmoid(n.fc(tokens(x).mean(1, keepdim=True))),
    "swish within": lambda n, x: x * torch.sigmoid(n.e((y := n.squeezed(x)) * torch.sigmoid(y))),
    "of a 1x1 map": lambda n, x: (y := F.avg_pool2d(x, 8)) * torch.sigmoid(n.e(F.adaptive_avg_pool2d(y, 1))),
    "selective kernels": lambda n, x: (
        torch.stack([a := n.c(x), b := n.d(x)], 1)
        * n.two((a + b).mean((2, 3))).view(2, 2, 8, 1, 1).softmax(1)
    ).sum(1),
}
CONCATENATIONS: dict[str, Way] = {
    "cat": lambda n, x: torch.cat([x, n.c(x)], 1),
    "concat": lambda n, x: torch.concat((x, n.c(x)), dim=-3),
    "hstack": lambda n, x: torch.hstack([x, n.c(x)]),
    "stack, flatten": lambda n, x: torch.stack([x, n.c(x)], 1).flatten(1, 2),
    "stack, view": lambda n, x: torch.stack([x, n.c(x)], 1).view(2, 16, 8, 8),
    "a buffer": lambda n, x: written(x, n.c(x)),
    "side by side": lambda n, x: torch.cat([n.c(x), n.d(x)], 1),
}
NEITHER: dict[str, Way] = {
    "swish": lambda n, x: x * torch.sigmoid(x),
    "swish, learnt": lambda n, x: x * (n.alpha * x).sigmoid(),
    "swish of a 1x1 map": lambda n, x: (y := F.avg_pool2d(x, 8)) * y.sigmoid(),
    "hard swish": lambda n, x: x * F.relu6(x + 3) / 6,
    "mish": lambda n, x: x * torch.tanh(F.softplus(x)),
    "gelu": lambda n, x: 0.5 * x * (1 + torch.tanh(0.79788 * (x + 0.044715 * x.pow(3)))),
    "gated linear unit": lambda n, x: (y := n.c(x).chunk(2, 1))[0] * torch.sigmoid(y[1]),
    "relu": lambda n, x: x * (x > 0),
    "softsign": lambda n, x: x / (1 + x.abs()),
    "layer norm": lambda n, x: (x - x.mean(1, keepdim=True)) * torch.rsqrt(x.var(1, keepdim=True) + 1e-5),
    "instance norm": lambda n, x: x * torch.rsqrt(x.var((2, 3), keepdim=True) + 1e-5),
    "attention": lambda n, x: (tokens(x) @ tokens(x).mT).softmax(-1) @ tokens(x),
    "attention with relative positions": lambda n, x: (
        ((y := tokens(x)) @ y.transpose(1, 2) + torch.einsum("bnc,mc->bnm", y, torch.ones(64, 8))).softmax(-1)
        @ y
    ),
    "branches of one depth": lambda n, x: n.c(x) + n.d(x),
    "zeros": lambda n, x: x + torch.zeros_like(n.c(x)),
    "positions": lambda n, x: x + n.scale,
}
UNFOLLOWED: dict[str, tuple[str, Way]] = {
    "attention of pixels": ("by_pixel", lambda n, x: x * torch.sigmoid(n.c(x).mean(1, keepdim=True))),
    "two maps": ("by_pixel", lambda n, x: n.c(x) * n.d(x)),
    "rows": ("by_pixel", lambda n, x: x * torch.sigmoid(n.e(x.mean(3, keepdim=True)))),
    "one number": ("whole_map", lambda n, x: x * n.gate(x).mean(1, keepdim=True)),
    "global context": ("broadcast", lambda n, x: x + n.squeezed(x)),
    "maximum": ("function", lambda n, x: torch.maximum(x, n.c(x))),
    "lerp by a gate": ("function", lambda n, x: torch.lerp(x, n.c(x), n.gate(x))),
    "numpy": ("hidden", lambda n, x: x + torch.from_numpy(n.c(x).detach().numpy())),
    "tokens appended": ("vectors", lambda n, x: torch.cat([tokens(x), n.fc(tokens(x))], -1)),
}


def found(way: Way) -> Anatomy:
    with torch.no_grad():
        return anatomy(Net(way), IMAGES)


def numbers(of: Anatomy) -> tuple[int, int, int, int]:
    return len(of.shortcuts), len(of.gates), len(of.concatenations), len(of.unfollowed)


@pytest.mark.parametrize("name", SHORTCUTS)
def test_a_shortcut_is_found_and_can_be_taken_alone(name: str) -> None:
    assert numbers(found(SHORTCUTS[name])) == (1, 0, 0, 0)
    if "stochastic" in name:
        return
    model = Net(SHORTCUTS[name])
    with torch.no_grad():
        with capture(model, edit=lambda call: call.inputs[1] if call.kind == "shortcut" else None):
            without = model(IMAGES)
        for layer in (model.c, model.fc):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        assert torch.allclose(without, model(IMAGES))


@pytest.mark.parametrize(
    ("way", "shortcuts"),
    [
        (lambda n, x: x + F.avg_pool2d(F.group_norm(x, 2), 3, 1, 1), 1),
        (lambda n, x: F.avg_pool2d(x, 3, 1, 1) - x, 0),  # what differs from its surroundings
        (lambda n, x: F.avg_pool2d(x, 2) + F.max_pool2d(x, 2), 0),
        (lambda n, x: F.adaptive_avg_pool2d(x, 1) + F.avg_pool2d(F.avg_pool2d(x, 2), 4), 0),
    ],
)
def test_a_branch_without_layers_may_pool(way: Way, shortcuts: int) -> None:
    assert numbers(found(way)) == (shortcuts, 0, 0, 0)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_is_found_and_can_be_replaced(name: str) -> None:
    assert numbers(found(GATES[name])) == (0, 1, 0, 0)
    model = Net(GATES[name])

    def shut(call: object) -> Tensor | None:
        return call.again(call.inputs[0], 0 * call.inputs[1]) if call.kind == "gate" else None

    with torch.no_grad(), capture(model, edit=shut):
        assert not model(IMAGES).any()


@pytest.mark.parametrize("name", CONCATENATIONS)
def test_a_concatenation_is_found(name: str) -> None:
    (site,) = found(CONCATENATIONS[name]).concatenations
    assert site.output == (16, 8, 8)
    assert site.skips == (name != "side by side")
    assert numbers(found(CONCATENATIONS[name])) == (0, 0, 1, 0)


@pytest.mark.parametrize("name", NEITHER)
def test_what_is_no_shortcut_and_no_gate_is_not_taken_for_one(name: str) -> None:
    assert numbers(found(NEITHER[name])) == (0, 0, 0, 0)


@pytest.mark.parametrize("name", UNFOLLOWED)
def test_what_has_no_name_is_said_to_be_there(name: str) -> None:
    reason, way = UNFOLLOWED[name]
    assert [site.reason for site in found(way).unfollowed] == [reason]
    assert numbers(found(way)) == (0, 0, 0, 1)


class Elsewhere(nn.Module):
    """Computes where torch cannot see it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.detach().numpy() * 2)


def test_a_module_that_cannot_be_seen_into_is_named_and_does_not_end_the_trace() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Elsewhere(), nn.Flatten(), nn.LazyLinear(10))
    with torch.no_grad():
        model(IMAGES)
        seen = anatomy(model, IMAGES)
    assert [(site.module, site.reason) for site in seen.unfollowed] == [("1", "hidden")]
    assert seen.depth == 2


def test_every_addition_of_an_encoder_is_found_with_and_without_gradients() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
    model = Net(lambda n, x: n.encoder(tokens(x)))
    model.encoder = nn.TransformerEncoder(layer, 3)
    for grad in (True, False):
        with torch.set_grad_enabled(grad):
            seen = anatomy(model, IMAGES)
        assert [site.module for site in seen.shortcuts] == [
            f"encoder.layers.{index}{again}" for index in range(3) for again in ("", ":2")
        ]
        assert seen.unfollowed == ()
