"""Sums whose last bits depend on how many threads share them, taken on as many as the run was begun with.

A run that is given more threads (training/threads.py) stays the same to the last bit if these operators keep
their number. BatchNorm is one of them; the gradients of convolutions' and linear layers' weights are the
others (fast.py, winograd.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import batch_norm

_sums_on: int | None = None
"""Threads on which operators run whose sums depend on their number; None: on as many as all others."""


def set_reduction_threads(threads: int | None) -> None:
    """From now on, in this process, more threads change no bit of what these operators compute."""
    global _sums_on  # noqa: PLW0603 - the number of threads is a state of the process, too
    _sums_on = threads


def kept() -> bool:
    """Whether sums are taken on another number of threads than the rest may be."""
    return _sums_on is not None


@contextmanager
def as_before() -> Iterator[None]:
    """The number of threads a run was begun with."""
    threads = torch.get_num_threads()
    if _sums_on is None or _sums_on == threads:
        yield
        return
    torch.set_num_threads(_sums_on)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def normalise(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,  # noqa: FBT001, FBT002 - torch's own
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`batch_norm`; where a run was given more threads, its sums are taken as before."""
    if not kept() or not training or x.device.type != "cpu":
        return batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    y = _BatchNorm.apply(x, running_mean, running_var, weight, bias, momentum, eps)  # type: ignore[no-untyped-call]
    return cast("Tensor", y)


class _BatchNorm(Function):
    """B C H W -> B C H W."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None,
        bias: Tensor | None,
        momentum: float,
        eps: float,
    ) -> Tensor:
        with as_before():
            y, mean, inverse = torch.native_batch_norm(
                x,
                weight,
                bias,
                running_mean,
                running_var,
                True,  # noqa: FBT003 - in training
                momentum,
                eps,
            )
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight, mean, inverse = ctx.saved_tensors
        for_x, _, _, for_weight, for_bias, *_ = ctx.needs_input_grad
        with as_before():
            of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
                *(gradients[0], x, weight, None, None, mean, inverse),
                train=True,
                eps=ctx.eps,
                output_mask=(for_x, for_weight, for_bias),
            )
        return of_x, None, None, of_weight, of_bias, None, None
