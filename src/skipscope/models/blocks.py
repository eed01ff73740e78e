"""The building blocks of the networks.

Shapes: B images, C channels, H x W pixels. A comment on a line that changes a shape says the new one.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn


class BatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, printed the way every torch release before 2.12 printed it.

    The structure of a network is part of what a report shows, so it must not depend on the torch
    version that printed it (newer ones insert `bias=True`).
    """

    def extra_repr(self) -> str:
        """Prints the arguments, without those that newer torch versions add."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class SE(nn.Module):
    """Squeeze and excitation: one weight in (0, 1) per channel and image (Hu et al. 2018, section 3).

    Squeeze is the mean over the map (eq. 2); excitation is two fully connected layers, written as 1x1
    convolutions, with ReLU between them and a sigmoid after (eq. 3).
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        """The bottleneck has `channels // reduction` channels."""
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc1 = nn.Conv2d(channels, channels // reduction, kernel_size=1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the gate of `x`: B C H W -> B C 1 1."""
        squeezed = self.avg_pool(x)  # B C 1 1
        gate: Tensor = torch.sigmoid(self.fc2(torch.relu(self.fc1(squeezed))))
        return gate


class StaticGate(nn.Module):
    """A gate that no image moves: one learnt number a channel, through SE's sigmoid.

    The control of an SE gate's content. It starts at 1/2, about where an SE gate starts, and as a vector
    (like biases and BatchNorm's scales) it is spared weight decay.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels))

    def extra_repr(self) -> str:
        """Prints the argument."""
        return f"{len(self.weight)}"

    def forward(self, x: Tensor) -> Tensor:
        """Returns the gate of every image alike: B C H W -> C 1 1, in the map's format."""
        return torch.sigmoid(self.weight).to(x.dtype).view(-1, 1, 1)


class Half(nn.Module):
    """The constant 1/2 where a gate would stand: the control of the scale that gates start from."""

    def __init__(self, _channels: int) -> None:
        super().__init__()

    def forward(self, _x: Tensor) -> float:
        """Returns 1/2, whatever the map."""
        return 0.5


GateKind = Literal["se", "static", "half"]
GATES: dict[GateKind, Callable[[int], nn.Module]] = {"se": SE, "static": StaticGate, "half": Half}
"""What weighs the branch f(x) of a block, by name: the four arms of a gate's contrast, with None."""


class Projection(nn.Sequential):
    """The shortcut with parameters: a strided 1x1 convolution (option B of He et al. 2015, section 3.3)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, normalised: bool = True) -> None:
        """Maps B inputs H W -> B outputs H/stride W/stride."""
        norm = BatchNorm2d if normalised else nn.Identity
        super().__init__(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=not normalised), norm(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions f(x) and a shortcut: relu(f(x) + x) (He et al. 2015, eq. 1 and 2).

    With a gate it is the block of an SE-ResNet: relu(gate(f(x)) * f(x) + x) (Hu et al. 2018, Fig. 3).
    Where the shape changes, the shortcut is a strided 1x1 convolution (option B of He et al.). Without
    its shortcut, it is the block of a plain network: relu(f(x)).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        gate: GateKind | None = None,
        shortcut: bool = True,
    ) -> None:
        """`gate` names what weighs f(x). Of one seed, weights that two kinds of block share are the same."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)  # drawn in any case, as SE
            self.downsample = nn.Sequential(projection, BatchNorm2d(outputs)) if shortcut else None
        self.shortcut = shortcut
        self.se: nn.Module | None = None
        if gate is not None:
            drawn = SE(outputs)  # whatever the gate: layers that come later draw what they draw beside SE
            self.se = drawn if gate == "se" else GATES[gate](outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B inputs H W -> B outputs H/stride W/stride."""
        shortcut = x if self.downsample is None else self.downsample(x)
        f = self.relu(self.bn1(self.conv1(x)))  # B outputs H/stride W/stride
        f = self.bn2(self.conv2(f))
        if self.se is not None:
            f = self.se(f) * f
        y: Tensor = self.relu(f + shortcut if self.shortcut else f)
        return y


class DenseBasic(nn.Module):
    """A layer of a dense block: reads all features before it, appends its own (Huang et al. 2017, eq. 2).

    The 1x1 convolution before the 3x3 is the bottleneck of DenseNet-B (section 3).
    """

    def __init__(self, inputs: int, growth: int) -> None:
        """`growth` is the growth rate k."""
        super().__init__()
        width = 4 * growth
        self.layer = nn.Sequential(
            BatchNorm2d(inputs),
            nn.ReLU(),
            nn.Conv2d(inputs, width, 1),
            BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, growth, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Maps B inputs H W -> B inputs+growth H W."""
        return torch.cat([x, self.layer(x)], dim=1)


class DenseBlock(nn.Module):
    """`layers` dense layers, one after the other: the channels grow by `growth` a layer."""

    def __init__(self, inputs: int, growth: int, *, layers: int = 6) -> None:
        super().__init__()
        self.denseblock = nn.Sequential(*(DenseBasic(inputs + i * growth, growth) for i in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        """Maps B inputs H W -> B inputs+layers*growth H W."""
        features: Tensor = self.denseblock(x)
        return features
