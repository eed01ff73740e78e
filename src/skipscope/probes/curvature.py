"""The Hessian of the loss at a network's weights: its largest eigenvalue and its trace, without the matrix.

H v is the gradient of (gradient of the loss) . v (Pearlmutter 1994), so one graph of the gradient serves all
products, where it fits. The eigenvalue is Lanczos', the trace Hutchinson's. The weights are all parameters,
in one vector of P numbers; BatchNorm keeps its running statistics.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import starmap
from math import ceil, inf, isfinite, nan
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import grad
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from skipscope.errors import UsageError
from skipscope.probes.base import Probe, Reading, View, copied, several

IMAGES = 64
"""The eigenvalue of other images differs by about 10 %; networks are compared on the same ones."""
TOLERANCE = 0.03
"""The search ends when |H v - e v| is at most this share of |e|; the error of e is about its square: at most
0.13 % on eight briefly trained networks (`cnn`, `resnet`, `densenet`)."""
MOST_ITERATIONS = 25
"""Limit if the tolerance is not reached."""
USUAL_ITERATIONS = 7
"""What trained networks take about: 4 to 6 (the classroom's, `plain20`, `resnet20`, briefly trained).

It is more where the learning rate did not fall.
"""
GRAPH = 2**27
"""Bytes that a graph may keep; a product takes as much again. A larger graph, as a dense network's, is
rebuilt for every product in parts that fit, at one and a half times the cost."""
DRAWS = 4
"""Random sign vectors for the trace, whose error falls with the square root of their number."""

Product = Callable[[Tensor], Tensor]
"""Maps v to H v, P numbers to P numbers."""
Rows = tuple[Tensor | None, ...]
"""A gradient, weight by weight; None where the loss does not depend on the weight."""


class Top(NamedTuple):
    """The largest eigenvalue found, and how well."""

    value: float
    residual: float
    """|H v - e v| over |e| for the last unit vector v."""
    iterations: int


def measure(view: View) -> Iterable[Reading]:
    """Measures the largest eigenvalue with its residual, and the trace with its standard error."""
    few = view.first(IMAGES)
    product, size = hessian(few)
    top = largest(product, signs(view, "curvature start", size))
    draws = (signs(view, f"curvature trace {draw}", size) for draw in range(DRAWS))
    traces = torch.tensor([v.dot(product(v)).item() for v in draws], dtype=torch.float64)
    quantities = {
        "top_eigenvalue": top.value,
        "top_residual": top.residual,
        "iterations": top.iterations,
        "trace": traces.mean().item(),
        "trace_error": (traces.std() / len(traces) ** 0.5).item(),
    }
    return several(quantities)


def hessian(view: View) -> tuple[Product, int]:
    """Returns the product with the Hessian of the mean cross-entropy over the view's images, and P."""
    # a copy: the network's own weights may be frozen, and its memory format is slow to differentiate twice
    model = copied(view.model).requires_grad_()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    weights = list(model.parameters())
    if any(weight.is_complex() for weight in weights):
        raise UsageError("Some of its weights are complex, and the Hessian of real ones alone would mislead.")

    def gradient(images: Tensor, labels: Tensor) -> Rows:
        """Returns these images' share of the gradient, weight by weight, with its graph."""
        # other attention kernels have no second gradient
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            # a copy: the network may overwrite its input
            logits = model(images.clone(memory_format=torch.contiguous_format))
            loss = cross_entropy(logits, labels) * (len(labels) / len(view.labels))
            return grad(loss, weights, create_graph=True, allow_unused=True)

    two, four = (_kept(partial(gradient, few.images, few.labels), weights) for few in map(view.first, (2, 4)))
    each = (four - two) / 2
    room = GRAPH - (two - 2 * each)  # the part that does not grow with the images is kept once
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
    """Adds the gradient of `part` . v to w; weights that the loss does not depend on count as zeros."""
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
    """Counts the bytes that the graph of a computation keeps, without the weights."""
    sizes: dict[int, int] = {}
    kept: list[Tensor] = []  # until all are counted: memory may be reused

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor.detach())
        return tensor

    with saved_tensors_hooks(count, lambda tensor: tensor):
        compute()
    return sum(size for pointer, size in sizes.items() if pointer not in {w.data_ptr() for w in weights})


def signs(view: View, purpose: str, size: int) -> Tensor:
    """Draws P signs, +1 or -1 (Rademacher)."""
    drawn = torch.randint(0, 2, (size,), generator=view.generator(purpose), dtype=torch.int8)
    return (2.0 * drawn - 1).to(view.images)


def largest(product: Product, start: Tensor) -> Top:
    """Finds the largest (most positive) eigenvalue by Lanczos' iteration from `start`.

    In the orthonormalised basis of v, H v, H H v, ... H is tridiagonal. Its largest eigenvalue converges to
    that of H, and the residual is read off it, so only two basis vectors are kept. As they lose orthogonality
    in rounding, an eigenvalue may be found twice, which does not affect the largest (Golub and Van Loan 2013,
    sections 10.1 and 10.3).
    """
    before, v, beta = torch.zeros_like(start), start / start.norm(), 0.0
    del start  # as large as the weights
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
        values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, -1))  # eigh reads the lower half
        value, apart = values[-1].item(), beta * abs(vectors[-1, -1].item())
        residual = apart / abs(value) if value else (0.0 if apart == 0 else inf)
        if residual <= TOLERANCE or beta == 0 or len(diagonal) == MOST_ITERATIONS:
            return Top(value=value, residual=residual, iterations=len(diagonal))
        beside.append(beta)
        before, v = v, w.div_(beta)


CURVATURE = Probe(
    name="curvature",
    measure=measure,
    when=frozenset({"frozen", "equal_loss"}),
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
    passes=lambda _images: 12.5 * (USUAL_ITERATIONS + DRAWS) * IMAGES,
    cost=f"up to {MOST_ITERATIONS} + {DRAWS} backward passes through the gradient of {IMAGES} images; "
    "memory of that graph, at most an eighth of a GiB twice, and of a few vectors as long as the weights",
)
