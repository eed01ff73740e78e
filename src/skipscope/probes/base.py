"""Probes and the views they are given.

A probe has a name, says what it applies to, and turns a view into readings. It stores, prints and plots
nothing and has no side effects: training with and without it is bit-identical.

Shapes: B images in a step's batch, N images of a sample; C channels, H x W pixels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.traces import kept_tensors
from skipscope.errors import UsageError
from skipscope.models.user import in_words
from skipscope.randomness import derive


def copied(model: nn.Module) -> nn.Module:
    """Deep-copies a network, even one that keeps a tensor with a graph from its last forward pass.

    `nn.utils.weight_norm` keeps such a weight, and networks that expose features keep such maps.

    Raises:
        UsageError: it holds what cannot be copied; says where.
    """
    held = (tensor for tensor in kept_tensors(model) if not tensor.is_leaf)
    try:
        return deepcopy(model, {id(tensor): tensor.detach().clone() for tensor in held})
    except MemoryError:
        raise
    except Exception as error:
        raise UsageError(
            f"Probes measure a copy of the network, and {_uncopied(model)} cannot be copied: {error}.",
            hint="make it where forward needs it, keep it outside of the network, or define __deepcopy__",
        ) from error


def _uncopied(model: nn.Module) -> str:
    """Names the attribute of a module that cannot be copied."""
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if key not in {"_parameters", "_buffers", "_modules"}:
                try:
                    deepcopy(value)
                except Exception:  # noqa: BLE001 - whatever it is, it is this one
                    return f"its {name}.{key}".replace(" .", " ")
    return "something in it"


def logits(output: object, images: Tensor) -> Tensor:
    """Checks that a network's output for images B 3 H W is logits B K.

    Raises:
        UsageError: it is not; says what it is.
    """
    number = len(images)
    if isinstance(output, Tensor) and output.is_floating_point() and output.shape[:-1] == (number,):
        return output
    raise UsageError(
        f"For {number} images the network returns {in_words(output)}, not one tensor of {number} x classes.",
        hint="wrap it in a module whose forward returns only logits, also in training",
    )


When = Literal["step", "epoch", "initial", "frozen", "equal_loss"]
"""At a training step or after an epoch; or on a network before its first step, trained, or as it was where
its smoothed training loss first fell below a level that those it is compared with have reached, too."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One measured number; the run, the probe and the step are known to whoever asked for it.

    The fields are columns of `records.readings.COLUMNS`, which says what each means; None does not apply.
    """

    quantity: str
    value: float
    module: str | None = None
    source: str | None = None
    neighbour: str | None = None
    blocks: int | None = None
    draw: int | None = None
    channel: int | None = None
    class_: int | None = None
    image: int | None = None
    lag: int | None = None
    replacement: str | None = None
    alpha: float | None = None
    beta: float | None = None

    def row(self) -> dict[str, Any]:
        """Returns the columns that apply; a value that is not finite is None, as table formats know it."""
        columns = {name.rstrip("_"): value for name, value in vars(self).items() if value is not None}
        return columns | {"value": float(self.value) if isfinite(self.value) else None}


def several(quantities: Mapping[str, float], **columns: Any) -> Iterator[Reading]:
    """Yields one reading per quantity, all with the same columns."""
    return (Reading(quantity=quantity, value=value, **columns) for quantity, value in quantities.items())


@dataclass(frozen=True, kw_only=True)
class View:
    """A network and a sample of images that it was not trained on, in fp32."""

    model: nn.Module
    """In evaluation mode; a probe may change it only within a scope that restores everything."""
    images: Tensor
    """N 3 H W, normalised as in training."""
    labels: Tensor
    """N class numbers."""
    anatomy: Anatomy
    seed: int = 0
    """Source of all random draws, the same for every network."""
    start: Mapping[str, Tensor] | None = None
    """The state that the network had before its first step; given to probes that `needs_start` alone."""

    def first(self, number: int) -> "View":
        """Returns the view with only the first images of the sample."""
        return replace(self, images=self.images[:number], labels=self.labels[:number])

    def generator(self, purpose: str) -> torch.Generator:
        """Makes a new CPU generator for this purpose; torch's own is left alone."""
        return torch.Generator().manual_seed(derive(self.seed, purpose) >> 1)


@dataclass(frozen=True, kw_only=True)
class CallSummary:
    """Everything a step probe sees of one call, as `StepRecorder` wrote it; None where it does not apply."""

    kind: str
    module: str
    depth: int
    """Convolutions and linear layers on the longest path from the image to this output."""
    mean: float | None = None
    """Mean of the output of a convolution, linear layer or BatchNorm."""
    std: float | None = None
    normed_mean: float | None = None
    """Mean after the first BatchNorm that reads this convolution's output directly."""
    normed_std: float | None = None
    gradient: float | None = None
    """L2 norm of the loss gradient at the output of a convolution or linear layer."""
    gradient_rms: float | None = None
    signal: float | None = None
    """Norm of the mean of the images' own gradients at the output."""
    noise: float | None = None
    """Root mean square distance of the images' own gradients from their mean."""
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

    module: str
    weight: float
    """L2 norm before the update."""
    gradient: float | None
    """L2 norm of the loss gradient, before any clipping; None for a parametrized weight."""
    gradient_rms: float | None
    update: float | None
    """L2 norm of the step's change; None where no step was made."""


@dataclass(frozen=True, kw_only=True)
class StepView:
    """One training step: `calls` in the order they were made, `weights` in the order of the modules."""

    calls: tuple[CallSummary, ...]
    weights: tuple[WeightSummary, ...]

    def of(self, *kinds: str) -> list[CallSummary]:
        """Selects the calls of these kinds."""
        return [call for call in self.calls if call.kind in kinds]


@dataclass(frozen=True, kw_only=True)
class EpochView:
    """A validation after an epoch, image by image."""

    epoch: int
    last: bool
    right: Tensor
    """N: whether each validation image is now classified rightly."""
    since: Tensor
    """N: the first epoch from which on it always was; 0 where it is now wrong."""
    labels: Tensor


Seen = TypeVar("Seen", StepView, EpochView, View)


@dataclass(frozen=True, kw_only=True)
class Probe(Generic[Seen]):
    """A kind of measurement."""

    name: str
    measure: Callable[[Seen], Iterable[Reading]]
    when: frozenset[When] = frozenset({"frozen"})
    applies_to: Callable[[Anatomy], object] = lambda anatomy: anatomy.of("conv", "linear")
    """Finds what there is to measure in a network; the probe applies where the result is true."""
    needs_start: bool = False
    """Whether it compares the network with its own start, which only a run knows."""
    units: Mapping[str, str]
    """The unit of each quantity, in words."""
    source: str
    """The paper, with its section or equation."""
    cost: str
    """Time and memory it takes, in words."""
    passes: Callable[[int], float] = float
    """Forward passes of an image that take about as long, on a sample of so many images."""
    seconds: float = 0.0
    """What it takes besides, whatever the network is, on one core."""


def ratio(part: float, whole: float) -> float:
    """Divides; nan if the whole is 0 or not finite."""
    return part / whole if 0 < whole < inf else nan
