"""What a trained network loses with one block's weights of before the first step (Zhang et al. 2022).

A block that hardly matters, or hardly moved, can be put back; a critical one cannot. A block is the module in
which a shortcut is added or new channels are appended; in a network without these the innermost module of at
least two convolutions, so that `plain20` and `resnet20` have the same blocks; in a network without such
modules a convolution or linear layer with the BatchNorm after it.

All of the block's state goes back, BatchNorm's weights and running statistics among it. These were 0 and 1
before the first step and have normalised nothing, so they are estimated anew, from images of the sample that
pass through the network with the block put back. The rest of the network stays as it was trained.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import torch
from torch import nn

from skipscope.anatomy.calls import Anatomy
from skipscope.probes.base import Probe, Reading, View, copied, several
from skipscope.probes.block_deletion import innermost, newest
from skipscope.probes.evaluation import evaluate
from skipscope.probes.untrained import normalise

IMAGE_PASSES = 3_000
"""Budget of images over all blocks."""
FEWEST_IMAGES, MOST_IMAGES = 100, 300
"""Limits for one block."""
STATISTICS = 125
"""Images that the block's running statistics are estimated from."""

Blocks = dict[str, tuple[str, ...]]
"""Names of the modules that make up each block."""


def blocks_of(anatomy: Anatomy) -> Blocks:
    """Returns the network's blocks by name, in order."""
    joins = (
        site.module
        for site in anatomy.of("shortcut", "concat")
        if site.kind == "shortcut" or newest(anatomy, site) is not None
    )
    names = _holding_layers(anatomy, joins) or [site.module for site in innermost(anatomy)]
    return {name: (name,) for name in map(_once, names)} or dict(_layers(anatomy))


def _once(name: str) -> str:
    """Returns the name of the module, whichever of its calls it was."""
    return name.partition(":")[0]


def _holding_layers(anatomy: Anatomy, names: Iterable[str]) -> list[str]:
    """Selects modules around some layer, and of those within each other the innermost."""
    layers = [site.module for site in anatomy.of("conv", "linear")]
    known = {_once(name) for name in names}
    blocks = [name for name in known if any(layer.startswith(f"{name}.") for layer in layers)]
    inner = [name for name in blocks if not any(other.startswith(f"{name}.") for other in blocks)]
    first = {
        name: next(i for i, layer in enumerate(layers) if layer.startswith(f"{name}.")) for name in inner
    }
    return sorted(inner, key=first.__getitem__)


def _layers(anatomy: Anatomy) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields convolutions and linear layers, each with the BatchNorm that comes next."""
    sites = (site for site in anatomy.sites if site.kind in ("conv", "linear", "norm", "relu"))
    for site, after in pairwise((*sites, None)):
        if site is not None and site.kind in ("conv", "linear"):
            normed = after is not None and after.kind == "norm"
            yield (
                _once(site.module),
                (_once(site.module), *([_once(after.module)] if after and normed else [])),
            )


def measure(view: View) -> Iterable[Reading]:
    """Measures the whole network, and with each block put back, on the same images."""
    if view.start is None:
        return
    blocks = blocks_of(view.anatomy)
    images = IMAGE_PASSES // (len(blocks) + 1) - STATISTICS
    few = view.first(min(MOST_IMAGES, max(FEWEST_IMAGES, images)))
    intact = evaluate(few)
    yield from several({"loss": intact.loss, "accuracy": intact.accuracy})
    for name, modules in blocks.items():
        found = evaluate(replace(few, model=put_back(view, modules)))
        yield from several({"loss": found.loss, "accuracy": found.accuracy}, module=name)


def put_back(view: View, modules: Iterable[str]) -> nn.Module:
    """Returns a copy of the network with the state that these modules had before the first step."""
    model, start = copied(view.model), view.start or {}
    within = tuple(f"{name}." for name in modules)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.startswith(within) and name in start:
                tensor.copy_(start[name])
    return normalise(model, view.first(STATISTICS).images)


REINITIALISATION = Probe(
    name="reinitialisation",
    applies_to=blocks_of,
    needs_start=True,
    measure=measure,
    units={
        "loss": "mean cross-entropy with the block's state put back to before the first step, nats; without "
        "a module, of the network as it was trained",
        "accuracy": "share of the same images that are right, 0..1, in the same way",
    },
    source="Zhang et al. 2022, re-initialisation robustness (Are all layers created equal?)",
    passes=lambda _images: 1.05 * IMAGE_PASSES,
    cost=f"{IMAGE_PASSES:,} images through the network over all blocks, {FEWEST_IMAGES} to {MOST_IMAGES} a "
    f"block and {STATISTICS} for its statistics; a copy of the network",
)
