"""What a trained network loses with some of its blocks taken out (Veit et al. 2016, section 4).

A block is what can be left out without another layer meeting a map of another shape:

- of a residual network a branch: f(x) + x becomes x (where the shape changes, the shortcut's x);
- of a dense network a layer: its new channels become 0 for all that read them, since without them later
  layers would not fit (the zeros still pass the BatchNorm before those);
- of a plain network the innermost module with two convolutions or more whose map keeps its shape: it hands
  its input on. So `plain20` loses the pairs of layers that `resnet20` does, but for those that change shape;
- of a network without such modules, a convolution or linear layer that keeps its shape, with the BatchNorm
  right behind it. The classroom's CNN has none, and is not measured.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

import torch
from torch import Tensor

from skipscope.anatomy.capture import Anatomy, Call, Edit, Site
from skipscope.probes.base import Probe, Reading, View
from skipscope.probes.outcome import changes, outcome
from skipscope.probes.reuse import channels_from, sources_of

IMAGE_PASSES = 5_000
"""Images through the network, over all deletions together."""
FEWEST_IMAGES, MOST_IMAGES = 64, 500
SHARES, DRAWS = (0.25, 0.5, 0.75), 3
"""Of the blocks that go together at random, and how often each number is drawn."""

Heard = tuple[str, str]
"""Kind and place of a call."""
Replacement = Callable[[Call], Tensor]
Block = Mapping[Heard, Replacement]
"""What is put in place of which calls' outputs to take a block out."""


def blocks_of(anatomy: Anatomy) -> dict[str, Block]:
    """The network's blocks by place, in its order."""
    blocks: dict[str, Block] = {}
    for site in anatomy.of("shortcut", "concat"):
        if site.kind == "shortcut":
            blocks[site.place] = {(site.kind, site.place): _shortcut}
        elif (new := _newest(anatomy, site)) is not None:
            blocks[site.place] = _channels(anatomy, new)
    if not blocks:
        blocks = {site.place: {("module", site.place): _input} for site in _modules(anatomy)}
    return blocks or dict(_layers(anatomy))


def _shortcut(call: Call) -> Tensor:
    return call.inputs[1]


def _input(call: Call) -> Tensor:
    return call.inputs[0]


def _newest(anatomy: Anatomy, site: Site) -> str | None:
    """The deepest of a concatenation's sources: what it appends; None if its channels are not all known."""
    depths = {other.place: other.depth for other in anatomy.of("conv", "linear", "shortcut")}
    if sum(count for _, count in site.sources) != site.output[0]:
        return None
    return max(sources_of(site), key=lambda source: depths.get(source, 0))


def _channels(anatomy: Anatomy, source: str) -> Block:
    """A source's channels 0 in every concatenation: some networks hand on one list of all maps so far."""
    return {
        (site.kind, site.place): _zeroing(channels_from(site, source))
        for site in anatomy.of("concat")
        if source in sources_of(site) and sum(count for _, count in site.sources) == site.output[0]
    }


def _zeroing(mask: Tensor) -> Replacement:
    return lambda call: call.output.masked_fill(mask.to(call.output.device).view(-1, 1, 1), 0)


def _modules(anatomy: Anatomy) -> Iterator[Site]:
    """Modules that keep their map's shape, hold two convolutions and no such module."""
    places = [site.place for site in anatomy.of("conv")]
    held = {
        site.place: sum(place.startswith(f"{site.place}.") for place in places)
        for site in anatomy.of("module")
    }
    for site in anatomy.of("module"):
        inner = any(other.startswith(f"{site.place}.") and number >= 2 for other, number in held.items())
        if held[site.place] >= 2 and not inner and site.inputs[0] == site.output:
            yield site


def _layers(anatomy: Anatomy) -> Iterator[tuple[str, Block]]:
    """Convolutions and linear layers that keep their input's shape, each with the BatchNorm behind it."""
    sites = (site for site in anatomy.sites if site.kind not in ("pool", "other_norm"))
    for site, after in pairwise((*sites, None)):
        if site is not None and site.kind in ("conv", "linear") and site.inputs[0] == site.output:
            block: dict[Heard, Replacement] = {(site.kind, site.place): _input}
            if after is not None and after.kind == "norm":
                block["norm", after.place] = _input
            yield site.place, block


def measure(view: View) -> Iterable[Reading]:
    """Every block alone, neighbours in pairs, and sets drawn at random; on the same images."""
    blocks = blocks_of(view.anatomy)
    places = list(blocks)
    removals = {place: [place] for place in places}
    removals |= {f"{one} + {other}": [one, other] for one, other in pairwise(places)}
    removals |= drawn(view, places)
    share = IMAGE_PASSES // (1 + len(removals))
    few = view.first(min(MOST_IMAGES, max(FEWEST_IMAGES, share)))
    intact = outcome(few)
    yield Reading(place="intact", quantity="loss", value=intact.loss)
    yield Reading(place="intact", quantity="accuracy", value=intact.accuracy)
    for name, gone in removals.items():
        yield from changes(name, intact, outcome(few, without(blocks[place] for place in gone)))


def drawn(view: View, places: list[str]) -> dict[str, list[str]]:
    """Random sets, the same in every network of as many blocks; of two blocks there are pairs already."""
    generator = view.generator("block_deletion")
    numbers = sorted({round(share * len(places)) for share in SHARES} - {0, 1, 2})
    return {
        f"{number} blocks, draw {draw}": [
            places[place]
            for place in sorted(torch.randperm(len(places), generator=generator)[:number].tolist())
        ]
        for number in numbers
        for draw in range(1, DRAWS + 1)
    }


def without(blocks: Iterable[Block]) -> Edit:
    """What computes the network without these blocks."""
    gone: dict[Heard, list[Replacement]] = {}
    for block in blocks:
        for heard, replacement in block.items():
            gone.setdefault(heard, []).append(replacement)

    def edit(call: Call) -> Tensor | None:
        replacements = gone.get((call.kind, call.place))
        if replacements is None:
            return None
        for replacement in replacements:  # of several blocks, where all have channels in a concatenation
            call.output = replacement(call)
        return call.output

    return edit


def applies(anatomy: Anatomy) -> bool:
    """Where there is a block that can be left out."""
    return bool(blocks_of(anatomy))


BLOCK_DELETION = Probe(
    name="block_deletion",
    when=frozenset({"frozen"}),
    applies_to=applies,
    measure=measure,
    units={
        "loss": "mean cross-entropy of the whole network on the images that deletions are measured on, nats",
        "accuracy": "share of the same images that are right, 0..1",
        "loss_change": "mean cross-entropy without the block or blocks, minus with all of them, nats",
        "accuracy_change": "share of the same images that are right, in the same way",
    },
    source="Veit et al. 2016, section 4.1 and 4.2",
    cost=f"{IMAGE_PASSES:,} images through the network over all deletions, {FEWEST_IMAGES} to {MOST_IMAGES} "
    "a deletion; memory of a forward pass",
)
