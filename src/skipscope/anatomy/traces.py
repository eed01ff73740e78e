"""Traces: what is known of where a tensor comes from, attached to it while a network is followed."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

from skipscope.anatomy.channels import Source

MARK = "_skipscope_trace"
"""The attribute that holds a tensor's trace."""


Scale = Literal["none", "number", "by_channel"]
"""Not weighed, or by one number or one a channel, the same for all images."""


class Trace(NamedTuple):
    """Where a tensor comes from."""

    depth: int
    """Convolutions and linear layers on the longest path from the image."""
    squashed: bool
    """Whether it passed a sigmoid or another bounded function since its last layer."""
    sources: tuple[Source, ...]
    """Sources of its channels, in order; empty where unknown."""
    origin: int = 0
    """Number of the last call that mixed channels, pixels or maps; any other keeps a number where it is."""
    behind: int = 0
    """The origins it was computed from, one bit each."""
    steps: int = 0
    """Poolings and normalisations since then, on the path that has most."""
    pools: int = 0
    """How often all pixels were reduced to one number a channel, on the path where that was most often."""
    varies: bool = True
    """Whether it varies by pixel."""
    last: bool = False
    """Whether channels are the last axis, as those of tokens (B N C) are, not the second (B C H W)."""
    scores: bool = False
    """Whether it is a product of two maps, as attention's scores are, that no map was multiplied by yet."""
    stacked: tuple[Tensor, ...] = ()
    """The maps that were stacked along a new axis to make it."""
    axis: int = 0
    """That axis."""
    scale: Scale = "none"
    """What weighs it that does not come from the image, since its last layer."""
    written: tuple[Tensor, ...] = ()
    """The maps that were written into its channels, so far."""
    call: int = -1
    """Number of the last numbered call (a layer, a pooling or a join) that it passed; -1 for the image."""


def trace_of(x: Any) -> Trace | None:
    """Returns a tensor's trace, if it has one."""
    return getattr(x, MARK, None) if isinstance(x, Tensor) else None


def mark(x: Tensor, trace: Trace | None) -> None:
    """Attaches a trace to a tensor; None to one that is known not to come from the image."""
    setattr(x, MARK, trace)


def is_marked(x: Tensor) -> bool:
    """Tells whether a function that was seen returned the tensor, or the tensor is the image."""
    return hasattr(x, MARK)


CONTAINERS = (list, tuple, dict)
HOLDERS = (Tensor, *CONTAINERS)
OF_EVERY_MODULE = frozenset(vars(nn.Module()))
"""Attributes that hold parameters, buffers, submodules, hooks and modes; tensors are in the first two."""


def kept_tensors(model: nn.Module) -> Iterator[Tensor]:
    """Yields what a network keeps between passes: weights, buffers, a running mean, a map."""
    for module in model.modules():
        held = vars(module)
        for own in ("_parameters", "_buffers"):
            for x in held.get(own, {}).values():  # what torch.jit made has neither
                if x is not None:
                    yield x
        # hooks and modes are most of what a module has, and looking through them takes most of the time
        for name, value in held.items():
            if name not in OF_EVERY_MODULE and isinstance(value, HOLDERS):
                yield from tensors_in(value)


def unmark_kept(model: nn.Module) -> list[Tensor]:
    """Unmarks what a network keeps from a pass, which means nothing in the next; returns what it keeps."""
    kept = list(kept_tensors(model))
    for x in kept:
        vars(x).pop(MARK, None)
    return kept


def copied(x: Tensor) -> Tensor:
    """Copies a tensor and its trace."""
    return like(x, x.clone())


def like(x: Tensor, other: Tensor) -> Tensor:
    """Attaches the trace of `x`, if it has one, to another tensor; returns that."""
    if is_marked(x):
        mark(other, trace_of(x))
    return other


def as_input(x: Any) -> Any:
    """Copies and marks the images; the caller's stay unmarked, even if the network overwrites its input."""
    if not isinstance(x, Tensor):
        return x
    copy = x.clone()
    mark(copy, Trace(0, squashed=False, sources=(("input", x.shape[1] if x.ndim > 1 else 1),)))
    return copy


def tensors_in(argument: Any) -> Iterator[Tensor]:
    """Yields the tensors in an argument, also within lists and dictionaries."""
    if isinstance(argument, Tensor):
        yield argument
    elif isinstance(argument, CONTAINERS):
        for x in argument.values() if isinstance(argument, dict) else argument:
            if isinstance(x, Tensor):
                yield x
            elif isinstance(x, CONTAINERS):  # most are numbers, and a generator for each takes long
                yield from tensors_in(x)


def is_new(whole: Tensor, index: Any, value: Tensor) -> bool:
    """Tells whether an assignment stores another value; `x[:, :2] *= 3` writes the same one back."""
    part = whole[index]
    same = part.shape == value.shape and part.stride() == value.stride()
    return trace_of(whole) is None or not (same and part.data_ptr() == value.data_ptr())


def maps_written(whole: Tensor, index: Any, value: Tensor) -> tuple[Tensor, ...]:
    """Returns the maps written into a map's channels, as by `whole[:, :4] = value`; none if otherwise."""
    before = trace_of(whole)
    known = () if before is None else before.written
    if before is not None and not known:  # it was a map of its own
        return ()
    channels = isinstance(index, tuple) and len(index) == 2 and index[0] == slice(None)
    if (
        not channels
        or not isinstance(index[1], slice)
        or whole.ndim != 4
        or whole[index].shape != value.shape
    ):
        return ()
    return (*known, value)


def first_known(given: Sequence[Tensor]) -> tuple[Tensor, Trace]:
    """Returns the first operand that has a trace, with the trace."""
    return next((x, trace) for x in given if (trace := trace_of(x)) is not None)


def all_sources(parts: Sequence[Tensor]) -> tuple[Source, ...]:
    """Joins the sources of concatenated maps; empty if any are unknown."""
    known = [trace.sources if (trace := trace_of(x)) else () for x in parts]
    return tuple(chain.from_iterable(known)) if all(known) else ()


def is_vector(shape: Sequence[int]) -> bool:
    """Tells whether an image has one axis of numbers only: B C, B C 1 1."""
    return sum(size > 1 for size in shape[1:]) <= 1
