"""Which tensors our operators take: plain numbers in this processor's memory; the rest is left to torch."""

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import Parameter

PLAIN = (Tensor, Parameter)
"""Tensors of another class override torch's functions in their own way, or hold no numbers at all."""


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether all are strided floating-point tensors on the processor, of one format (autocast's included).

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
    """The format in which torch computes: autocast's, if it is on, but for what is more exact than fp32."""
    casts = torch.is_autocast_enabled("cpu") and x.is_floating_point() and x.dtype != torch.float64
    return torch.get_autocast_dtype("cpu") if casts else x.dtype


def cast(x: Tensor) -> Tensor:
    """Casts as autocast does for a convolution."""
    return x.to(dtype_of(x))


def channels_last(x: Tensor, weight: Tensor) -> bool:
    """Whether the stock operator's output is in channels_last."""
    return any(tensor.stride(1) == 1 and tensor.shape[2:].numel() > 1 for tensor in (x, weight))
