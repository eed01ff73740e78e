"""Operators that compute torch's sums in another order, faster on a processor, under `with fast():`.

A mode replaces torch's functions while a network computes: no module, weight or printed structure changes,
and a network that somebody else wrote is served, too. Our operators compute what the stock ones compute,
summed in another order: results differ by rounding, so the caller decides whether they are used. README.md
says what each is worth.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.nn.functional import batch_norm, linear, max_pool2d
from torch.overrides import TorchFunctionMode

from skipscope.kernels import reductions
from skipscope.kernels.convolution import convolution
from skipscope.kernels.pooling import max_pool

KERNELS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.conv2d: convolution,
    linear: reductions.fully_connected,
    batch_norm: reductions.normalise,
    max_pool2d: max_pool,
}
"""Torch's function -> what replaces it."""


class fast(TorchFunctionMode):  # noqa: N801 - it is used as a function is: with fast():
    """The scope in which `kernels` replace torch's functions."""

    def __init__(self, kernels: Mapping[Callable[..., Any], Callable[..., Any]] = KERNELS) -> None:
        super().__init__()
        self.kernels = kernels

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        """Receives every call of a torch function."""
        return self.kernels.get(func, func)(*args, **(kwargs or {}))
