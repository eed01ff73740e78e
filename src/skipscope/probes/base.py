"""What a probe is, and what it is given to look at.

A probe has a name, says what it applies to, and turns a view into readings. It stores, prints and plots
nothing, and leaves nothing behind: training with and without it is the same to the last bit.

Shapes: B images in a step's batch, N images of a sample; C channels, H x W pixels.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import inf, nan
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from skipscope.anatomy.capture import Anatomy
from skipscope.anatomy.traces import held
from skipscope.errors import UsageError
from skipscope.models.user import in_words
from skipscope.randomness import derive


def copied(model: nn.Module) -> nn.Module:
    """A copy of its own, also of a network that keeps a map of its last forward pass, which has a graph.

    `nn.utils.weight_norm` keeps such a weight, and whoever wants to look at features such a map.
    """
    kept = {
        id(tensor): tensor.detach().clone()
        for module in model.modules()
        for tensor in held(module)
        if not tensor.is_leaf
    }
    return deepcopy(model, kept)


def logits(output: object, images: Tensor) -> Tensor:
    """What a network gave for images (B 3 H W), if that is B K.

    Raises:
        UsageError: it is not; says what it is.
    """
    number = len(images)
    if isinstance(output, Tensor) and output.is_floating_point() and output.shape[:-1] == (number,):
        return output
    raise UsageError(
        f"For {number} images the network gives {in_words(output)}, not one tensor of {number} x classes.",
        hint="wrap it in a module whose forward gives its logits alone, in training as well",
    )


When = Literal["step", "epoch", "initial", "frozen"]
"""While training: at a step, after an epoch. Or on a network as it is: before training, or trained."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One measured number; the run, the probe and the step are known to whoever asked for it."""

    place: str
    """Qualified module name, or what the quantity is of: `layer1.0.conv1`, `denseblock1.bn -> conv1`."""
    quantity: str
    value: float


@dataclass(frozen=True, kw_only=True)
class View:
    """A network as it is and a sample of images that it was not trained on, in fp32."""

    model: nn.Module
    """In evaluation mode; a probe may change it only inside a scope that puts everything back."""
    images: Tensor
    """N 3 H W: normalised, as the network sees them."""
    labels: Tensor
    """N class numbers."""
    anatomy: Anatomy
    seed: int = 0
    """What is drawn at random is drawn from this: the same for every network."""

    def first(self, number: int) -> "View":
        """The same with the sample's first images."""
        return View(
            model=self.model,
            images=self.images[:number],
            labels=self.labels[:number],
            anatomy=self.anatomy,
            seed=self.seed,
        )

    def generator(self, purpose: str) -> torch.Generator:
        """A fresh source of chance on the processor; torch's own is left alone."""
        return torch.Generator().manual_seed(derive(self.seed, purpose) >> 1)


@dataclass(frozen=True, kw_only=True)
class CallSummary:
    """What one call of an operator was at one step; what does not apply is None."""

    kind: str
    place: str
    depth: int
    """Convolutions and linear layers on the longest way from the image to this output."""
    mean: float | None = None
    """Of the output of a convolution, a linear layer or a BatchNorm."""
    std: float | None = None
    normed_mean: float | None = None
    """Of the output of the first BatchNorm that reads this very output of a convolution."""
    normed_std: float | None = None
    gradient: float | None = None
    """L2 norm of the loss gradient by the output of a convolution or linear layer."""
    gradient_rms: float | None = None
    signal: float | None = None
    """Norm of the mean over images of each image's own gradient by the output."""
    noise: float | None = None
    """Root of the mean over images of the squared norm of what each differs from that mean."""
    zeros: float | None = None
    """Share of a ReLU's outputs that are 0."""
    dead: float | None = None
    """Share of a ReLU's channels (of a vector: units) that are 0 for every image of the batch."""
    branch: float | None = None
    """RMS of f(x) at an addition f(x) + x."""
    shortcut: float | None = None
    """RMS of x at an addition f(x) + x."""


@dataclass(frozen=True, kw_only=True)
class WeightSummary:
    """One convolution's or linear layer's weight at one step."""

    place: str
    weight: float
    """L2 norm before the update."""
    gradient: float | None
    """L2 norm of the loss gradient, before any clipping; None of a weight that is made of others."""
    gradient_rms: float | None
    update: float | None
    """L2 norm of what the step changed; None where no step was made."""


@dataclass(frozen=True, kw_only=True)
class StepView:
    """One training step: `calls` in the order they were made, `weights` as they are named."""

    calls: tuple[CallSummary, ...]
    weights: tuple[WeightSummary, ...]

    def of(self, *kinds: str) -> list[CallSummary]:
        """The calls of these kinds."""
        return [call for call in self.calls if call.kind in kinds]


@dataclass(frozen=True, kw_only=True)
class EpochView:
    """A validation after an epoch, image by image."""

    epoch: int
    last: bool
    right: Tensor
    """N: whether each validation image is classified rightly now."""
    since: Tensor
    """N: the first epoch from which on it always was; 0 where it is wrong now."""
    labels: Tensor


Seen = TypeVar("Seen", StepView, EpochView, View)


@dataclass(frozen=True, kw_only=True)
class Probe(Generic[Seen]):
    """A kind of measurement."""

    name: str
    when: frozenset[When]
    applies_to: Callable[[Anatomy], bool]
    measure: Callable[[Seen], Iterable[Reading]]
    units: Mapping[str, str]
    """Quantity: its unit, in words. Of `gate:3` or `loss@-0.50` the part before the mark stands here."""
    source: str
    """The paper, with its section or equation."""
    cost: str
    """Time and memory, in words."""


def ratio(part: float, whole: float) -> float:
    """What part of it; nan of a whole that is nothing, or more than can be told."""
    return part / whole if 0 < whole < inf else nan


def anything(anatomy: Anatomy) -> bool:
    """For a probe that works on every network with a convolution or a linear layer in it."""
    return bool(anatomy.of("conv", "linear"))
