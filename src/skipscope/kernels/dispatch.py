"""Which tensors our operators take: plain numbers in this processor's memory; the rest is left to torch."""

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

PLAIN = (Tensor, Parameter)
"""Tensors of another class override torch's functions in their own way, or hold no numbers at all."""


def is_plain(*tensors: Tensor | None) -> bool:
    """Tells whether all are strided floating-point tensors on the processor, of one format (or autocast's).

    Never under `torch.func`'s transforms or forward-mode derivatives: our operators have no rules for these.
    """
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:  # noqa: SLF001 - no other
        return False
    given = [tensor for tensor in tensors if tensor is not None]
    return len({dtype_of(tensor) for tensor in given}) == 1 and all(
        type(tensor) in PLAIN
        and tensor.is_floating_point()
        and tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        for tensor in given
    )


def dtype_of(x: Tensor) -> torch.dtype:
    """Returns the format in which torch computes: autocast's, if it is on, but for float64."""
    casts = torch.is_autocast_enabled("cpu") and x.is_floating_point() and x.dtype != torch.float64
    return torch.get_autocast_dtype("cpu") if casts else x.dtype


def cast(x: Tensor) -> Tensor:
    """Casts as autocast does for a convolution."""
    return x.to(dtype_of(x))


def in_stock_format(y: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Returns a convolution's output (in channels_last) in the memory format of the stock operator's."""
    channels_last = any(tensor.stride(1) == 1 and tensor.shape[2:].numel() > 1 for tensor in (x, weight))
    return y if channels_last else y.contiguous()
