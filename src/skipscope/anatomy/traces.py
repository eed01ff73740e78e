"""Where tensors come from: a trace that goes with each of them while a network is listened to."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from skipscope.anatomy.channels import Source

MARK = "_skipscope_trace"
"""The attribute under which a tensor has its trace while a network is listened to."""


class Trace(NamedTuple):
    """Where a tensor comes from."""

    depth: int
    """Convolutions and linear layers on the longest way from the image."""
    squashed: bool
    """A sigmoid's output."""
    sources: tuple[Source, ...]
    """Of its channels, in their order; none where that is not known."""


def trace_of(x: Any) -> Trace | None:
    """Its trace, if it has one."""
    return getattr(x, MARK, None) if isinstance(x, Tensor) else None


def mark(x: Tensor, trace: Trace) -> None:
    """Gives it this trace, which goes with the tensor."""
    setattr(x, MARK, trace)


def unmark(x: Tensor) -> None:
    """Takes its trace away."""
    vars(x).pop(MARK, None)


def held(module: nn.Module) -> Iterator[Tensor]:
    """Yields a module's own tensors: weights, buffers, a map of its last pass, lists of such."""
    for value in vars(module).values():
        several = value.values() if isinstance(value, dict) else value
        within = several if isinstance(value, dict | list | tuple) else (value,)
        yield from (x for x in within if isinstance(x, Tensor))


def unmark_kept(model: nn.Module) -> None:
    """Unmarks what a network keeps from a pass (a running mean, a map), which means nothing in the next."""
    for module in model.modules():
        for x in held(module):
            unmark(x)


def copied(x: Tensor) -> Tensor:
    """A copy of it, with its trace."""
    copy = x.clone()
    if (trace := trace_of(x)) is not None:
        mark(copy, trace)
    return copy


def as_input(x: Any) -> Any:
    """A copy of the image: the caller's stays unmarked, and as it is if the network overwrites its input."""
    if not isinstance(x, Tensor):
        return x
    copy = x.clone()
    mark(copy, Trace(0, squashed=False, sources=(("input", x.shape[1] if x.ndim > 1 else 1),)))
    return copy


def tensors_in(argument: Any) -> Iterator[Tensor]:
    """The tensors in an argument, in lists of them, and under names."""
    if isinstance(argument, Tensor):
        yield argument
    elif isinstance(argument, (list, tuple)):
        for x in argument:
            yield from tensors_in(x)
    elif isinstance(argument, dict):
        yield from tensors_in(tuple(argument.values()))


def is_news(whole: Tensor, place: Any, value: Tensor) -> bool:
    """Whether a part gets what was not there: it does not where `x[:, :2] *= 3` writes it back."""
    part = whole[place]
    same = part.shape == value.shape and part.stride() == value.stride()
    return trace_of(whole) is None or not (same and part.data_ptr() == value.data_ptr())


def first_known(given: Sequence[Tensor]) -> tuple[Tensor, Trace]:
    """Of what an operator was given, the first that it is known of where it comes from."""
    return next((x, trace) for x in given if (trace := trace_of(x)) is not None)


def all_sources(parts: Sequence[Tensor]) -> tuple[Source, ...]:
    """Of maps side by side; none if they are not known of each."""
    traces = [trace_of(x) for x in parts]
    if not all(trace is not None and trace.sources for trace in traces):
        return ()
    return tuple(source for trace in traces if trace is not None for source in trace.sources)
