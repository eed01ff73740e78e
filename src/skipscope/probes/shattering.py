"""How alike the gradients of neighbouring inputs are (Balduzzi et al. 2017, section 1.1).

On a straight line from one image of the sample to another, at evenly spaced points, the gradient of a logit
by the input is taken. The paper's minimal network has one input and one output, and its gradient is one
number; here it is a map of 3 H W, and its correlation at lag k is the mean cosine of gradients k points
apart: 1 for a linear network, near 0 for white noise. Nothing is subtracted before: a gradient that never
changes is not shattered.

Before the first step, a BatchNorm has statistics of 0 and 1, and would normalise nothing; in a copy of the
network it takes those of the sample's first images. (The paper normalises by its line; the numbers differ by
at most 0.03.) A trained network is measured in evaluation mode. In both cases each point's gradient is
independent of the other points.

Shapes: T points on a line; images 3 x H x W.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn.functional import normalize

from skipscope.probes.base import Probe, Reading, View
from skipscope.probes.untrained import IMAGES, settled

POINTS = 64
LINES = 4
LAGS = (1, 2, 4, 8, 16, 32)


def measure(view: View) -> Iterable[Reading]:
    """Measures autocorrelation by lag and mean norm over lines between images; of one image, nothing."""
    if len(view.labels) < 2:
        return
    model = settled(view).model
    gradients = [gradients_along(model, points, logit) for points, logit in lines(view)]
    for lag in LAGS:
        value = sum(autocorrelation(each, lag) for each in gradients) / len(gradients)
        yield Reading(lag=lag, quantity="autocorrelation", value=value)
    norms = torch.stack([each.flatten(1).norm(dim=1).mean() for each in gradients])
    yield Reading(quantity="gradient_l2", value=norms.mean().item())


def lines(view: View) -> Iterator[tuple[Tensor, int]]:
    """Yields the T points from one image of a pair to the other, and the class of the first.

    Pairs are drawn from the view's seed, the same for every network; they are disjoint.
    """
    shares = torch.linspace(0, 1, POINTS).to(view.images).view(-1, 1, 1, 1)
    order = torch.randperm(len(view.labels), generator=view.generator("shattering"))
    chosen = order[: min(2 * LINES, len(order) // 2 * 2)].view(-1, 2).tolist()
    for one, other in chosen:
        yield torch.lerp(view.images[one][None], view.images[other][None], shares), int(view.labels[one])


def gradients_along(model: nn.Module, points: Tensor, logit: int) -> Tensor:
    """Returns the gradient of one logit at each point: T 3 H W -> T 3 H W."""
    x = points.detach().requires_grad_()
    with torch.enable_grad():
        logits = model(x.clone())  # a network may overwrite what it is given
        (gradient,) = grad(logits[:, logit].sum(), x, allow_unused=True, materialize_grads=True)
    return gradient


def autocorrelation(gradients: Tensor, lag: int) -> float:
    """Returns the mean cosine of gradients (T ...) `lag` points apart; a gradient of 0 counts as 0."""
    # a tiny eps: gradients that vanish with depth are not therefore shattered
    directions = normalize(gradients.flatten(1).double(), dim=1, eps=torch.finfo(torch.float64).tiny)  # T D
    return (directions[:-lag] * directions[lag:]).sum(1).mean().item()


SHATTERING = Probe(
    name="shattering",
    when=frozenset({"initial", "frozen"}),
    measure=measure,
    units={
        "autocorrelation": "mean cosine of one logit's input gradients so many points apart, on a line of "
        f"{POINTS} points between two images of the sample; mean of {LINES} lines, the same for all networks",
        "gradient_l2": "mean L2 norm of those gradients",
    },
    source="Balduzzi et al. 2017, section 1.1, with cosines of gradients by all pixels",
    passes=lambda _images: 2.7 * LINES * POINTS,
    cost=f"forward and backward of {LINES} x {POINTS} images, {POINTS} at once; before training also a copy "
    f"of the network and a pass of {IMAGES} images",
)
