"""Networks of residual or plain blocks, and their forward passes without some of them."""

from collections.abc import Callable, Collection
from itertools import pairwise

import pytest
import torch
from told import told
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from skipscope.probes.base import View
from skipscope.probes.block_deletion import blocks_of, drawn, measure
from skipscope.probes.measure import view_of

CLASSES = 4


def seen(model: nn.Module, images: int = 40, seed: int = 0, side: int = 8) -> View:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 3, side, side, generator=generator)
    return view_of(model, x, torch.arange(images) % CLASSES, seed=seed)


def norm(channels: int) -> nn.BatchNorm2d:
    """With statistics and biases that are not those of a fresh one."""
    made = nn.BatchNorm2d(channels)
    for values in (made.running_mean, made.bias):
        nn.init.normal_(values, std=0.3)
    nn.init.uniform_(made.running_var, 0.5, 2)
    return made


class Block(nn.Module):
    """conv-norm-relu-conv-norm, with a shortcut or without, as `style` says."""

    def __init__(self, style: str, inputs: int, outputs: int, factor: float = 1.0) -> None:
        super().__init__()
        self.style, self.factor = style, factor
        stride = 1 if inputs == outputs else 2
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), norm(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), norm(outputs)
        self.relu = nn.ReLU(inplace=style == "in place")
        self.project = nn.Conv2d(inputs, outputs, 1, 2) if stride == 2 and style != "plain" else None

    def shortcut(self, x: Tensor) -> Tensor:
        return self.factor * (x if self.project is None else self.project(x))

    def forward(self, x: Tensor) -> Tensor:
        f = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.style == "in place":
            f += self.shortcut(x)
        elif self.style == "functional":
            f = self.shortcut(x) + f
        return self.relu(f)


class Net(nn.Module):
    """Five blocks, the third of which changes the shape."""

    def __init__(self, style: str = "functional", factor: float = 1.0) -> None:
        super().__init__()
        # with fewer than 16 channels before a 1x1 convolution of stride 2, oneDNN 3.12 writes behind the
        # gradient of its weights; the process dies later, somewhere else (uxlfoundation/oneDNN, issue 6035)
        self.stem, self.bn = nn.Conv2d(3, 16, 3, padding=1), norm(16)
        widths = (16, 16, 16, 20, 20, 20)
        pairs = pairwise(widths)
        self.body = nn.Sequential(*(Block(style, before, after, factor) for before, after in pairs))
        self.fc = nn.Linear(widths[-1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(relu(self.bn(self.stem(x)))).mean((2, 3)))


def net(style: str = "functional", factor: float = 1.0) -> Net:
    torch.manual_seed(0)
    return Net(style, factor)


def by_hand(model: Net, x: Tensor, without: Collection[str]) -> Tensor:
    """The forward pass, without these blocks' branches (of a plain network: without these blocks)."""
    x = relu(model.bn(model.stem(x)))
    for index, block in enumerate(model.body):
        assert isinstance(block, Block)
        gone = f"body.{index}" in without
        if block.style == "plain":
            x = x if gone else block(x)
        else:
            f = 0 if gone else block.bn2(block.conv2(relu(block.bn1(block.conv1(x)))))
            x = relu(f + block.shortcut(x))
    return model.fc(x.mean((2, 3)))


def outcome_of(logits: Tensor, labels: Tensor) -> tuple[float, float]:
    right = (logits.argmax(1) == labels).double().mean()
    return cross_entropy(logits.double(), labels).item(), right.item()


def agree(view: View, forward: Callable[[Collection[str]], Tensor]) -> None:
    """Every reading is the difference of `forward` without the blocks it names and with all."""
    found = told(measure(view))
    with torch.no_grad():
        loss, accuracy = outcome_of(forward(()), view.labels)
        # another order of fp32 sums (a padded product, a shortcut added from the other side)
        assert found["loss", 0] == pytest.approx(loss, abs=2e-6)
        assert found["accuracy", 0] == accuracy
        sets = {
            (len(gone), columns["draw"]): gone for columns, gone in drawn(view, list(blocks_of(view.anatomy)))
        }
        for reading in measure(view):
            if reading.blocks == 0:
                continue
            alone = tuple(name for name in (reading.module, reading.neighbour) if name is not None)
            gone = sets[reading.blocks, reading.draw] if reading.draw else alone
            assert len(gone) == reading.blocks
            changed = outcome_of(forward(gone), view.labels)
            if reading.quantity == "loss_change":
                assert reading.value == pytest.approx(changed[0] - loss, abs=4e-6)
            else:
                assert reading.value == pytest.approx(changed[1] - accuracy, abs=1e-12)
