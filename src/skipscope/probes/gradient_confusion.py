"""How well the gradients of different mini-batches agree (Sankararaman et al. 2020).

Gradients that point apart slow stochastic descent: a step for one mini-batch undoes another's. The cosine is
taken of every pair of mini-batches' gradients by all weights, in training mode: each mini-batch is normalised
by its own statistics, and the running ones stay as they are.

Shapes: P weights; M mini-batches, each of N/M images; S numbers kept of a gradient.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.autograd import grad
from torch.nn.functional import cross_entropy

from skipscope.probes.base import Probe, Reading, View, copied, logits, several
from skipscope.probes.step import as_in_training

MINI_BATCHES = 32
IMAGES = 32
"""Images of a mini-batch, at most; of a smaller sample as many as there are, and at least 2."""
KEPT = 2**20
"""Numbers kept of a gradient. Longer ones are folded: each number is added, with a random sign, to one of so
many. A cosine then has a random error of at most sqrt(2 / KEPT), 0.0014 (Charikar et al. 2002)."""


def measure(view: View) -> Iterable[Reading]:
    """Measures mean and least cosine over pairs of mini-batches; of fewer than 4 images, nothing."""
    parts = list(mini_batches(view))
    if len(parts) < 2:
        return
    # a copy in the layout in which weights' gradients of few images are quickest
    model = copied(view.model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    numbers = sum(weight.numel() * (1 + weight.is_complex()) for weight in model.parameters())
    signs = random_signs(view, numbers) if numbers > KEPT else None
    kept: Tensor | None = None
    for row, part in enumerate(parts):
        short = folded(gradient(replace(view, model=model), part), signs)
        kept = short.new_empty(len(parts), len(short)) if kept is None else kept  # M S
        kept[row] = short
    if kept is not None:
        cosines = pairwise_cosines(kept)
        yield from several({"mean_cosine": cosines.mean().item(), "least_cosine": cosines.min().item()})


def mini_batches(view: View) -> Iterator[Tensor]:
    """Draws the images of each mini-batch, none of them twice: their numbers in the sample.

    They are drawn from the view's seed, the same for every network.
    """
    number = min(MINI_BATCHES, len(view.labels) // 2)
    each = min(IMAGES, len(view.labels) // max(1, number))
    order = torch.randperm(len(view.labels), generator=view.generator("gradient_confusion"))
    yield from torch.split(order[: number * each], each) if number else ()


def gradient(view: View, chosen: Tensor) -> list[Tensor]:
    """Returns the gradient of the mean cross-entropy over these images, by each weight it depends on."""
    images, labels = view.images[chosen.to(view.images.device)], view.labels[chosen.to(view.labels.device)]
    with as_in_training(view.model), torch.enable_grad():
        weights = list(view.model.parameters())
        images = images.contiguous(memory_format=torch.contiguous_format)
        loss = cross_entropy(logits(view.model(images), images), labels)
        found = grad(loss, weights, allow_unused=True)
    # a complex number counts as two
    return [torch.view_as_real(x) if x.is_complex() else x for x in found if x is not None]


def random_signs(view: View, numbers: int) -> Tensor:
    """Draws so many of +1 and -1, the same for every mini-batch, as bytes: they are read each time."""
    generator = view.generator("gradient_confusion signs")
    drawn = torch.randint(0, 2, (numbers,), generator=generator, dtype=torch.int8)
    return (2 * drawn - 1).to(view.images.device)


def folded(rows: Iterable[Tensor], signs: Tensor | None) -> Tensor:
    """Returns a gradient's P numbers as they are or, with signs, folded into `KEPT`."""
    whole = torch.cat([row.flatten() for row in rows])
    if signs is None:
        return whole
    total = whole.new_zeros(KEPT)
    for piece, sign in zip(torch.split(whole, KEPT), torch.split(signs, KEPT), strict=False):
        total[: len(piece)].addcmul_(piece, sign[: len(piece)].to(piece))
    return total


def pairwise_cosines(gradients: Tensor) -> Tensor:
    """Returns the cosine of each pair of rows, M S -> M (M - 1) / 2; nan with a gradient of 0."""
    scales = gradients.abs().amax(1, keepdim=True)  # their squares may not be finite, or 0
    scaled = gradients / scales
    products = (scaled @ scaled.T).double()
    lengths = products.diagonal().sqrt()
    first, second = torch.triu_indices(len(gradients), len(gradients), 1)
    return (products / torch.outer(lengths, lengths))[first, second]


GRADIENT_CONFUSION = Probe(
    name="gradient_confusion",
    when=frozenset({"initial", "frozen", "equal_loss"}),
    measure=measure,
    units={
        "mean_cosine": f"mean cosine of two mini-batches' loss gradients by all weights, over all pairs of "
        f"{MINI_BATCHES} mini-batches of {IMAGES} images, -1..1",
        "least_cosine": "the least of them",
    },
    source="Sankararaman et al. 2020 (gradient confusion), with cosines instead of inner products",
    passes=lambda images: 4.8 * min(images, MINI_BATCHES * IMAGES),
    cost=f"forward and backward of {MINI_BATCHES} x {IMAGES} images; memory of at most {KEPT:,} numbers a "
    "mini-batch",
)
