"""Count the multiply-adds of a network's convolutions and matrix products, whatever called them.

They are counted where torch carries them out, so functional calls, convolutions of any number of axes,
einsums and attention count like layers do. The networks' other operators have no products of matrices.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


def _products(a: Tensor, b: Tensor) -> int:
    """Counts those of `... n k` and `... k m`, of which either may be a vector."""
    return a.numel() * (b.shape[-1] if b.ndim > 1 else 1)


def _convolution(x: Tensor, weight: Tensor, output: Tensor, *, transposed: bool) -> int:
    """Counts a weight's uses: one a position of the output, or of the input that a transposed one spreads."""
    return (x if transposed else output).numel() * prod(weight.shape[1:])


FORMULAS: dict[Any, Callable[[Any, Tensor], int]] = {
    **{each: lambda args, _: _products(args[0], args[1]) for each in (aten.mm, aten.bmm, aten.mv, aten.dot)},
    **{each: lambda args, _: _products(args[1], args[2]) for each in (aten.addmm, aten.baddbmm, aten.addmv)},
    aten.convolution: lambda args, output: _convolution(args[0], args[1], output, transposed=args[6]),
}
"""Multiply-adds of an operator by its arguments and output."""


class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what is computed within its scope."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.macs = 0
        """So far."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Denies what torch asks: to hide this from its compiler, it would import that, for three seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Iterable[type], args: Any = (), kwargs: Any = None) -> Any:
        """Computes, and counts where there is a formula."""
        kwargs = kwargs or {}
        formula = FORMULAS.get(func.overloadpacket)
        if formula is None:
            # in inference mode a layer comes as a whole, and its parts are to be counted
            parts = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if parts is NotImplemented else parts
        output = func(*args, **kwargs)
        self.macs += formula(args, output)
        return output


@contextmanager
def counted() -> Iterator[Counter]:
    """Counts the multiply-adds within this scope; attention is computed as the products that it is."""
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), Counter() as counter:
            yield counter
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
