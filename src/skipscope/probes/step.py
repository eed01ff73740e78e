"""One training step, watched: what the in-step probes are told of it, gathered while it is made.

Every number is computed when its tensor passes by, and the tensor is let go: beside the step's own memory
there are copies of the weights (for the update) and one layer's output at a time in fp32.

Shapes: B images; outputs B C H W or B C; gradients have the shape of what they are the gradient by.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from math import nan, sqrt
from typing import cast
from weakref import ref

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.parametrize import is_parametrized

from skipscope.anatomy.capture import Call, capture, evaluating
from skipscope.probes.base import CallSummary, StepView, WeightSummary, logits

WITH_GRADIENT = {"conv", "linear"}
TOLD_OF = WITH_GRADIENT | {"relu", "norm", "shortcut"}


def due(step: int, steps_per_epoch: int) -> bool:
    """Whether `step` (from 1) is measured: 1, 2, 4, ... in the first epoch, and every quarter of an epoch.

    From the eleventh epoch on, the last step of an epoch: a long run has a reading an epoch.
    """
    epoch, place = divmod(step - 1, steps_per_epoch)
    place += 1
    if epoch == 0 and place & (place - 1) == 0:
        return True
    quarters = 4 if epoch < 10 else 1
    return any(place == max(1, round(steps_per_epoch * part / quarters)) for part in range(1, quarters + 1))


@dataclass
class _Kept:
    """A call, and what its gradient came to."""

    summary: CallSummary


@dataclass(eq=False)  # tensors have no one truth to be compared by
class _Convolved:
    """A convolution's output while the network holds it; it is not kept alive, and known again as it was."""

    kept: _Kept
    output: ref[Tensor]
    version: int

    def is_read_by(self, call: Call) -> bool:
        """Whether the call's input is this output, and nothing has overwritten it since."""
        return self.output() is call.inputs[0] and self.version == _version(call.inputs[0])


class StepRecorder:
    """Watches one step: `computing()` around the forward pass, then `after_backward`, then `after_update`."""

    def __init__(self, model: nn.Module) -> None:
        """A watch of one step of `model`."""
        self.model = model
        self.kept: list[_Kept] = []
        self.convolved: list[_Convolved] = []
        self.weights: dict[str, WeightSummary] = {}
        self.before: dict[str, Tensor] = {}

    @contextmanager
    def computing(self) -> Iterator[None]:
        """The scope of the forward pass."""
        with capture(self.model, self._see):
            yield

    def after_backward(self) -> None:
        """Between the backward pass and the update: the weights' gradients are whole, and not clipped."""
        for place, weight in weights_of(self.model):
            gradient = weight.grad if weight.is_leaf else None
            if gradient is not None or not weight.is_leaf:
                self._weigh(place, weight, gradient)
                self.before[place] = weight.detach().clone()

    def after_update(self) -> None:
        """After the update."""
        for place, weight in weights_of(self.model):
            if (before := self.before.pop(place, None)) is not None:
                moved = _norm(weight.detach() - before)
                self.weights[place] = replace(self.weights[place], update=moved)

    @property
    def view(self) -> StepView:
        """What was seen."""
        return StepView(calls=tuple(kept.summary for kept in self.kept), weights=tuple(self.weights.values()))

    def _weigh(self, place: str, weight: Tensor, gradient: Tensor | None) -> None:
        norm = None if gradient is None else _norm(gradient)
        self.weights[place] = WeightSummary(
            place=place,
            weight=_norm(weight.detach()),
            gradient=norm,
            gradient_rms=None if norm is None else norm / sqrt(weight.numel()),
            update=None,
        )

    def _normed(self, call: Call, norm: CallSummary) -> None:
        """Adds a BatchNorm's mean and spread to the convolution whose output it reads."""
        for each in self.convolved:
            if each.is_read_by(call):
                kept = each.kept
                kept.summary = replace(kept.summary, normed_mean=norm.mean, normed_std=norm.std)
                self.convolved.remove(each)  # the first that reads it counts
                return

    def _see(self, call: Call) -> None:
        if call.kind not in TOLD_OF:
            return
        output = call.output.detach()
        kept = _Kept(CallSummary(kind=call.kind, place=call.place, depth=call.depth))
        if call.kind == "relu":
            zeros, dead = _zeros(output)
            kept.summary = replace(kept.summary, zeros=zeros, dead=dead)
        elif call.kind == "shortcut":
            branch, shortcut = (_rms(x.detach()) for x in call.inputs)
            kept.summary = replace(kept.summary, branch=branch, shortcut=shortcut)
        else:
            variance, mean = torch.var_mean(output.to(torch.float32), correction=0)
            kept.summary = replace(kept.summary, mean=mean.item(), std=variance.sqrt().item())
        if call.kind == "conv":
            self.convolved = [each for each in self.convolved if each.output() is not None]
            self.convolved.append(_Convolved(kept, ref(call.output), _version(call.output)))
        elif call.kind == "norm":
            self._normed(call, kept.summary)
        if call.kind in WITH_GRADIENT and call.output.requires_grad:
            call.output.register_hook(_keeper(kept))  # type: ignore[no-untyped-call]
        self.kept.append(kept)


def _keeper(kept: _Kept) -> Callable[[Tensor], None]:
    def keep(gradient: Tensor) -> None:
        norm, signal, noise = norm_signal_noise(gradient)
        rms = norm / sqrt(gradient.numel())
        kept.summary = replace(kept.summary, gradient=norm, gradient_rms=rms, signal=signal, noise=noise)

    return keep


def of_one_step(model: nn.Module, images: Tensor, labels: Tensor) -> StepView:
    """The step that training on this batch would begin with, but its update; the network is left as it is.

    Batch statistics are used, as in training, and every buffer (BatchNorm's running means) is put back.
    """
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    modes = [(module, module.training) for module in model.modules()]
    learn = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.train().requires_grad_()  # gradients pass through what does not learn as well
    watch = StepRecorder(model)
    weights = {place: weight for place, weight in weights_of(model) if weight.is_leaf}
    # gradients that end in what a weight is made of pass the layer's output as well
    made_of = (layer.parameters() for place, layer in _layers(model) if place not in weights)
    by = [*weights.values(), *chain.from_iterable(made_of)] or [parameter for parameter, _ in learn]
    try:
        with torch.enable_grad():
            with watch.computing():
                output = model(images)
            loss = cross_entropy(logits(output, images).float(), labels)
            gradients = torch.autograd.grad(loss, by, allow_unused=True) if loss.requires_grad else ()
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, learns in learn:
            parameter.requires_grad_(learns)
        with torch.no_grad():
            for module, name, buffer, value in buffers:
                setattr(module, name, buffer.copy_(value))  # a network may have put another in its place
    for (place, weight), gradient in zip(weights.items(), gradients, strict=False):  # or there are none
        if gradient is not None:
            watch._weigh(place, weight, gradient)  # noqa: SLF001 - the same watch, one line further
    return watch.view


def weights_of(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The weight of every convolution and linear layer that learns, under the layer's name.

    One that is parametrized (`weight_norm`, `spectral_norm`) is no leaf, and has no gradient of its own.
    Those that a hook makes in each pass (as torch did before, and pruning does) are left out.
    """
    for place, layer in _layers(model):
        weight = _weight(layer)
        if weight is not None and weight.requires_grad:
            yield place, weight


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            yield name or "weight", module


def _weight(layer: nn.Conv2d | nn.Linear) -> Tensor | None:
    if is_parametrized(layer, "weight"):
        # while it is trained, spectral norm moves on whenever it is looked at
        with evaluating(cast("nn.ModuleDict", layer.parametrizations)["weight"]):
            return layer.weight
    return layer.weight if isinstance(layer.weight, nn.Parameter) else None


def norm_signal_noise(gradient: Tensor) -> tuple[float, float, float]:
    """The L2 norm of a loss gradient by an output, and its parts.

    With each image's own gradient g_b, signal is |mean g_b| and noise the root of mean |g_b - mean|^2.
    `gradient` is that of a mean loss, B ...: an image's own is B times its row.
    """
    rows = gradient.flatten(1).to(torch.float32)  # B n
    norm, images = _norm(rows), len(rows)
    signal = _norm(rows.sum(0))
    return norm, signal, sqrt(max(0.0, images * norm**2 - signal**2))


def _version(x: Tensor) -> int:
    """How often a tensor was overwritten in place; tensors of inference mode do not count it."""
    return 0 if x.is_inference() else x._version  # noqa: SLF001 - torch's documentation names it


def _zeros(output: Tensor) -> tuple[float, float]:
    """Share of outputs that are 0, and of channels that are 0 everywhere; nan if an output is no number."""
    if output.sum().isnan():  # one is, since a ReLU's outputs have one sign
        return nan, nan
    others = [axis for axis in range(output.ndim) if axis != 1]
    alive = torch.count_nonzero(output, dim=others)  # C
    return 1 - alive.sum().item() / max(1, output.numel()), (alive == 0).float().mean().item()


def _rms(x: Tensor) -> float:
    return _norm(x) / sqrt(max(1, x.numel()))


def _norm(x: Tensor) -> float:
    return float(torch.linalg.vector_norm(x, dtype=torch.float32))
