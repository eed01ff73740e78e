"""The Hessian of the loss at a network's weights: its largest eigenvalue and its trace, without the matrix.

H v is the gradient of (gradient of the loss) . v (Pearlmutter 1994), so one graph of the gradient serves all
products, where it fits. The eigenvalue is Lanczos', the trace Hutchinson's. The weights are all parameters,
in one vector of P numbers; BatchNorm keeps its running statistics.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from math import ceil, inf, isfinite, nan

import numpy as np
import torch
from torch import Tensor
from torch.autograd import grad
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from skipscope.probes.base import Probe, Reading, View, anything, copied

IMAGES = 96
TOLERANCE = 0.01
"""The search ends when |H v - e v| is at most this share of |e|; e is then right to its square or so."""
MOST_ITERATIONS = 25
"""If the tolerance is not reached."""
GRAPH = 2**27
"""Bytes that a graph may keep; a product takes as much again. A larger one, as of a dense network, is made
anew for every product, in parts that fit, which takes half the time again."""
DRAWS = 8
"""Random signs for the trace: its error falls with their square root."""

Product = Callable[[Tensor], Tensor]
"""v to H v, P numbers to P numbers."""
Rows = tuple[Tensor | None, ...]
"""A gradient, weight by weight; None of one that takes no part."""


@dataclass(frozen=True, kw_only=True)
class Top:
    """What the search came to."""

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
    model = copied(view.model).requires_grad_()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    weights = list(model.parameters())

    def gradient(images: Tensor, labels: Tensor) -> Rows:
        """These images' part of it, weight by weight, with its graph."""
        # the other kernels of attention have no second gradient
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            # of a copy: a network may overwrite what it is given
            logits = model(images.clone(memory_format=torch.contiguous_format))
            loss = cross_entropy(logits, labels) * (len(labels) / len(view.labels))
            return grad(loss, weights, create_graph=True, allow_unused=True)

    two, four = (_kept(partial(gradient, few.images, few.labels), weights) for few in map(view.first, (2, 4)))
    each = (four - two) / 2
    room = GRAPH - (two - 2 * each)  # what is as large as the weights is kept once, for any number of images
    parts = min(len(view.labels), max(1, ceil(len(view.labels) * each / max(room, each, 1))))
    pieces = list(zip(view.images.tensor_split(parts), view.labels.tensor_split(parts), strict=True))
    kept = [gradient(*pieces[0])] if parts == 1 else None

    def product(v: Tensor) -> Tensor:
        w = torch.zeros_like(v)
        for part in kept or starmap(gradient, pieces):
            _add(part, weights, v, w, keep=bool(kept))
        return w

    return product, sum(weight.numel() for weight in weights)


def _add(part: Rows, weights: Sequence[Tensor], v: Tensor, w: Tensor, *, keep: bool) -> None:
    """Adds to w what the gradient of `part` . v is; a weight that takes no part counts with zeros."""
    sizes = [weight.numel() for weight in weights]
    pairs = [
        (row, along.view_as(row))
        for row, along in zip(part, torch.split(v, sizes), strict=True)
        if row is not None and row.requires_grad
    ]
    if not pairs:
        return
    rows, along = zip(*pairs, strict=True)
    found = grad(rows, weights, along, retain_graph=keep, allow_unused=True)
    for total, row in zip(torch.split(w, sizes), found, strict=True):
        if row is not None:
            total.add_(row.flatten())


def _kept(compute: Callable[[], object], weights: Iterable[Tensor]) -> int:
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


def signs(view: View, purpose: str, size: int) -> Tensor:
    """P times +1 or -1 (Rademacher)."""
    drawn = torch.randint(0, 2, (size,), generator=view.generator(purpose), dtype=torch.int8)
    return (2.0 * drawn - 1).to(view.images)


def largest(product: Product, start: Tensor) -> Top:
    """The largest eigenvalue, above the others by sign and not by size, by Lanczos' iteration from `start`.

    In the basis of v, H v, H H v, ... made orthonormal, H is a matrix of three diagonals. Its largest
    eigenvalue comes to that of H, and the residual is read off it, so two vectors of the basis are kept at a
    time. As all of them lose their orthogonality in rounding, an eigenvalue that was found comes up again,
    which does no harm to the largest (Golub and Van Loan 2013, sections 10.1 and 10.3).
    """
    before, v, beta = torch.zeros_like(start), start / start.norm(), 0.0
    del start  # as long as the weights
    diagonal: list[float] = []
    beside: list[float] = []
    while True:
        w = product(v)
        w.add_(before, alpha=-beta)
        alpha = v.dot(w).item()
        w.add_(v, alpha=-alpha)
        beta = w.norm().item()
        diagonal.append(alpha)
        if not isfinite(alpha) or not isfinite(beta):
            return Top(value=nan, residual=nan, iterations=len(diagonal))
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, -1))  # the lower half is read
        value, apart = values[-1].item(), beta * abs(vectors[-1, -1].item())
        residual = apart / abs(value) if value else (0.0 if apart == 0 else inf)
        if residual <= TOLERANCE or beta == 0 or len(diagonal) == MOST_ITERATIONS:
            return Top(value=value, residual=residual, iterations=len(diagonal))
        beside.append(beta)
        before, v = v, w.div_(beta)


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
        f"most {MOST_ITERATIONS}",
        "trace": f"of the Hessian, mean of {DRAWS} estimates with random signs (Hutchinson)",
        "trace_error": "its standard error",
    },
    source="Pearlmutter 1994; Lanczos 1950; Hutchinson 1990; Li et al. 2018, section 6; Ghorbani et al. 2019",
    cost=f"up to {MOST_ITERATIONS} + {DRAWS} backward passes through the gradient of {IMAGES} images; "
    "memory of that graph, at most an eighth of a GiB twice, and of a few vectors as long as the weights",
)
