"""Record one training step for the in-step probes.

Every number is computed when its tensor is made, and the tensor is released: the memory beyond the step's
own is a copy of the weights (for the update) and one layer's output at a time in fp32.

Shapes: B images; outputs B C H W or B C; gradients have the shape of what they are the gradient by.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import chain
from math import nan, sqrt
from typing import Any, NamedTuple, cast
from weakref import ref

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrize import is_parametrized

from skipscope.anatomy.calls import Call
from skipscope.anatomy.capture import capture
from skipscope.anatomy.modes import evaluating, keeping_modes
from skipscope.probes.base import CallSummary, StepView, WeightSummary, logits
from skipscope.torch_threads import torch_threads

WITH_GRADIENT = {"conv", "linear"}
RECORDED = WITH_GRADIENT | {"relu", "norm", "shortcut"}


Numbers = dict[str, Any]
"""Fields of a `CallSummary`, to which later calls and the backward pass add."""


class _Convolved(NamedTuple):
    """A convolution's output, not kept alive, with the version that it had when it was made."""

    numbers: Numbers
    output: ref[Tensor]
    version: int


class StepRecorder:
    """Records one step: `computing()` around the forward pass, then `after_backward`, then `after_update`."""

    def __init__(self, model: nn.Module, *, threads: int | None = None) -> None:
        """`threads` take the sums, whatever the network computes on: more would split them otherwise."""
        self.model = model
        self.threads = threads
        self.loss_scale = 1.0
        """What the loss is multiplied by, and so gradients at outputs; those of weights no longer are."""
        self.calls: list[Numbers] = []
        self.convolved: list[_Convolved] = []
        self.weights: dict[str, WeightSummary] = {}
        self.before: dict[str, Tensor] = {}

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Records the forward pass within this scope."""
        with capture(self.model, self._record_call):
            yield

    def after_backward(self) -> None:
        """Records the weights' gradients, after the backward pass and before any clipping."""
        with self._summing():
            for name, weight in weights_of(self.model):
                gradient = weight.grad if weight.is_leaf else None
                if gradient is not None or not weight.is_leaf:
                    self.add_weight(name, weight, gradient)
                    self.before[name] = weight.detach().clone()

    def after_update(self) -> None:
        """Records what the update changed."""
        with self._summing():
            for name, weight in weights_of(self.model):
                if (before := self.before.pop(name, None)) is not None:
                    update = _norm(weight.detach() - before)
                    self.weights[name] = replace(self.weights[name], update=update)

    @property
    def view(self) -> StepView:
        """Returns the record of the step."""
        calls = tuple(CallSummary(**numbers) for numbers in self.calls)
        return StepView(calls=calls, weights=tuple(self.weights.values()))

    def add_weight(self, name: str, weight: Tensor, gradient: Tensor | None) -> None:
        """Records a weight before its update, with its gradient if it has one."""
        norm = None if gradient is None else _norm(gradient)
        self.weights[name] = WeightSummary(
            module=name,
            weight=_norm(weight.detach()),
            gradient=norm,
            gradient_rms=None if norm is None else norm / sqrt(weight.numel()),
            update=None,
        )

    def _add_norm(self, call: Call, norm: Numbers) -> None:
        """Adds a BatchNorm's mean and spread to the convolution whose output it reads."""
        (x,) = call.inputs
        for index, each in enumerate(self.convolved):
            if each.output() is x and each.version == _version(x):  # not overwritten since
                each.numbers.update(normed_mean=norm["mean"], normed_std=norm["std"])
                del self.convolved[index]  # only the first BatchNorm that reads it counts
                return

    def _record_call(self, call: Call) -> None:
        if call.kind not in RECORDED or call.output.is_complex():
            return
        output = call.output.detach()
        numbers: Numbers = {"kind": call.kind, "module": call.module, "depth": call.depth}
        with self._summing():
            if call.kind == "relu":
                numbers["zeros"], numbers["dead"] = _zeros(output)
            elif call.kind == "shortcut":
                numbers["branch"], numbers["shortcut"] = (_rms(x.detach()) for x in call.inputs)
            else:
                numbers["mean"], numbers["std"] = _mean_and_std(output)
        if call.kind == "conv":
            self.convolved = [each for each in self.convolved if each.output() is not None]
            self.convolved.append(_Convolved(numbers, ref(call.output), _version(call.output)))
        elif call.kind == "norm":
            self._add_norm(call, numbers)
        if call.kind in WITH_GRADIENT and call.output.requires_grad:
            call.output.register_hook(partial(self._add_gradient, numbers))  # type: ignore[no-untyped-call]
        self.calls.append(numbers)

    def _add_gradient(self, numbers: Numbers, gradient: Tensor) -> None:
        """Adds the norm, signal and noise of the loss gradient at a call's output."""
        with self._summing():
            norm, signal, noise = (each / self.loss_scale for each in norm_signal_noise(gradient))
        rms = norm / sqrt(gradient.numel())
        numbers |= {"gradient": norm, "gradient_rms": rms, "signal": signal, "noise": noise}

    def _summing(self) -> AbstractContextManager[None]:
        return nullcontext() if self.threads is None else torch_threads(self.threads)


def of_one_step(model: nn.Module, images: Tensor, labels: Tensor) -> StepView:
    """Records the step that training on this batch would begin with, without its update.

    Batch statistics are used, as in training. The network is left as it was, its buffers (BatchNorm's running
    means) included.
    """
    recorder = StepRecorder(model)
    with as_in_training(model), torch.enable_grad():
        weights = {name: weight for name, weight in weights_of(model) if weight.is_leaf}
        # gradients for what a parametrized weight is made of pass its layer's output as well
        made_of = (layer.parameters() for name, layer in _layers(model) if name not in weights)
        inputs = [*weights.values(), *chain.from_iterable(made_of)] or list(model.parameters())
        with recorder.computing():
            output = model(images)
        loss = cross_entropy(logits(output, images).float(), labels)
        gradients = torch.autograd.grad(loss, inputs, allow_unused=True) if loss.requires_grad else ()
    for (name, weight), gradient in zip(weights.items(), gradients, strict=False):  # or there are none
        if gradient is not None:
            recorder.add_weight(name, weight, gradient)
    return recorder.view


@contextmanager
def as_in_training(model: nn.Module) -> Iterator[None]:
    """Puts the network in training mode with all parameters learning, then restores it and its buffers."""
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    learning = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    try:
        with keeping_modes(model):
            model.train().requires_grad_()  # gradients also pass through what does not learn
            yield
    finally:
        for parameter, learns in learning:
            parameter.requires_grad_(learns)
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                setattr(module, name, buffer.copy_(value))  # the network may have replaced it


def weights_of(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yields the weight of every convolution and linear layer that learns, with the layer's name.

    A parametrized weight (`weight_norm`, `spectral_norm`) is no leaf, and has no gradient of its own. Weights
    that a hook makes in each pass (older torch, and pruning) are left out.
    """
    for name, layer in _layers(model):
        weight = _weight(layer)
        if weight is not None and weight.requires_grad:
            yield name, weight


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield name or "weight", module


def _weight(layer: nn.Conv2d | nn.Linear) -> Tensor | None:
    if is_parametrized(layer, "weight"):
        # in training mode, spectral norm iterates each time its weight is read
        with evaluating(cast("nn.ModuleDict", layer.parametrizations)["weight"]):
            return layer.weight
    return layer.weight if isinstance(layer.weight, nn.Parameter) else None


def norm_signal_noise(gradient: Tensor) -> tuple[float, float, float]:
    """Returns the L2 norm of the loss gradient at an output, and its signal and noise.

    With each image's own gradient g_b, signal is |mean g_b| and noise the root of mean |g_b - mean|^2.
    `gradient` (B ...) is that of a mean loss: an image's own is B times its row.
    """
    norm, images = _norm(gradient), len(gradient)
    signal = _norm(gradient.sum(0, dtype=torch.promote_types(gradient.dtype, torch.float32)))
    return norm, signal, sqrt(max(0.0, images * norm**2 - signal**2))


def _version(x: Tensor) -> int:
    """Counts how often a tensor was overwritten in place; inference tensors do not count it."""
    return 0 if x.is_inference() else x._version  # noqa: SLF001 - torch's documentation names it


def _mean_and_std(x: Tensor) -> tuple[float, float]:
    """Returns mean and standard deviation over all numbers.

    In two passes: `torch.var_mean` takes five times as long on one thread.
    """
    exact = x.to(torch.promote_types(x.dtype, torch.float32))
    mean = exact.mean()
    return mean.item(), _rms(exact - mean)


def _zeros(output: Tensor) -> tuple[float, float]:
    """Returns the shares of outputs that are 0 and of channels that are 0 everywhere; nan if any is nan."""
    if output.sum().isnan():  # a ReLU's outputs have one sign, so none cancel
        return nan, nan
    others = [axis for axis in range(output.ndim) if axis != 1]
    alive = torch.count_nonzero(output, dim=others)  # C
    return 1 - alive.sum().item() / max(1, output.numel()), (alive == 0).float().mean().item()


def _rms(x: Tensor) -> float:
    return _norm(x) / sqrt(max(1, x.numel()))


def _norm(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x, dtype=torch.promote_types(x.dtype, torch.float32)))
