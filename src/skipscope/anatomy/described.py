"""Describe a call of a torch function while it is made: of which kind it is, and what it is given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from skipscope.anatomy.calls import Call, Kind
from skipscope.anatomy.channels import RESHAPES
from skipscope.anatomy.joins import JOINS, Reason, join_of
from skipscope.anatomy.operands import (
    is_a_product,
    joined_axis,
    key_of,
    operands_of,
    order_of,
    window_of,
    with_others,
)
from skipscope.anatomy.traces import all_sources, trace_of

FUNCTIONS: dict[Kind, str] = {
    "conv": "conv2d",
    "linear": "linear",
    "norm": "batch_norm",
    "other_norm": "group_norm layer_norm instance_norm rms_norm local_response_norm",
    "relu": "relu",
    "pool": "max_pool2d avg_pool2d",
    "concat": "cat concat concatenate hstack",
}
KINDS = {word: kind for kind, words in FUNCTIONS.items() for word in words.split()}
"""Kind of a torch function by its name without underscores; `joins` knows sums and products."""
_UNNAMED = "maximum minimum fmax fmin max min where hypot logaddexp index_add scatter_add"
UNNAMED = frozenset(_UNNAMED.split())
"""Functions of two maps that are neither sums nor products, but may stand for one."""


def described(
    word: str,
    func: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    given: Sequence[Tensor],
    is_unseen: Callable[[Tensor], bool],
) -> Call | None:
    """Describes a call, which has no name yet; None if it is of no kind.

    `word` is the function's name without underscores, `given` are the tensors in its arguments, and
    `is_unseen` tells of a tensor whether code that cannot be seen made it.
    """
    found = None
    if word in KINDS:
        found = _layer(KINDS[word], word, func, args, kwargs)
    elif word in RESHAPES:
        found = _flattened_stack(word, func, args, kwargs)
    elif word in JOINS and (join := join_of(word, func, args, kwargs)) is not None:
        found = Call(
            kind=join.kind,
            operator=word,
            inputs=join.inputs,
            sources=all_sources(join.inputs[:1]),
            again=join.again,
            reason=join.reason,
        )
    if found is None and (reason := _reason(word, given, args, kwargs, is_unseen)) is not None:
        return Call(
            kind="unfollowed",
            operator=word,
            inputs=tuple(given),
            again=lambda *_: func(*args, **kwargs),
            reason=reason,
        )
    return found


def _layer(
    kind: Kind, word: str, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Call | None:
    """Describes a call of one of the `FUNCTIONS`; None if its operands show that it is not of this kind."""
    operands = operands_of(kind, args, kwargs)
    keys, inputs = list(operands), list(operands.values())
    if kind == "conv" and is_a_product(inputs):
        kind = "linear"
    order = order_of(kind, inputs, args, {**kwargs, "dim": 1} if word == "hstack" else kwargs)
    if order is None:
        return None
    chosen = tuple(inputs[index] for index in order)
    if all(trace_of(x) is None for x in chosen):
        return None

    def again(*others: Tensor) -> Tensor:
        if kind == "concat":
            return with_others(func, args, kwargs, {key_of(args, 0, "tensors"): list(others)})
        changed = {keys[index]: x for index, x in zip(order, others, strict=True)}
        return with_others(func, args, kwargs, changed)

    call = Call(
        kind=kind,
        operator=word,
        inputs=chosen,
        sources=all_sources(chosen if kind == "concat" else chosen[:1]),
        window=window_of(kind, inputs, args, kwargs),
        again=again,
    )
    if kind in ("conv", "linear"):
        key, bias = key_of(args, 1, "weight"), args[2] if len(args) > 2 else kwargs.get("bias")
        call.weight, call.bias = operands.get(key), bias
        call.reweighted = lambda weight: with_others(func, args, kwargs, {key: weight})
    return call


def _flattened_stack(
    word: str, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Call | None:
    """Describes a concatenation by stacking: maps B C H W to B G C H W, and that to B GC H W."""
    trace = trace_of(args[0]) if args else None
    if trace is None or not trace.stacked:
        return None
    maps, axis = trace.stacked, trace.axis
    shape = func(*args, **kwargs).shape
    if any(x.ndim != 4 for x in maps) or axis not in (1, 2) or len(shape) != 4:
        return None
    if shape[1] != len(maps) * maps[0].shape[1]:
        return None

    def again(*others: Tensor) -> Tensor:
        joined: Tensor = func(torch.stack(others, axis), *args[1:], **kwargs)
        return joined

    return Call(
        kind="concat", operator=word, inputs=maps, sources=all_sources(maps) if axis == 1 else (), again=again
    )


def _reason(
    word: str,
    given: Sequence[Tensor],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    is_unseen: Callable[[Tensor], bool],
) -> Reason | None:
    """Says why a call that is no sum, product or concatenation joins maps; None if it does not."""
    known = [(x, trace) for x in given if (trace := trace_of(x)) is not None]
    if word in JOINS or KINDS.get(word) == "concat":
        largest = max((x for x, _ in known), key=Tensor.numel)
        if any(is_unseen(x) for x in given if x.shape == largest.shape and len(x) > 1):
            return "hidden"
    traces = [trace for _, trace in known]
    differ = len({trace.depth for trace in traces}) > 1 and len({trace.origin for trace in traces}) > 1
    if not differ or any(trace.scores for trace in traces):
        return None
    if KINDS.get(word) == "concat":
        axis, (x, trace) = joined_axis(args, kwargs), known[0]
        along_channels = isinstance(axis, int) and axis % x.ndim == (x.ndim - 1 if trace.last else 1)
        return "vectors" if along_channels else None
    return "function" if word in UNNAMED else None
