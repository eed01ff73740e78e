"""The four networks of the assignment, as its handout prints them (`print(net)` is `tests/golden/*.txt`).

Shapes are for B images of 3 x 32 x 32. The class names are the handout's, since `print` shows them.
They are confounded as printed: `se_resnet` has no max-pool, so its stages see maps of twice the side.
"""

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from skipscope.models.blocks import BasicBlock, BatchNorm2d, DenseBlock, GateKind


class Net(nn.Module):
    """A network without skip connections, after LeNet-5 (LeCun et al. 1998); 83,126 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5, padding=2)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B 3 32 32 -> logits, B 10."""
        x = self.pool(torch.relu(self.conv1(x)))  # B 6 16 16
        x = self.pool(torch.relu(self.conv2(x)))  # B 16 6 6
        x = torch.relu(self.fc1(x.flatten(1)))  # B 120
        x = torch.relu(self.fc2(x))  # B 84
        logits: Tensor = self.fc3(x)
        return logits


class ResNet_normal(nn.Module):  # noqa: N801 - the handout's name, which print(net) shows
    """ResNet-18 (He et al. 2015, Table 1) with its ImageNet stem, on small images; 11,181,642 parameters.

    Its control, a plain network of the same convolutions, has no shortcuts, and so no projections:
    11,007,818 parameters.
    """

    def __init__(self, *, gate: GateKind | None = None, pooled: bool = True, shortcut: bool = True) -> None:
        """`gate` names what weighs every block's f(x), `pooled` keeps the stem's max-pool."""
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn = BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1) if pooled else None
        widths = (64, 64, 128, 256, 512)
        for stage, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            block = partial(BasicBlock, gate=gate, shortcut=shortcut)
            first = block(inputs, outputs, stride=1 if stage == 1 else 2)
            self.add_module(f"layer{stage}", nn.Sequential(first, block(outputs, outputs)))
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Maps B 3 32 32 -> logits, B 10."""
        x = self.relu(self.bn(self.conv1(x)))  # B 64 16 16
        if self.maxpool is not None:
            x = self.maxpool(x)  # B 64 8 8
        for stage in range(1, 5):  # the side halves from layer2 on: at last B 512 1 1 if pooled, else 2 2
            x = self.get_submodule(f"layer{stage}")(x)
        logits: Tensor = self.fc(self.avg_pool(x).flatten(1))
        return logits


class SEResNet(ResNet_normal):
    """Adds a gate to every block (Hu et al. 2018); as printed, has no max-pool; 11,270,722 parameters.

    Its controls have in every block a gate that no image moves (`static`: 11,183,562 parameters) or the
    constant 1/2 (`half`: 11,181,642, as many as the network without gates).
    """

    def __init__(self, *, gate: GateKind = "se", pooled: bool = False) -> None:
        super().__init__(gate=gate, pooled=pooled)


class DenseNet(nn.Module):
    """Two dense blocks with growth rates 32 and 64 (after Huang et al. 2017); 1,753,546 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.bn1 = BatchNorm2d(32)
        self.max_pool = nn.MaxPool2d(2, 2)
        self.relu = nn.ReLU()
        self.denseblock1 = DenseBlock(32, 32)
        self.bn2 = BatchNorm2d(224)
        self.conv1 = nn.Conv2d(224, 64, 3, padding=1)
        self.avg1 = nn.AvgPool2d(2, 2)
        self.denseblock2 = DenseBlock(64, 64)
        self.fc1 = nn.Linear(448 * 4 * 4, 10)  # nothing normalises its 7,168 features

    def forward(self, x: Tensor) -> Tensor:
        """Maps B 3 32 32 -> logits, B 10."""
        x = self.max_pool(self.relu(self.bn1(self.conv(x))))  # B 32 8 8
        x = self.denseblock1(x)  # B 224 8 8
        x = self.avg1(self.conv1(self.relu(self.bn2(x))))  # B 64 4 4
        x = self.denseblock2(x)  # B 448 4 4
        logits: Tensor = self.fc1(x.flatten(1))
        return logits
