"""Operators whose last bits depend on how many threads share a sum, on the number that was set for them.

A process that is given more threads computes the same to the last bit if these operators keep their number.
They are batch normalisation, and the gradients of the weights of linear layers and of convolutions.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.functional import batch_norm, linear

from skipscope.kernels.dispatch import cast as cast_input
from skipscope.kernels.dispatch import is_plain
from skipscope.torch_threads import torch_threads

_threads: int | None = None
"""Threads for sums whose bits depend on their number; None: as many as for everything else."""


def set_reduction_threads(threads: int | None) -> None:
    """Fixes, for this process, the number of threads that such sums are taken on; None lifts it."""
    global _threads  # noqa: PLW0603 - the number of threads is a state of the process, too
    _threads = threads


def threads_fixed() -> bool:
    """Tells whether such sums may be taken on another number of threads than the rest."""
    return _threads is not None


def original_threads() -> AbstractContextManager[None]:
    """Switches to the number of threads that was fixed, if one was."""
    return nullcontext() if _threads in (None, torch.get_num_threads()) else torch_threads(_threads)


def fully_connected(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Computes `linear`, with its gradients' sums on the number of threads that was fixed."""
    if not threads_fixed() or not is_plain(input, weight, bias) or weight.ndim != 2:
        return linear(input, weight, bias)
    bias = None if bias is None else cast_input(bias)
    rows = cast_input(input).reshape(-1, input.shape[-1])
    y = _Linear.apply(rows, cast_input(weight), bias)  # type: ignore[no-untyped-call]
    return cast("Tensor", y.view(*input.shape[:-1], len(weight)))


class _Linear(Function):
    """Maps N I, O I and O -> N O."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (x, weight), (gradient,) = ctx.saved_tensors, gradients
        x_wanted, weight_wanted, bias_wanted = ctx.needs_input_grad
        grad_x = gradient @ weight if x_wanted else None
        with original_threads():
            grad_weight = gradient.t() @ x if weight_wanted else None
            grad_bias = gradient.sum(0) if bias_wanted else None
        return grad_x, grad_weight, grad_bias


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
    """Computes `batch_norm`, with its sums on the number of threads that was fixed."""
    if not threads_fixed() or not training or x.device.type != "cpu":
        return batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    y = _BatchNorm.apply(x, running_mean, running_var, weight, bias, momentum, eps)  # type: ignore[no-untyped-call]
    return cast("Tensor", y)


class _BatchNorm(Function):
    """Maps B C H W -> B C H W."""

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
        with original_threads():
            y, mean, inverse = torch.native_batch_norm(
                x, weight, bias, running_mean, running_var, training=True, momentum=momentum, eps=eps
            )
        ctx.save_for_backward(x, weight, mean, inverse)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, weight, mean, inverse = ctx.saved_tensors
        x_wanted, _, _, weight_wanted, bias_wanted, *_ = ctx.needs_input_grad
        with original_threads():
            grad_x, grad_weight, grad_bias = torch.ops.aten.native_batch_norm_backward(
                *(gradients[0], x, weight, None, None, mean, inverse),
                train=True,
                eps=ctx.eps,
                output_mask=(x_wanted, weight_wanted, bias_wanted),
            )
        return grad_x, None, None, grad_weight, grad_bias, None, None
