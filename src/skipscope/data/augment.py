"""Augmentation of whole batches of bytes: random crop and flip in one gather (He et al. 2015, section 4.2).

What happens to the image at a position of an epoch is a pure function of (seed, epoch, position).
Shapes: B images, C = 3 channels, H x W = 32 x 32.
"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from skipscope.randomness import derive

MARGIN = 4
"""Pixels of black that are added on each side before the crop."""


class Augmentation:
    """The crops and flips of one epoch, drawn once for all its `count` images."""

    def __init__(
        self, kind: Literal["none", "flip", "crop_flip"], *, seed: int, epoch: int, count: int
    ) -> None:
        """Draws offsets and flips from the raw bits of (seed, "augmentation", epoch)."""
        bits = np.random.PCG64(derive(seed, "augmentation", epoch)).random_raw(count)
        offsets = 2 * MARGIN + 1
        crop, flip = kind == "crop_flip", kind != "none"
        # 32 high bits for the crop, one low bit for the flip: the modulus is biased by less than 2^-25
        draw = (bits >> np.uint64(32)).astype(np.int64)
        self.top = torch.from_numpy(draw % offsets if crop else np.full(count, MARGIN))
        self.left = torch.from_numpy(draw // offsets % offsets if crop else np.full(count, MARGIN))
        self.flip = torch.from_numpy((bits & np.uint64(1)).astype(bool) & flip)
        self.kind = kind

    def __call__(self, images: Tensor, positions: slice) -> Tensor:
        """The images at `positions` of the epoch, augmented: B 3 32 32 uint8 -> the same shape."""
        if self.kind == "none":
            return images
        batch, channels, height, width = images.shape
        padded = pad(images, (MARGIN,) * 4)  # B 3 H+8 W+8
        column = torch.arange(width)
        columns = (
            torch.where(self.flip[positions, None], width - 1 - column, column) + self.left[positions, None]
        )
        rows = torch.arange(height) + self.top[positions, None]  # B H
        index = rows[:, :, None] * padded.shape[3] + columns[:, None, :]  # B H W
        index = index.view(batch, 1, -1).expand(-1, channels, -1)
        return padded.flatten(2).gather(2, index).view(images.shape)
