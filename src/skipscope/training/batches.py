"""From a split's bytes to a network's batches: the one way in, for training, evaluation and probes.

Images are uint8 H W C from the disk to here, and are permuted once, as the batch goes to the network.

Shapes: B images, C = 3 channels, H x W = 32 x 32.
"""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skipscope.data.augment import MARGIN, AugmentParams, augment_batch
from skipscope.data.dataset import Dataset, Split
from skipscope.kernels.pixels import compiled_pass
from skipscope.spec import Recipe
from skipscope.training.backend import FORMATS


class BatchMaker:
    """Gathers, augments and normalises images: zero mean and unit variance per channel."""

    def __init__(self, data: Dataset, recipe: Recipe, device: torch.device) -> None:
        """Batches lie on `device` in the recipe's memory format."""
        pixels = prod(data.train.images.shape[1:3])
        self.mean = (torch.tensor(data.mean, device=device) * 255).repeat(pixels)  # H*W*C
        self.scale = (1 / (torch.tensor(data.std, device=device) * 255)).repeat(pixels)
        self.memory_format = FORMATS[recipe.memory_format]
        self.device = device

    def __call__(
        self, split: Split, positions: NDArray[np.int64], augmentation: AugmentParams | None = None
    ) -> tuple[Tensor, Tensor]:
        """Makes the batch of the split's images at `positions` and their labels: B C H W float32 and B int64.

        Compiled in one pass where that is possible, else step by step; both give the same bits.
        """
        one_pass = compiled_pass(self.device, MARGIN)
        if one_pass is None:
            images, labels = split.take(positions)
            x = self.normalise(images if augmentation is None else augment_batch(images, augmentation))
        else:
            rows = split.rows[positions]
            labels = split.labels[rows].astype(np.int64)
            x = one_pass(split.images, rows, augmentation, self.mean, self.scale)
        return x.contiguous(memory_format=self.memory_format), torch.from_numpy(labels).to(self.device)

    def normalise(self, images: NDArray[np.uint8]) -> Tensor:
        """Normalises bytes: B H W C uint8 -> B C H W float32, in memory B H W C."""
        # a whole image at a time: three channels alone do not fill a vector
        x = torch.from_numpy(images).to(self.device).flatten(1)
        x = x.to(torch.float32).sub_(self.mean).mul_(self.scale)
        return x.view(images.shape).permute(0, 3, 1, 2)
