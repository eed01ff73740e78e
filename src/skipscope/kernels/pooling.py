"""Max-pooling of maps with few channels, in bf16."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import max_pool2d

from skipscope.kernels.dispatch import is_plain

MAX_CHANNELS = 15
"""Up to which `_PoolHalves` wins, in bf16; in fp32 the stock operator does."""
DEFAULTS = {"dilation": 1, "ceil_mode": False, "return_indices": False}


def max_pool(
    x: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, *others: Any, **named: Any
) -> Any:
    """Computes `max_pool2d`; adjacent 2x2 windows on few bf16 channels by three comparisons of whole maps.

    The stock operator works along the channels of a pixel, and slowly where they do not fill a vector.
    """
    halves = kernel_size in (2, (2, 2)) and stride in (None, 2, (2, 2)) and padding in (0, (0, 0))
    regular = not others and all(named.get(key, value) == value for key, value in DEFAULTS.items())
    even = x.ndim == 4 and x.shape[2] % 2 == x.shape[3] % 2 == 0 and x.shape[3] < 256 and x.numel() > 0
    narrow = x.dtype == torch.bfloat16 and is_plain(x)
    if halves and regular and even and narrow and x.shape[1] <= MAX_CHANNELS:
        y = _PoolHalves.apply(x).permute(0, 3, 1, 2)  # type: ignore[no-untyped-call]
        return y.contiguous() if x.is_contiguous() else y
    return max_pool2d(x, kernel_size, stride, padding, *others, **named)


class _PoolHalves(Function):
    """Maps B C H W -> B H/2 W/2 C; ties go to the first in reading order, as in the stock operator."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(batch, height // 2, 2, width // 2, 2, channels)
        (a, b), (c, d) = pixels.permute(2, 4, 0, 1, 3, 5).contiguous()  # each B H/2 W/2 C
        above, below = torch.maximum(a, b), torch.maximum(c, d)
        low = below > above
        right = (low & (d > c)) | (~low & (b > a))
        first = torch.arange(0, height * width, 2).view(-1, width // 2)[::2, :, None]  # H/2 W/2 1
        indices = first + (low.view(torch.uint8) * width + right.view(torch.uint8))
        ctx.save_for_backward(x, indices.permute(0, 3, 1, 2))
        return torch.maximum(above, below)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, indices = ctx.saved_tensors
        window = ((2, 2), (2, 2), (0, 0), (1, 1), False)
        gradient = gradients[0].permute(0, 3, 1, 2)
        return torch.ops.aten.max_pool2d_with_indices_backward(gradient, x, *window, indices)
