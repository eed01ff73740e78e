"""What a linear read-out makes of a network's maps, stage by stage (Alain and Bengio 2017).

A stage's features are its map's means over pixels, C numbers an image, brought to zero mean and unit
variance. The read-out is a logistic regression by all classes, fitted to half of the sample and tried on the
other half, and the other way round: every image is answered by a read-out that has not seen it. Both halves
have as many images of each class, but for one.

Shapes: N images of K classes; features N C.
"""

from collections.abc import Iterable
from math import nan

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skipscope.anatomy.capture import Anatomy, Call, capture
from skipscope.anatomy.stages import stages
from skipscope.probes.base import Probe, Reading, View
from skipscope.probes.outcome import batches

PENALTY = 1e-2
"""On half the squares of the weights: a thousand images and 512 features would be known by heart."""
ITERATIONS = 100
"""Of L-BFGS, at most."""
CONSTANT = 1e-6
"""A channel that varies less than this, of what the stage's widest does, is left out."""


def measure(view: View) -> Iterable[Reading]:
    """The accuracy of each stage's read-out; of one image nothing, which is no two halves."""
    if len(view.labels) < 2:
        return
    known, labels = torch.unique(view.labels, return_inverse=True)
    one, other = halves(view, labels)
    for place, of_stage in features(view):
        answers = torch.empty_like(labels)
        for seen, unseen in ((one, other), (other, one)):
            mean, spread = scale(of_stage[seen])
            weight, bias = fitted((of_stage[seen] - mean) / spread, labels[seen], len(known))
            answers[unseen] = ((of_stage[unseen] - mean) / spread @ weight.T + bias).argmax(1)
        right = (answers == labels).double().mean().item() if of_stage.isfinite().all() else nan
        yield Reading(place=place, quantity="accuracy", value=right)


def halves(view: View, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which images are in the one and in the other, drawn from the view's seed, class by class."""
    order = torch.randperm(len(labels), generator=view.generator("linear_probes")).to(labels.device)
    by_class = order[labels[order].argsort(stable=True)]
    return by_class[::2], by_class[1::2]


def features(view: View) -> list[tuple[str, Tensor]]:
    """Each stage's place and N C, in the order of the network."""
    wanted = [(site.kind, site.place) for site in stages(view.anatomy)]
    found: dict[tuple[str, str], list[Tensor]] = {each: [] for each in wanted}

    def keep(call: Call) -> None:
        if (call.kind, call.place) in found:
            found[call.kind, call.place].append(call.output.mean((2, 3), dtype=torch.float64))

    with torch.no_grad(), capture(view.model, keep):
        for images, _ in batches(view):
            view.model(images)
    return [(place, torch.cat(found[kind, place])) for kind, place in wanted]


def scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel: N C -> C and C; infinite of one that is constant."""
    spread = x.std(0, correction=0)
    varies = spread > CONSTANT * spread.max()
    return x.mean(0), spread.where(varies, torch.inf)


def fitted(x: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Weight K C and bias K of a logistic regression with an L2 penalty: N C and N classes."""
    weight = x.new_zeros(classes, x.shape[1], requires_grad=True)
    bias = x.new_zeros(classes, requires_grad=True)
    search = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        search.zero_grad()
        value = cross_entropy(x @ weight.T + bias, labels) + PENALTY / 2 * weight.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        search.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def applies(anatomy: Anatomy) -> bool:
    """Where there is a map."""
    return bool(stages(anatomy))


LINEAR_PROBES = Probe(
    name="linear_probes",
    when=frozenset({"frozen"}),
    applies_to=applies,
    measure=measure,
    units={
        "accuracy": "share of the sample's images that a linear read-out of the stage's mean features gets "
        "right, fitted to the other half of the sample, 0..1",
    },
    source="Alain and Bengio 2017, section 3; with means over pixels for features",
    cost="one pass of the sample; channels numbers an image and stage, in double precision",
)
