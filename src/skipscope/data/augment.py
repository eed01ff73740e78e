"""Random crop and flip of whole batches of bytes (He et al. 2015, section 4.2).

What happens to the image at a position of an epoch is a pure function of (seed, epoch, position).
Shapes: B images, C = 3 channels, H x W = 32 x 32.
"""

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from torch import Tensor

from skipscope.randomness import derive

MARGIN = 4
"""Black pixels that are added on each side before the crop."""


class AugmentParams(NamedTuple):
    """Holds N images' crops, as corners in the padded images, and which of them are then mirrored."""

    top: NDArray[np.int64]  # N, 0..2*MARGIN
    left: NDArray[np.int64]  # N
    flip: NDArray[np.bool_]  # N

    def at(self, positions: slice) -> "AugmentParams":
        """Selects some of the images' parameters."""
        return AugmentParams(self.top[positions], self.left[positions], self.flip[positions])


def sample_augmentation(
    kind: Literal["none", "flip", "crop_flip"], *, seed: int, epoch: int, count: int
) -> AugmentParams:
    """Samples one epoch's `count` crops and flips from the raw bits of (seed, "augmentation", epoch)."""
    bits = np.random.PCG64(derive(seed, "augmentation", epoch)).random_raw(count)
    offsets = 2 * MARGIN + 1
    crop, flip = kind == "crop_flip", kind != "none"
    # 32 high bits for the crop, one low bit for the flip: the modulus is biased by less than 2^-25
    draw = (bits >> np.uint64(32)).astype(np.int64)
    return AugmentParams(
        top=draw % offsets if crop else np.full(count, MARGIN),
        left=draw // offsets % offsets if crop else np.full(count, MARGIN),
        flip=(bits & np.uint64(1)).astype(bool) & flip,
    )


def augment_batch(images: NDArray[np.uint8], params: AugmentParams) -> NDArray[np.uint8]:
    """Mirrors the images in place and returns their crops: B H W C -> B H W C."""
    top, left, flip = params
    # torch mirrors five times as fast as numpy's negative stride
    flipped = np.flatnonzero(flip)
    images[flipped] = torch.from_numpy(images.take(flipped, axis=0)).flip(2).numpy()
    if (top == MARGIN).all() and (left == MARGIN).all():
        return images
    batch, height, width, channels = images.shape
    padded = np.zeros((batch, height + 2 * MARGIN, width + 2 * MARGIN, channels), np.uint8)
    padded[:, MARGIN:-MARGIN, MARGIN:-MARGIN] = images
    # a flipped crop is the mirrored crop of the flipped image
    left = np.where(flip, 2 * MARGIN - left, left)
    rows = padded.reshape(batch, height + 2 * MARGIN, -1)
    windows = sliding_window_view(rows, (height, width * channels), axis=(1, 2))
    cropped: NDArray[np.uint8] = windows[np.arange(batch), top, left * channels]  # B H W*C
    return cropped.reshape(images.shape)


def gather_batch(images: Tensor, asked: Tensor) -> Tensor:
    """Gathers crops where the images lie, on any device, as `augment_batch` makes them: -> B H W C.

    Args:
        images: N H W C uint8, all of them.
        asked: B 4: row, rows down, columns right and whether mirrored (`kernels.pixels.requests`).
    """
    _, height, width, _ = images.shape
    row, down, right, mirrored = (column[:, None] for column in asked.unbind(1))  # B 1 each
    x = torch.arange(width, device=images.device)
    y = torch.arange(height, device=images.device) + down  # B H
    x = torch.where(mirrored > 0, width - 1 - x, x) + right  # B W
    inside = ((y >= 0) & (y < height))[:, :, None] & ((x >= 0) & (x < width))[:, None]  # B H W
    # outside of the image any pixel is read, and made black
    y, x = y.clamp(0, height - 1)[:, :, None], x.clamp(0, width - 1)[:, None]
    return images[row[:, :, None], y, x] * inside[..., None]
