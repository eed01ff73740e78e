"""The Hessian of the loss at a network's weights: its largest eigenvalue and its trace, without the matrix.

H v is the gradient of (gradient of the loss) . v (Pearlmutter 1994), so one graph of the gradient serves all
products, where it fits. The weights are all parameters, in one vector of P numbers; BatchNorm keeps its
running statistics.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

import torch
from torch import Tensor
from torch.autograd import grad
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import cross_entropy

from skipscope.probes.base import Probe, Reading, View, anything

IMAGES = 96
TOLERANCE = 0.01
"""Power iteration ends when |H v - e v| is at most this share of |e|; e is then right to its square or so."""
MOST_ITERATIONS = 25
"""Of each search, if the tolerance is not reached."""
GRAPH = 2**29
"""Bytes that a graph may keep; a product takes as much again. A larger one, as of a dense network, is made
anew for every product, in parts that fit, which costs up to twice the time."""
DRAWS = 8
"""Random signs for the trace: its error falls with their square root."""

Product = Callable[[Tensor], Tensor]
"""v to H v, P numbers to P numbers."""


@dataclass(frozen=True, kw_only=True)
class Top:
    """What power iteration came to."""

    value: float
    residual: float
    """|H v - e v| over |e|, for the unit vector v it ended at."""
    iterations: int


def measure(view: View) -> Iterable[Reading]:
    """The largest eigenvalue with its residual, and the trace with its standard error."""
    few = view.first(IMAGES)
    product, size = hessian(few)
    top = largest(product, signs(view, "curvature start", size))
    draws = (signs(view, f"curvature trace {draw}", size) for draw in range(DRAWS))
    traces = torch.tensor([v.dot(product(v)).item() for v in draws], dtype=torch.float64)
    found = {
        "top_eigenvalue": top.value,
        "top_residual": top.residual,
        "iterations": top.iterations,
        "trace": traces.mean().item(),
        "trace_error": (traces.std() / len(traces) ** 0.5).item(),
    }
    for quantity, value in found.items():
        yield Reading(place="hessian", quantity=quantity, value=value)


def hessian(view: View) -> tuple[Product, int]:
    """The product with the Hessian of the mean cross-entropy over the view's images, and P."""
    # a copy: the network's own weights need not be such that learn, and its layout is slow to derive twice
    model = deepcopy(view.model).requires_grad_()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    weights = list(model.parameters())

    def gradient(images: Tensor, labels: Tensor) -> Tensor:
        """These images' part of it, with its graph."""
        with torch.enable_grad():
            # of a copy: a network may overwrite what it is given
            logits = model(images.clone(memory_format=torch.contiguous_format))
            loss = cross_entropy(logits, labels) * (len(labels) / len(view.labels))
            return _flat(grad(loss, weights, create_graph=True, allow_unused=True), weights)

    def product(part: Tensor, v: Tensor, *, keep: bool) -> Tensor:
        rows = grad(part, weights, v.to(part), retain_graph=keep, allow_unused=True)
        return _flat(rows, weights).detach()

    size = sum(weight.numel() for weight in weights)
    two, four = (_kept(partial(gradient, few.images, few.labels), weights) for few in map(view.first, (2, 4)))
    each = (four - two) / 2
    room = GRAPH - (two - 2 * each)  # what is as large as the weights is kept once, for any number of images
    parts = min(len(view.labels), ceil(len(view.labels) * each / max(room, each)))
    if parts <= 1:
        whole = gradient(view.images, view.labels)
        return lambda v: product(whole, v, keep=True), size

    def in_parts(v: Tensor) -> Tensor:
        pairs = zip(view.images.tensor_split(parts), view.labels.tensor_split(parts), strict=True)
        return sum((product(gradient(*pair), v, keep=False) for pair in pairs), start=torch.zeros_like(v))

    return in_parts, size


def _kept(compute: Callable[[], Tensor], weights: Iterable[Tensor]) -> int:
    """Bytes that the graph of what is computed keeps, but for the weights."""
    sizes: dict[int, int] = {}
    kept: list[Tensor] = []  # until all are counted: a place in memory may be given twice

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor.detach())
        return tensor

    with saved_tensors_hooks(count, lambda tensor: tensor):
        compute()
    return sum(size for place, size in sizes.items() if place not in {w.data_ptr() for w in weights})


def _flat(parts: Iterable[Tensor | None], weights: Iterable[Tensor]) -> Tensor:
    """One vector; a weight that takes no part counts with zeros."""
    return torch.cat(
        [
            torch.zeros_like(weight).flatten() if part is None else part.flatten()
            for part, weight in zip(parts, weights, strict=True)
        ]
    )


def signs(view: View, purpose: str, size: int) -> Tensor:
    """P times +1 or -1 (Rademacher)."""
    drawn = torch.randint(0, 2, (size,), generator=view.generator(purpose), dtype=torch.int8)
    return (2.0 * drawn - 1).to(view.images)


def largest(product: Product, start: Tensor) -> Top:
    """The largest eigenvalue, above the others by sign and not by size.

    Power iteration comes to the eigenvalue e that is farthest from 0. If that is negative, it is looked for
    again with e as the new 0: H - e has no negative eigenvalue.
    """
    farthest = _power(product, start, 0.0)
    if not farthest.value < 0:
        return farthest
    again = _power(product, start, farthest.value)
    return replace(again, iterations=farthest.iterations + again.iterations)


def _power(product: Product, start: Tensor, zero: float) -> Top:
    """Power iteration on H - zero, from `start`; values and residuals are those of H."""
    v, iterations = start / start.norm(), 0
    while True:
        w = product(v)
        iterations += 1
        value = v.dot(w).item()
        apart = (w - value * v).norm().item()
        residual = apart / abs(value) if value else (0.0 if apart == 0 else float("inf"))
        shifted = w - zero * v
        length = shifted.norm()
        found = residual <= TOLERANCE or length == 0
        if found or iterations == MOST_ITERATIONS or not torch.isfinite(length):
            return Top(value=value, residual=residual, iterations=iterations)
        v = shifted / length


CURVATURE = Probe(
    name="curvature",
    when=frozenset({"frozen"}),
    applies_to=anything,
    measure=measure,
    units={
        "top_eigenvalue": "largest eigenvalue, the most positive, of the Hessian of the mean cross-entropy "
        f"over {IMAGES} images by all parameters",
        "top_residual": "|H v - e v| over |e| where the search ended",
        "iterations": f"products with the Hessian that the search took: until {TOLERANCE} is reached, at "
        f"most {MOST_ITERATIONS}, twice that if the eigenvalue farthest from 0 is negative",
        "trace": f"of the Hessian, mean of {DRAWS} estimates with random signs (Hutchinson)",
        "trace_error": "its standard error",
    },
    source="Pearlmutter 1994; Hutchinson 1990; Li et al. 2018, section 6; Yao et al. 2020 (PyHessian)",
    cost=f"up to {2 * MOST_ITERATIONS} + {DRAWS} backward passes through the gradient of {IMAGES} images; "
    "memory of that graph, at most half a GiB twice, and of a few vectors as long as the weights",
)
