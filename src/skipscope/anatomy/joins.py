"""Find out what an addition or a product joins: a map and its shortcut, a map and its gate, or others.

Networks spell them in many ways. Each spelling is taken apart into the terms of a sum or the factors of a
product; the terms' traces then say what it is:

- a **shortcut** is a sum of maps of one shape with different numbers of layers before them;
- a **gate** weighs a map by numbers, one a channel, that were computed from means over pixels (or the like);
- a product of a map and a function of that very map is an **activation**, and no join;
- any other product or sum of two maps is `UNFOLLOWED`, and says why.

Shapes: B images, C channels, any number of further axes (H x W pixels).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from skipscope.anatomy.scales import weighed
from skipscope.anatomy.traces import is_vector, like, mark, tensors_in, trace_of

Reason = Literal["by_pixel", "whole_map", "broadcast", "vectors", "function", "hidden"]
"""Why two maps that are joined are neither f(x) + x nor a gate and its map nor a concatenation of channels.

by_pixel: a product that varies by pixel. whole_map: one number for all channels. broadcast: a sum of
different shapes. vectors: a concatenation of other things than maps. function: another function of both.
hidden: an operand, or a module's output, comes from code that torch does not let one see.
"""
_SUMS = "add iadd radd sub isub rsub subtract lerp addcmul addcdiv addmm addbmm baddbmm"
SUMS = frozenset(_SUMS.split())
REDUCED_SUMS = {"sum", "mean", "nansum", "nanmean"}
"""Functions that add up what was stacked."""
_PRODUCTS = "mul imul rmul multiply div idiv truediv itruediv divide true_divide einsum"
PRODUCTS = frozenset(_PRODUCTS.split())
FUSED = {"addcmul", "addcdiv", "addmm", "addbmm", "baddbmm"}
"""Sums of a tensor and a product."""
JOINS = SUMS | REDUCED_SUMS | PRODUCTS


class Join(NamedTuple):
    """What an addition or a product is."""

    kind: Literal["shortcut", "gate", "unfollowed"]
    inputs: tuple[Tensor, ...]
    """shortcut: (f(x), x); gate: (map, gate); unfollowed: the operands."""
    again: Callable[..., Tensor]
    """Applies the operator to other inputs, in the order of `inputs`."""
    reason: Reason | None = None


@dataclass(frozen=True)
class Given:
    """A call and its arguments."""

    func: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]

    def at(self, position: int, name: str) -> Any:
        """Returns an argument that may be given by position or by name; None if it was not given."""
        return self.args[position] if position < len(self.args) else self.kwargs.get(name)

    def again(self, *operands: Any) -> Tensor:
        """Repeats the call with its first operands replaced."""
        left = {name: value for name, value in self.kwargs.items() if name not in ("input", "other", "out")}
        output: Tensor = self.func(*operands, *self.args[len(operands) :], **left)
        return output


def join_of(
    word: str, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Join | None:
    """Returns what a call of one of the `JOINS` joins; None if it joins no two maps, or is an activation."""
    given = Given(func, args, kwargs)
    if word in REDUCED_SUMS:
        return _sum_of_stack(word, given)
    if word == "einsum":
        return _einsum(given)
    if word in PRODUCTS:
        return _product(word, given)
    factors = _operands(given, 1)
    if word in ("addcmul", "addcdiv") and len(_followed(factors)) > 1:
        return _unfollowed(factors, given, _weighs(*factors)[1] or "function") if _distinct(factors) else None
    operands = _operands(given)
    if word == "lerp" and (trace := trace_of(given.at(2, "weight"))) is not None:
        return _unfollowed(operands, given, "by_pixel" if trace.varies else "function")
    joined = operands if word not in FUSED else [*operands[:1], *factors]
    return _sum(given, *_terms(word, given)) if len(_followed(joined)) > 1 else None


def _operands(given: Given, first: int = 0) -> list[Tensor]:
    """Returns the two operands, those from the second argument on, if they are tensors."""
    names = (("input", "other"), ("tensor1", "tensor2"))[first]
    operands = (given.at(first + index, name) for index, name in enumerate(names))
    return [x for x in operands if isinstance(x, Tensor)]


def _followed(operands: Sequence[Any]) -> list[Tensor]:
    return [x for x in operands if trace_of(x) is not None]


def _terms(word: str, given: Given) -> tuple[list[Tensor], bool]:
    """Returns the two terms of a sum, and whether they are the call's first operands as they are."""
    first: Tensor = given.at(0, "input")
    if word in FUSED:
        return [like(first, given.kwargs.get("beta", 1) * first), _fused_product(word, given)], False
    second: Tensor = given.at(1, "end" if word == "lerp" else "other")
    factor = given.kwargs.get("alpha", 1)
    if word == "lerp":
        weight = given.at(2, "weight")
        return [like(first, (1 - weight) * first), like(second, weight * second)], False
    if word == "rsub":
        return [like(first, -factor * first), second], False
    if "sub" in word:
        return [first, like(second, -factor * second)], False
    return [first, second if factor == 1 else weighed(second, factor)], factor == 1


def _fused_product(word: str, given: Given) -> Tensor:
    """Computes the product that a call adds, and marks it."""
    one, other = _operands(given, 1)
    if word in ("addcmul", "addcdiv"):
        product: Tensor = one * other if word == "addcmul" else one / other
        value = given.kwargs.get("value", 1)
        return weighed(*((one, other) if trace_of(one) is not None else (other, one)), value * product)
    product = given.kwargs.get("alpha", 1) * torch.matmul(one, other)
    product = product.sum(0) if word == "addbmm" else product
    traces = [trace for x in (one, other) if (trace := trace_of(x)) is not None]
    deepest = max(traces, key=lambda trace: trace.depth)
    depth, behind = deepest.depth + (len(traces) == 1), deepest.behind | 1 << deepest.origin
    mark(product, deepest._replace(depth=depth, behind=behind, scores=False))
    return product


def _sum_of_stack(word: str, given: Given) -> Join | None:
    """Looks at a sum over the axis along which maps were stacked."""
    x = given.at(0, "input")
    trace = trace_of(x)
    axes = given.at(1, "dim")
    axes = given.kwargs.get("axis") if axes is None else axes
    axes = [axes] if isinstance(axes, int) else list(axes or ())
    if trace is None or not trace.stacked or [axis % x.ndim for axis in axes] != [trace.axis]:
        return None
    parts = len(trace.stacked) if "mean" in word else 1
    return _sum(given, [like(term, term / parts) for term in trace.stacked], as_given=False)


def _sum(given: Given, terms: Sequence[Tensor], as_given: bool) -> Join | None:  # noqa: FBT001
    """Tells what a sum of terms joins: f(x) + x if some have fewer layers before them than the others.

    A branch without layers may pool or normalise instead, as in x + pool(norm(x)).
    """
    followed = _followed(terms)
    traces = [trace for x in followed if (trace := trace_of(x)) is not None]
    depths = [trace.depth for trace in traces]
    if len(set(depths)) == 1 and len({trace.origin for trace in traces}) == 1 and as_given:
        depths = [trace.steps if trace.varies else 0 for trace in traces]
    if len(followed) < 2 or len(set(depths)) == 1 or any(trace.scores for trace in traces):
        return None
    shape = _broadcast(followed)
    mixed = len({trace.varies for trace in traces}) > 1 and not is_vector(shape)
    if mixed or any(x.shape != shape for x in followed):
        return _unfollowed(terms, given, "broadcast")
    deep = [x for x, depth in zip(followed, depths, strict=True) if depth > min(depths)]
    shallow = [x for x, depth in zip(followed, depths, strict=True) if depth == min(depths)]
    if as_given:
        swapped = deep[0] is not followed[0]
        again = (lambda f, x: given.again(x, f)) if swapped else given.again
        return Join("shortcut", (deep[0], shallow[0]), again)
    ends = (like(deep[-1], reduce(add, deep)), like(shallow[-1], reduce(add, shallow)))
    return Join("shortcut", ends, add)


def _product(word: str, given: Given) -> Join | None:
    """Tells what a product of two operands joins: a map and a gate, or two maps otherwise."""
    operands = _operands(given)
    if len(_followed(operands)) < 2 or not _distinct(operands):
        return None
    order, reason = _weighs(*operands)
    if order == (1, 0) and "div" in word:
        order, reason = None, "function"
    if order is None:
        return None if reason is None else _unfollowed(operands, given, reason)
    x, gate = (operands[index] for index in order)
    if "div" in word:
        return Join("gate", (x, like(gate, 1 / gate)), torch.mul)
    return Join("gate", (x, gate), given.again if order == (0, 1) else lambda x, gate: given.again(gate, x))


def _einsum(given: Given) -> Join | None:
    """Looks at an einsum that only multiplies: `bchw,bc->bchw`."""
    equation, *rest = given.args
    operands: list[Tensor] = list(tensors_in(rest))
    if not isinstance(equation, str) or len(operands) != 2 or len(_followed(operands)) < 2:
        return None
    inputs, _, output = equation.replace(" ", "").partition("->")
    letters = inputs.split(",")
    whole = next((index for index in (0, 1) if letters[index] == output), None)
    if whole is None or "." in equation or not set(letters[1 - whole]) <= set(output):
        return None
    x, other = operands[whole], operands[1 - whole]
    axes = sorted(range(other.ndim), key=lambda axis: output.index(letters[1 - whole][axis]))
    sizes = [x.shape[axis] if letter in letters[1 - whole] else 1 for axis, letter in enumerate(output)]
    gate = like(other, other.permute(axes).reshape(sizes))
    order, reason = _weighs(x, gate)
    if reason is not None or order == (1, 0):
        return _unfollowed(operands, given, reason or "function")
    return None if order is None else Join("gate", (x, gate), torch.mul)


def _distinct(operands: Sequence[Tensor]) -> bool:
    """Tells whether they are not both functions of one map, pixel by pixel, as in x * sigmoid(x)."""
    traces = [trace for x in operands if (trace := trace_of(x)) is not None]
    return any((a.origin, a.pools) != (b.origin, b.pools) for a, b in combinations(traces, 2))


def _weighs(one: Tensor, other: Tensor) -> tuple[tuple[int, int] | None, Reason | None]:
    """Returns the order (map, gate) of two factors, or why they are no such pair; neither if they are a norm.

    A gate's numbers come from one more reduction over pixels than the map's, and vary by channel only.
    """
    traces = [trace for x in (one, other) if (trace := trace_of(x)) is not None]
    order = (0, 1) if traces[0].pools < traces[1].pools else (1, 0)
    x, gate = (((one, other)[index], traces[index]) for index in order)
    if traces[0].pools == traces[1].pools or gate[1].varies:
        return None, "by_pixel"
    if x[1].origin == gate[1].origin and not gate[1].squashed:
        return None, None  # divided by its own deviation, say
    if _broadcast([x[0], gate[0]]) != x[0].shape or x[0].ndim < 3:
        return None, "by_pixel"
    return (None, "whole_map") if _is_one_number(x[0], gate[0]) else (order, None)


def _broadcast(tensors: Sequence[Tensor]) -> torch.Size:
    # torch's own imports symbolic shapes first, which takes half a second
    return torch.Size(np.broadcast_shapes(*(x.shape for x in tensors)))


def _is_one_number(x: Tensor, gate: Tensor) -> bool:
    """Tells whether a map of several channels is weighed by one number an image."""
    return gate[0].numel() == 1 < max(x.shape[1], x.shape[-1])


def _unfollowed(operands: Sequence[Tensor], given: Given, reason: Reason) -> Join:
    return Join("unfollowed", tuple(operands), lambda *_: given.func(*given.args, **given.kwargs), reason)
