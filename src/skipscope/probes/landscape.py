"""The loss around a trained network, along filter-normalised directions (Li et al. 2018, section 4).

A direction is drawn like the weights, and each of its filters is made as long as the network's own filter:
so a network whose filters are merely larger (which BatchNorm undoes) does not look flatter. Biases,
BatchNorm's weights and its running statistics stay fixed (evaluation mode). A direction is a function of the
seed and of a weight's name and shape alone: networks that share a layer are moved the same way in it, and all
over the same distances.
"""

from collections.abc import Iterable, Mapping
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.probes.base import Probe, Reading, View, copied, several
from skipscope.probes.evaluation import hits

LINE = [round(step / 6, 2) for step in range(-6, 7)]
"""Distances along the first direction, in filter norms."""
PLANE = [a for a in LINE if abs(a) <= 0.5]
"""Distances along each of two directions, a coarser grid."""
LINE_IMAGES, PLANE_IMAGES = 200, 80
"""By bootstrap over the images of briefly trained networks (`resnet`, `plain20`, `se_resnet20`), log10 of the
rise has a standard error of 0.01 to 0.02 on the line (125 to 250 images) and 0.02 to 0.04 in the plane (64 to
125); over two or three seeds it spread by 0.02 to 0.27 and 0.06 to 0.17. All networks see the same images."""


def measure(view: View) -> Iterable[Reading]:
    """Measures loss and accuracy along one direction, and loss over two."""
    one, other = direction(view, "a"), direction(view, "b")
    line, plane, model = view.first(LINE_IMAGES), view.first(PLANE_IMAGES), copied(view.model)
    for a in LINE:
        loss, accuracy = moved(line, model, (a, one))
        yield from several({"loss": loss, "accuracy": accuracy}, alpha=a)
    for a, b in product(PLANE, PLANE):
        loss, _ = moved(plane, model, (a, one), (b, other))
        yield Reading(alpha=a, beta=b, quantity="loss", value=loss)


def direction(view: View, which: str) -> dict[str, Tensor]:
    """Draws a direction: for each weight with filters, normal draws as long as the network's own."""
    steps: dict[str, Tensor] = {}
    for name, weight in view.model.named_parameters():
        if weight.ndim > 1:
            # drawn from the weight's name, so that a missing layer shifts no other's
            draws = torch.randn(weight.shape, generator=view.generator(f"landscape {which} {name}"))
            steps[name] = filter_normalised(draws.to(weight.device), weight)
    return steps


def filter_normalised(step: Tensor, weight: Tensor) -> Tensor:
    """Scales each step[o] to the norm of weight[o] (Li et al. 2018, section 4): O ... -> O ..."""
    along = tuple(range(1, weight.ndim))
    lengths = torch.linalg.vector_norm(step, dim=along, keepdim=True)  # O 1 ...
    wanted = torch.linalg.vector_norm(weight.detach(), dim=along, keepdim=True)
    scale: Tensor = wanted / lengths.clamp(min=torch.finfo(step.dtype).tiny)
    return step * scale


def at(view: View, step: Mapping[str, Tensor]) -> tuple[float, float]:
    """Evaluates the network with its weights moved by `step`: loss and accuracy."""
    return moved(view, copied(view.model), (1.0, step))


def moved(view: View, model: nn.Module, *steps: tuple[float, Mapping[str, Tensor]]) -> tuple[float, float]:
    """Evaluates `model`, a copy of the view's, with the view's weights moved so far along each of `steps`."""
    with torch.no_grad():
        for (name, own), weight in zip(view.model.named_parameters(), model.parameters(), strict=True):
            weight.copy_(own)
            for distance, step in steps:
                if name in step:
                    weight.add_(step[name], alpha=distance)
        logits = model(view.images.clone()).double()  # a network may overwrite what it is given
    loss = cross_entropy(logits, view.labels).item()
    return loss, hits(logits, view.labels).mean().item()


LANDSCAPE = Probe(
    name="landscape",
    measure=measure,
    when=frozenset({"frozen", "equal_loss"}),
    units={
        "loss": "mean cross-entropy, nats, with the weights moved by so many times a direction whose filters "
        "are as long as the network's own; BatchNorm's running statistics stay",
        "accuracy": "share of images that are right there, 0..1",
    },
    source="Li et al. 2018, section 4",
    passes=lambda _images: 1.05 * (len(LINE) * LINE_IMAGES + len(PLANE) ** 2 * PLANE_IMAGES),
    cost=f"{len(LINE)} passes of {LINE_IMAGES} images and {len(PLANE)} x {len(PLANE)} of {PLANE_IMAGES}; "
    "memory of two directions, a step and a moved copy: four times the weights",
)
