"""A network of two gated residual blocks, its gates, and its forward pass with other gates."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.probes.base import View
from skipscope.probes.measure import view_of

STYLES = ("functional", "module", "linear", "in place")
CHANNELS, CLASSES = 6, 4
Change = Callable[[str, Tensor], Tensor]
"""A block's name and its gates, B C 1 1, to others."""


class Block(nn.Module):
    """A gated residual block; `style` is how its author wrote the gate."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style = style
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        full = style == "linear"
        self.fc1 = nn.Linear(CHANNELS, 3) if full else nn.Conv2d(CHANNELS, 3, 1)
        self.fc2 = nn.Linear(3, CHANNELS) if full else nn.Conv2d(3, CHANNELS, 1)
        self.sigmoid = nn.Sigmoid()

    def gate(self, f: Tensor) -> Tensor:
        if self.style == "linear":
            squeezed = f.mean((2, 3))
            gate = self.sigmoid(self.fc2(relu(self.fc1(squeezed)))).view(len(f), CHANNELS, 1, 1)
            return gate.expand_as(f)
        before = self.fc2(relu(self.fc1(f.mean((2, 3), keepdim=True))))
        return torch.sigmoid(before) if self.style == "functional" else self.sigmoid(before)

    def forward(self, x: Tensor) -> Tensor:
        f = self.conv(x)
        if self.style == "in place":
            f *= self.gate(f)
        else:
            f = self.gate(f) * f
        return relu(f + x)


class Gated(nn.Module):
    def __init__(self, style: str) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.one, self.two = Block(style), Block(style)
        self.fc = nn.Linear(CHANNELS, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.two(self.one(self.stem(x))).mean((2, 3)))


def gated(style: str = "functional") -> Gated:
    torch.manual_seed(0)
    model = Gated(style)
    with torch.no_grad():
        for block in (model.one, model.two):
            block.fc2.weight.mul_(200)  # gates that differ between images, some of them nearly shut or open
    return model


def by_hand(model: Gated, x: Tensor, change: Change = lambda _, gate: gate) -> Tensor:
    """The forward pass, with the gates changed."""
    x = model.stem(x)
    for name in ("one", "two"):
        block = model.get_submodule(name)
        f = block.conv(x)
        gate = block.gate(f.clone())
        x = relu(f * change(name, gate) + x)
    return model.fc(x.mean((2, 3)))


def seen(model: nn.Module, images: int = 48, seed: int = 1) -> View:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(images) % CLASSES
    return view_of(model, torch.randn(images, 3, 8, 8, generator=generator), labels)


def gates_of(model: Gated, x: Tensor) -> dict[str, Tensor]:
    """B C of each block."""
    found = {}

    def keep(name: str, gate: Tensor) -> Tensor:
        found[name] = gate[:, :, 0, 0].double()
        return gate

    with torch.no_grad():
        by_hand(model, x, keep)
    return found
