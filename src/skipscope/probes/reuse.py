"""Which earlier features a layer reads, by the size of its weights and by ablation.

A target is a convolution or linear layer whose input comes from more than one source, as after a
concatenation. The two measures need not agree: a weight says nothing about the size of its input, and later
layers can compensate for an ablation.

Shapes: O outputs; I input channels (of a layer on a flattened map: channels x H x W columns), each of which
comes from one source; weight O I/groups h w.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from skipscope.anatomy.calls import Anatomy, Call, CallKey, Edit, Site
from skipscope.probes.base import Probe, Reading, View, ratio, several
from skipscope.probes.evaluation import changes, evaluate, observe
from skipscope.probes.schedule import FEWEST_IMAGES, IMAGE_PASSES, ablation_images
from skipscope.probes.untrained import settled


def readers(anatomy: Anatomy) -> list[Site]:
    """Returns convolutions and linear layers all of whose input channels have known sources."""
    return [
        site
        for site in anatomy.of("conv", "linear")
        if len(site.inputs[0]) in (1, 3) and sum(count for _, count in site.sources) == site.inputs[0][0]
    ]


def targets(anatomy: Anatomy) -> list[Site]:
    """Returns the readers of more than one source."""
    return [site for site in readers(anatomy) if len(sources_of(site)) > 1]


def sources_of(site: Site) -> list[str]:
    """Returns a site's distinct sources in the order of its channels."""
    return list(dict.fromkeys(name for name, _ in site.sources))


def channels_from(site: Site, source: str) -> Tensor:
    """Returns a mask of the site's I input channels that come from `source`."""
    return torch.cat([torch.full((count,), name == source) for name, count in site.sources])


def by_weight(view: View) -> Iterable[Reading]:
    """Measures each target's mean |w| over each source's channels, and its share."""
    weights: dict[CallKey, Tensor] = {}

    def keep(call: Call) -> None:
        if call.weight is not None:
            weights[call.key] = call.weight.detach()

    observe(view.first(2), keep)
    for site in targets(view.anatomy):
        weight = weights.get(site.key)
        if weight is not None:
            sizes = column_means(weight, site.inputs[0][0])
            means = {s: sizes[channels_from(site, s)].mean().item() for s in sources_of(site)}
            whole = sum(means.values())
            for source, mean in means.items():
                share = ratio(mean, whole)
                yield from several({"weight": mean, "share": share}, module=site.module, source=source)


def column_means(weight: Tensor, channels: int) -> Tensor:
    """Returns the mean |w| applied to each of I input channels; groups read their own channels only."""
    groups = channels // weight.shape[1]
    sizes = weight.cpu().abs().reshape(groups, -1, weight.shape[1], weight[0, 0].numel())
    return sizes.mean((1, 3)).flatten()  # groups O/groups I/groups h*w -> groups I/groups -> I


def by_ablation(view: View) -> Iterable[Reading]:
    """Measures the cost of zeroing each source for one target, and for all its readers."""
    view = settled(view)
    reading, reused = readers(view.anatomy), targets(view.anatomy)
    sources = list(dict.fromkeys(source for site in reused for source in sources_of(site)))
    passes = 1 + sum(len(sources_of(site)) for site in reused) + len(sources)
    few = view.first(ablation_images(passes - 1))
    intact = evaluate(few)
    for site in reused:
        for source in sources_of(site):
            zeroed = evaluate(few, without(source, [site]), edits_modules=False)
            yield from changes(intact, zeroed, module=site.module, source=source)
    for source in sources:
        everywhere = [site for site in reading if source in sources_of(site)]
        zeroed = evaluate(few, without(source, everywhere), edits_modules=False)
        yield from changes(intact, zeroed, source=source)


def without(source: str, sites: Iterable[Site]) -> Edit:
    """Returns an edit that computes these sites with the source's channels set to 0."""
    absent = {site.key: channels_from(site, source) for site in sites}

    def edit(call: Call) -> Tensor | None:
        mask = absent.get(call.key)
        if mask is None:
            return None
        x = call.inputs[0]
        return call.again(x.masked_fill(mask.to(x.device).view(-1, *[1] * (x.ndim - 2)), 0))

    return edit


REUSE_BY_WEIGHT = Probe(
    name="reuse_by_weight",
    when=frozenset({"initial", "frozen"}),
    applies_to=targets,
    measure=by_weight,
    units={
        "weight": "mean |w| over the target's outputs, its kernel and the source's channels: a source with "
        "more channels does not count for more; a BatchNorm before the target is not in it",
        "share": "weight over the sum of the target's sources' weights: 1 / sources is even use",
    },
    source="Huang et al. 2017, section 5 and Fig. 5",
    passes=lambda _images: 2,
    cost="one pass of two images; one weight at a time",
)
REUSE_BY_ABLATION = Probe(
    name="reuse_by_ablation",
    when=frozenset({"initial", "frozen"}),
    applies_to=targets,
    measure=by_ablation,
    units={
        "loss_change": "mean cross-entropy with the source's channels 0 in the target's input, minus without",
        "accuracy_change": "share of the same images that are right, in the same way",
    },
    source="after Huang et al. 2017, Fig. 5; ablation as in Veit et al. 2016, section 4.1",
    passes=lambda _images: 1.2 * IMAGE_PASSES,
    cost=f"{IMAGE_PASSES:,} images through the network over all pairs and sources, at least {FEWEST_IMAGES} "
    "a pair; memory of a forward pass and a copy of one input",
)
