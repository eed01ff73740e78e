"""Linear classifiers on a network's maps, stage by stage (Alain and Bengio 2017).

A stage's features are its map's means over pixels, C numbers an image, standardised. A multinomial logistic
regression is fitted to each half of the sample and tested on the other, so every image is classified by a
probe that has not seen it. The halves are stratified by class.

Shapes: N images of K classes; features N C.
"""

from collections.abc import Iterable
from math import nan

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skipscope.anatomy.calls import Call, CallKey
from skipscope.anatomy.stages import stages
from skipscope.probes.base import Probe, Reading, View
from skipscope.probes.evaluation import observe

PENALTY = 1e-2
"""L2 penalty, without which a thousand images with 512 features would be memorised."""
ITERATIONS = 100
"""Limit of L-BFGS iterations."""
CONSTANT = 1e-6
"""Channels that vary less than this, relative to the stage's most variable one, are ignored."""


def measure(view: View) -> Iterable[Reading]:
    """Measures the accuracy of each stage's probe; of one image, which has no halves, nothing."""
    if len(view.labels) < 2:
        return
    known, labels = torch.unique(view.labels, return_inverse=True)
    one, other = halves(view, labels)
    for name, of_stage in features(view):
        predicted = torch.empty_like(labels)
        for seen, unseen in ((one, other), (other, one)):
            mean, spread = scale(of_stage[seen])
            weight, bias = fitted((of_stage[seen] - mean) / spread, labels[seen], len(known))
            predicted[unseen] = ((of_stage[unseen] - mean) / spread @ weight.T + bias).argmax(1)
        right = (predicted == labels).double().mean().item() if of_stage.isfinite().all() else nan
        yield Reading(module=name, quantity="accuracy", value=right)


def halves(view: View, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Splits the images in two, drawn from the view's seed, class by class."""
    order = torch.randperm(len(labels), generator=view.generator("linear_probes")).to(labels.device)
    by_class = order[labels[order].argsort(stable=True)]
    return by_class[::2], by_class[1::2]


def features(view: View) -> list[tuple[str, Tensor]]:
    """Returns each stage's name and features N C, in the order of the network."""
    found: dict[CallKey, list[Tensor]] = {site.key: [] for site in stages(view.anatomy)}

    def keep(call: Call) -> None:
        if call.key in found:
            found[call.key].append(call.output.mean((2, 3), dtype=torch.float64))

    observe(view, keep)
    return [(name, torch.cat(values)) for (_, name), values in found.items()]


def scale(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns each channel's mean and standard deviation, infinite if constant: N C -> C and C."""
    spread = x.std(0, correction=0)
    varies = spread > CONSTANT * spread.max()
    return x.mean(0), spread.where(varies, torch.inf)


def fitted(x: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Fits a logistic regression to N C and N classes; returns its weight K C and bias K."""
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


LINEAR_PROBES = Probe(
    name="linear_probes",
    applies_to=stages,
    measure=measure,
    units={
        "accuracy": "share of the sample's images that a linear read-out of the stage's mean features gets "
        "right, fitted to the other half of the sample, 0..1"
    },
    source="Alain and Bengio 2017, section 3; with means over pixels for features",
    passes=lambda images: 1.0 * images,
    seconds=2.5,
    cost="one pass of the sample; channels numbers an image and stage, in double precision",
)
