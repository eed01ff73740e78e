"""How alike the gradients of neighbouring inputs are (Balduzzi et al. 2017, section 1.1).

On a straight line from one image of the sample to another, at evenly spaced points, the gradient of a logit
by the input is taken. The paper's minimal network has one input and one output, and its gradient is one
number; here it is a map of 3 H W, and its correlation at lag k is the mean cosine of gradients k points
apart: 1 for a linear network, near 0 for white noise. Nothing is subtracted before: a gradient that never
changes is not shattered.

A BatchNorm that has seen no batch yet, as before the first step, computes with the statistics of the sample's
first images, in a copy; its own are still 0 and 1, and would normalise nothing. (The paper normalises by its
line; with a line of images' statistics in the sample's place the numbers are the same within 0.03.) In a
trained network it computes as it does otherwise. In both cases a point's gradient knows of no other point.

Shapes: T points on a line; images 3 x H x W.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn.functional import normalize

from skipscope.probes.base import Probe, Reading, View, anything, copied

POINTS = 64
LINES = 4
LAGS = (1, 2, 4, 8, 16, 32)
IMAGES = 250
"""For the statistics of a BatchNorm that has none."""


def measure(view: View) -> Iterable[Reading]:
    """Autocorrelation by lag and mean norm, over lines between images of the sample; of one image nothing."""
    if len(view.labels) < 2:
        return
    model = normalised(view.model, view.first(IMAGES).images)
    gradients = [gradients_along(model, points, logit) for points, logit in lines(view)]
    for lag in LAGS:
        value = sum(autocorrelation(each, lag) for each in gradients) / len(gradients)
        yield Reading(place=f"lag {lag}", quantity="autocorrelation", value=value)
    norms = torch.stack([each.flatten(1).norm(dim=1).mean() for each in gradients])
    yield Reading(place="line", quantity="gradient_l2", value=norms.mean().item())


def lines(view: View) -> Iterator[tuple[Tensor, int]]:
    """T points from one image of a pair to the other, and the class of the first, whose logit is taken.

    Pairs are drawn from the view's seed, the same for every network; no image is in two of them.
    """
    shares = torch.linspace(0, 1, POINTS).to(view.images).view(-1, 1, 1, 1)
    order = torch.randperm(len(view.labels), generator=view.generator("shattering"))
    chosen = order[: min(2 * LINES, len(order) // 2 * 2)].view(-1, 2).tolist()
    for one, other in chosen:
        yield torch.lerp(view.images[one][None], view.images[other][None], shares), int(view.labels[one])


def gradients_along(model: nn.Module, points: Tensor, logit: int) -> Tensor:
    """Of one logit by each point: T 3 H W -> T 3 H W."""
    x = points.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(x.clone())  # a network may overwrite what it is given
        return grad(logits[:, logit].sum(), x)[0]


def autocorrelation(gradients: Tensor, lag: int) -> float:
    """Mean cosine of gradients `lag` points apart: T ... -> a number; of a gradient that is 0 it is 0."""
    # however small: gradients that fade with depth are not therefore shattered
    directions = normalize(gradients.flatten(1).double(), dim=1, eps=torch.finfo(torch.float64).tiny)  # T D
    return (directions[:-lag] * directions[lag:]).sum(1).mean().item()


def normalised(model: nn.Module, images: Tensor) -> nn.Module:
    """The network; if it has BatchNorm that saw no batch yet, a copy that has seen these images (B 3 H W)."""
    if not any(map(_is_fresh, model.modules())):
        return model
    copy = copied(model).eval()
    for module in filter(_is_fresh, copy.modules()):
        module.momentum = None  # type: ignore[assignment] # a plain mean over batches, of which there is one
        module.train()
    with torch.no_grad():
        copy(images.clone())
    return copy.eval()


def _is_fresh(module: nn.Module) -> bool:
    counted = getattr(module, "num_batches_tracked", None)
    return isinstance(counted, Tensor) and not counted


SHATTERING = Probe(
    name="shattering",
    when=frozenset({"initial", "frozen"}),
    applies_to=anything,
    measure=measure,
    units={
        "autocorrelation": "mean cosine of one logit's input gradients so many points apart, on a line of "
        f"{POINTS} points between two images of the sample; mean of {LINES} lines, the same for all networks",
        "gradient_l2": "mean L2 norm of those gradients",
    },
    source="Balduzzi et al. 2017, section 1.1, with cosines of gradients by all pixels",
    cost=f"forward and backward of {LINES} x {POINTS} images, {POINTS} at once; before training also a copy "
    f"of the network and a pass of {IMAGES} images",
)
