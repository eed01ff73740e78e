"""Loss and accuracy of a network on a split, and the bytes-to-input step that training shares.

Shapes: B images, C = 3 channels, H x W = 32 x 32.
"""

from math import prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.data.augment import MARGIN, AugmentParams, moved
from skipscope.data.dataset import Dataset, Split
from skipscope.kernels.pixels import compiled_pass
from skipscope.spec import Recipe
from skipscope.training.precision import FORMATS, computing

BATCH = 250
"""Images a forward pass, as many as keep its maps in the cache; of no influence beyond rounding."""


class Inputs:
    """Turns bytes into what a network sees: zero mean and unit variance per channel."""

    def __init__(self, dataset: Dataset, recipe: Recipe, on: torch.device) -> None:
        """The training split's mean and standard deviation, on the device `on`."""
        pixels = prod(dataset.train.images.shape[2:])
        self.mean = (torch.tensor(dataset.mean, device=on) * 255).repeat(pixels)  # H*W*C
        self.scale = (1 / (torch.tensor(dataset.std, device=on) * 255)).repeat(pixels)
        self.memory_format = FORMATS[recipe.memory_format]
        self.device = on

    def __call__(self, images: NDArray[np.uint8]) -> Tensor:
        """B C H W uint8 -> B C H W float32 in the recipe's memory format."""
        batch, channels, height, width = images.shape
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 2, 3, 1)))  # B H W C
        # an image at a time: three channels alone do not fill a vector, and a row of them hardly does
        x = pixels.to(self.device).view(batch, -1).to(torch.float32).sub_(self.mean).mul_(self.scale)
        x = x.view(batch, height, width, channels).permute(0, 3, 1, 2)
        return x.contiguous(memory_format=self.memory_format)

    def of(
        self, split: Split, positions: NDArray[np.int64], moves: AugmentParams | None = None
    ) -> tuple[Tensor, Tensor]:
        """The split's images at `positions`, moved, and their labels: B C H W float32 and B int64."""
        one_pass = compiled_pass(self.device, MARGIN)
        if one_pass is not None:
            rows = split.rows[positions]
            x = one_pass(split.images, rows, moves, self.mean, self.scale)
            target = torch.from_numpy(split.labels[rows].astype(np.int64))
            return x.contiguous(memory_format=self.memory_format), target
        images, labels = split.take(positions)
        if moves is not None:
            images = moved(images, moves)
        return self(images), torch.from_numpy(labels).to(self.device)


class Evaluation(NamedTuple):
    """A network's results on a split of N images."""

    loss: float
    """Mean cross-entropy, without label smoothing."""
    accuracy: float
    """In 0..1."""
    right: Tensor
    """N: whether each image is classified rightly."""


def evaluate(model: nn.Module, split: Split, inputs: Inputs, recipe: Recipe) -> Evaluation:
    """Loss and accuracy on the split; leaves the model in training mode."""
    loss_sum, right = 0.0, []
    model.eval()
    # no inference mode: what a network keeps for itself meanwhile could not be trained with
    with torch.no_grad(), computing(recipe, inputs.device):
        for start in range(0, len(split), BATCH):
            x, target = inputs.of(split, np.arange(start, min(start + BATCH, len(split))))
            logits = model(x).float()
            loss_sum += cross_entropy(logits, target, reduction="sum").item()
            right.append((logits.argmax(1) == target).cpu())
    model.train()
    every = torch.cat(right)
    return Evaluation(loss_sum / len(split), int(every.sum()) / len(split), every)
