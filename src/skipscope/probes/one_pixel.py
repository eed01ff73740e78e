"""Work out one pixel of a convolution's output: the patch it reads, the kernel, and the sum they come to.

It holds for any 2-d convolution (stride, padding, dilation, groups) of any author's network, since the
convolution is read off its call. It is not a probe: a pixel is for looking at.

Shapes: a map I H W, of which a filter reads R = I/groups channels; weight O R h w; output O H' W'.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from skipscope.anatomy.calls import Call


@dataclass(frozen=True, kw_only=True)
class Pixel:
    """One number of a convolution's output and all that it is computed from, in float64."""

    patch: Tensor
    """R h w: the input's numbers under the kernel, 0 where that lies beyond the map."""
    kernel: Tensor
    """R h w."""
    bias: float
    value: float
    """What the network computed: the `total`, but for rounding."""
    channel: int
    """The first input channel that the filter reads; the others follow."""
    rows: tuple[int, ...]
    """h: the kernel's rows on the map; some may lie above or below it."""
    columns: tuple[int, ...]
    """w."""

    @property
    def products(self) -> Tensor:
        """The product of each number and its weight: R h w."""
        return self.patch * self.kernel

    @property
    def total(self) -> float:
        """The sum of all products and the bias."""
        return float(self.products.sum()) + self.bias


def one_pixel(call: Call, filter: int, row: int, column: int) -> Pixel:
    """Works out the output of this filter at this position, for the first image of a convolution's call.

    Raises:
        IndexError: the output has no such filter or position.
    """
    weight, window = call.weight, call.window
    if weight is None or window is None or call.kind != "conv":
        raise IndexError(f"{call.module} is no convolution")
    filters, height, width = call.output.shape[1:]
    if not (0 <= filter < filters and 0 <= row < height and 0 <= column < width):
        raise IndexError(f"{call.module} has no pixel {row}, {column} of filter {filter}")
    x = call.inputs[0][0].double()  # I H W
    read = weight.shape[1]
    first = filter // (filters // (len(x) // read)) * read
    rows, columns = (
        tuple(at * step - margin + tap * apart for tap in range(size))
        for at, size, step, margin, apart in zip((row, column), *window, strict=True)
    )
    return Pixel(
        patch=_taken(x[first : first + read], rows, columns),
        kernel=weight[filter].detach().double(),
        bias=0.0 if call.bias is None else call.bias[filter].item(),
        value=call.output[0, filter, row, column].item(),
        channel=first,
        rows=rows,
        columns=columns,
    )


def _taken(x: Tensor, rows: tuple[int, ...], columns: tuple[int, ...]) -> Tensor:
    """Takes these rows and columns, with zeros beyond the edges: R H W -> R h w."""
    down, right = torch.tensor(rows, device=x.device), torch.tensor(columns, device=x.device)
    height, width = x.shape[1:]
    inside = ((down >= 0) & (down < height))[:, None] & (right >= 0) & (right < width)
    return x[:, down.clamp(0, height - 1)][:, :, right.clamp(0, width - 1)].where(inside, 0.0)
