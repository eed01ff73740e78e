"""The networks of Huang et al. 2017, section 4.2, for small images: `densenetL_kK` and `densenet_bcL_kK`.

`chainL_kK` is the control of the concatenation: the same stem, layers and transitions, each layer computing K
channels, but from its predecessor's alone. So it is as deep and, by what a layer adds, as wide; it has fewer
parameters, since there is less to read.

Shapes: B images, C channels, H x W pixels. A comment on a line that changes a shape says the new one.
"""

import re
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from skipscope.models.blocks import BatchNorm2d
from skipscope.models.initialisation import drawn, initialise

RULE = "densenetL_kK or chainL_kK with L = 3n+4, or densenet_bcL_kK with L = 6n+4; K: growth rate"
_NAME = re.compile(r"(?P<kind>densenet|densenet_bc|chain)(?P<depth>[1-9]\d{0,3})_k(?P<growth>[1-9]\d{0,2})")

DEEPEST, WIDEST = 400, 100
"""The largest depth and growth rate that a name may ask for; the papers go to 250 and 40."""


def named(name: str) -> Callable[[], nn.Module] | None:
    """Returns the maker of the network of this name, if it follows the rule: `densenet_bc100_k12`."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    compact, depth = found["kind"] == "densenet_bc", int(found["depth"])
    convolutions = 2 if compact else 1  # of a layer; there are three blocks of n layers
    if not 4 < depth <= DEEPEST or (depth - 4) % (3 * convolutions) or not 0 < int(found["growth"]) <= WIDEST:
        return None
    layers, growth = (depth - 4) // (3 * convolutions), int(found["growth"])
    if found["kind"] == "chain":
        return partial(Chain, layers, growth)
    return partial(DenseNet, layers, growth, compact=compact)


class Layer(nn.Module):
    """BatchNorm, ReLU, 3x3 convolution; appends channels to what it reads (Huang et al. 2017, eq. 2).

    Of a chain it passes on the new channels alone.
    With a bottleneck, a 1x1 convolution before it leaves 4 x `growth` channels (DenseNet-B, section 3).
    """

    def __init__(self, inputs: int, growth: int, *, bottleneck: bool, appends: bool = True) -> None:
        super().__init__()
        self.appends = appends
        width = 4 * growth if bottleneck else inputs
        narrow = _convolution(inputs, width, 1) if bottleneck else []
        self.layer = nn.Sequential(*narrow, *_convolution(width, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B inputs H W -> B inputs+growth H W; of a chain B growth H W."""
        new: Tensor = self.layer(x)
        return torch.cat([x, new], dim=1) if self.appends else new


class DenseNet(nn.Module):
    """A 3x3 stem, three dense blocks with transitions between them, a classifier."""

    def __init__(self, layers: int, growth: int, *, compact: bool = False, appends: bool = True) -> None:
        """Each block has `layers`; `compact` is DenseNet-BC: bottlenecks, and transitions that halve."""
        super().__init__()
        generator = drawn()
        channels = 2 * growth if compact else 16
        self.conv = nn.Conv2d(3, channels, 3, padding=1, bias=False)
        for block in range(1, 4):
            block_layers = []
            for _ in range(layers):
                block_layers.append(Layer(channels, growth, bottleneck=compact, appends=appends))
                channels = channels + growth if appends else growth
            self.add_module(f"denseblock{block}", nn.Sequential(*block_layers))
            if block < 3:
                kept = channels // 2 if compact else channels  # compression 0.5 (section 3)
                transition = nn.Sequential(*_convolution(channels, kept, 1), nn.AvgPool2d(2, 2))
                self.add_module(f"transition{block}", transition)
                channels = kept
        self.bn = BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, 10)
        initialise(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B 3 32 32 -> logits, B 10."""
        x = self.conv(x)  # B C 32 32
        for block in range(1, 4):
            x = self.get_submodule(f"denseblock{block}")(x)  # C grows by layers x growth, or is growth
            if block < 3:
                x = self.get_submodule(f"transition{block}")(x)  # B C 16 16, B C 8 8
        logits: Tensor = self.fc(self.avg_pool(self.relu(self.bn(x))).flatten(1))
        return logits


class Chain(DenseNet):
    """The control of the concatenation: every layer reads its predecessor alone."""

    def __init__(self, layers: int, growth: int) -> None:
        super().__init__(layers, growth, appends=False)


def _convolution(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """Puts BatchNorm and ReLU before the convolution, as in pre-activation ResNets."""
    return [
        BatchNorm2d(inputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
    ]
