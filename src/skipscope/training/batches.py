"""From a split's bytes to a network's batches: the one way in, for training, evaluation and probes.

Images are uint8 H W C from the disk to here, and are permuted once, as the batch goes to the network.

Shapes: B images, C = 3 channels, H x W = 32 x 32.
"""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skipscope.data.augment import MARGIN, AugmentParams, augment_batch, gather_batch
from skipscope.data.dataset import Dataset, Split
from skipscope.kernels.pixels import compiled_pass, requests
from skipscope.spec import Recipe
from skipscope.training.backend import FORMATS

MOST_UPLOADED = 2**31
"""Bytes of a data set that an accelerator holds as a whole; CIFAR-10 has 184,320,000."""


class BatchMaker:
    """Gathers, augments and normalises images: zero mean and unit variance per channel."""

    def __init__(self, data: Dataset, recipe: Recipe, device: torch.device) -> None:
        """Batches lie on `device` in the recipe's memory format."""
        pixels = prod(data.train.images.shape[1:3])
        self.mean = (torch.tensor(data.mean) * 255).repeat(pixels).to(device)  # H*W*C
        self.scale = (1 / (torch.tensor(data.std) * 255)).repeat(pixels).to(device)
        self.memory_format = FORMATS[recipe.memory_format]
        self.device = device
        self._uploaded: dict[int, tuple[NDArray[np.uint8], Tensor, Tensor]] = {}

    def __call__(
        self, split: Split, positions: NDArray[np.int64], augmentation: AugmentParams | None = None
    ) -> tuple[Tensor, Tensor]:
        """Makes the batch of the split's images at `positions` and their labels: B C H W float32 and B int64.

        On an accelerator from images that lie there; on a processor compiled in one pass where that is
        possible, else step by step. All give the same bits.
        """
        one_pass = compiled_pass(self.device, MARGIN)
        if self.device.type != "cpu" and split.images.nbytes <= MOST_UPLOADED:
            x, target = self._gathered(split, split.rows[positions], augmentation)
        elif one_pass is None:
            images, labels = split.take(positions)
            x = self.normalise(images if augmentation is None else augment_batch(images, augmentation))
            target = torch.from_numpy(labels)
        else:
            rows = split.rows[positions]
            target = torch.from_numpy(split.labels[rows].astype(np.int64))
            x = one_pass(split.images, rows, augmentation, self.mean, self.scale)
        return x.contiguous(memory_format=self.memory_format), target.to(self.device)

    def _gathered(
        self, split: Split, rows: NDArray[np.int64], augmentation: AugmentParams | None
    ) -> tuple[Tensor, Tensor]:
        """Gathers a batch on the device: all that travels is which images, and how they are cropped."""
        key = id(split.images)
        if key not in self._uploaded:
            copies = np.array(split.images), np.array(split.labels, np.int64)
            images, labels = (torch.from_numpy(copy).to(self.device) for copy in copies)
            self._uploaded[key] = split.images, images, labels  # with the array, whose id another could get
        _, images, labels = self._uploaded[key]
        # CUDA copies what is in ordinary memory before it returns, and does not wait for the device
        asked = torch.from_numpy(requests(rows, augmentation, MARGIN)).to(
            self.device, non_blocking=self.device.type == "cuda"
        )
        return self.normalise(gather_batch(images, asked)), labels[asked[:, 0]]

    def normalise(self, images: NDArray[np.uint8] | Tensor) -> Tensor:
        """Normalises bytes: B H W C uint8 -> B C H W float32, in memory B H W C."""
        # a whole image at a time: three channels alone do not fill a vector
        x = torch.as_tensor(images).to(self.device).flatten(1)
        x = x.to(torch.float32).sub_(self.mean).mul_(self.scale)
        return x.view(images.shape).permute(0, 3, 1, 2)
