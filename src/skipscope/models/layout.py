"""Decides in which memory layout a network can be held.

channels_last is the faster one on processors, but not every network's code can read it: behind a convolution
`x.view(len(x), -1)` needs contiguous maps, no kernel of a 3D convolution can be held in it, and
`as_strided` reads other pixels in it, silently.
"""

import torch
from torch import Tensor, nn

LARGEST_DIFFERENCE = 0.05
"""Share of the largest logit by which rounding never changes one, and reading other pixels does."""


def unfit_for_channels_last(model: nn.Module, images: Tensor) -> str:
    """Holds the network in channels_last if it can be, else contiguous; says why not, or "".

    Args:
        model: in evaluation mode; called three times at most, without gradients.
        images: B 3 H W, two are enough; they are left as they are.

    Raises:
        Exception: whatever the network raises in the contiguous layout.
    """
    reason = ""
    with torch.no_grad():
        to_layout(model, torch.contiguous_format)
        here = _output(model, images, torch.contiguous_format)
        try:
            to_layout(model, torch.channels_last)
            there = _output(model, images, torch.channels_last)
        except Exception as error:  # noqa: BLE001 - whatever it is: the network computes in the other layout
            reason = (
                str(error).strip().partition("\n")[0].partition(" (")[0].rstrip(".") or type(error).__name__
            )
        else:
            if _differ(here, there):
                to_layout(model, torch.contiguous_format)
                chance = _differ(here, _output(model, images, torch.contiguous_format))
                reason = "" if chance else "it computes other logits from the same images there"
        to_layout(model, torch.contiguous_format if reason else torch.channels_last)
    return reason


def to_layout(model: nn.Module, layout: torch.memory_format) -> nn.Module:
    """Moves the network's kernels to the memory layout."""
    return model.to(memory_format=layout)  # type: ignore[call-overload,no-any-return]


def _output(model: nn.Module, images: Tensor, layout: torch.memory_format) -> object:
    return model(images.clone(memory_format=layout))  # a copy: the network may overwrite its input


def _differ(one: object, other: object) -> bool:
    """Tells whether two outputs are of different shapes or numbers; those that are no logits never are."""
    if not (isinstance(one, Tensor) and isinstance(other, Tensor) and one.is_floating_point()):
        return False
    if one.shape != other.shape or not one.numel():
        return one.shape != other.shape
    a, b = (each.to("cpu", torch.float64) for each in (one, other))
    most = LARGEST_DIFFERENCE * float(a.abs().nan_to_num().max())
    return not torch.allclose(a, b, rtol=0.0, atol=most, equal_nan=True)
