"""What a trained network loses when blocks are removed (Veit et al. 2016, section 4).

A block is what can be removed without changing the shape of any other layer's input:

- in a residual network a branch: f(x) + x becomes x (where the shape changes, the shortcut's x);
- in a dense network a layer: its new channels become 0 for all readers, since later layers would not fit
  without them (the zeros still pass the BatchNorm before those);
- in a plain network the innermost module with at least two convolutions that keeps its map's shape: it
  returns its input. So `plain20` loses the pairs of layers that `resnet20` does, except those that change
  the shape;
- in a network without such modules, a convolution or linear layer that keeps its shape, with the BatchNorm
  after it. The classroom's CNN has none, and is not measured.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from skipscope.anatomy.calls import Anatomy, Call, CallKey, Edit, Site
from skipscope.probes.base import Probe, Reading, View, several
from skipscope.probes.evaluation import changes, evaluate
from skipscope.probes.reuse import channels_from, sources_of

ALONE_PASSES, TOGETHER_PASSES = 3_200, 1_000
"""Budgets of images over all removals of one block, which claims compare, and over those of several.

Accuracy lost with one block, mean over blocks, has a standard error of 2 to 3 points with 217 to 300 images
(bootstrap; `resnet`, `resnet20`, briefly trained), beside 0.6 over seeds: most images go there.
"""
FEWEST_IMAGES, MOST_IMAGES = 64, 500
SHARES, DRAWS = (0.25, 0.5, 0.75), 3
"""Shares of blocks that are removed together at random, and draws for each share."""

Replacement = Callable[[Call], Tensor]
Block = Mapping[CallKey, Replacement]
"""Replacements for the outputs of calls that together remove a block."""
Removal = tuple[Mapping[str, Any], Sequence[str]]
"""Columns of the readings that name blocks removed together, and the blocks' names."""


def blocks_of(anatomy: Anatomy) -> dict[str, Block]:
    """Returns the network's blocks by name, in order."""
    blocks: dict[str, Block] = {}
    for site in anatomy.of("shortcut", "concat"):
        if site.kind == "shortcut":
            blocks[site.module] = {site.key: lambda call: call.inputs[1]}
        elif (new := newest(anatomy, site)) is not None:
            blocks[site.module] = _channels(anatomy, new)
    return blocks or {site.module: {site.key: _input} for site in _modules(anatomy)} or dict(_layers(anatomy))


def _input(call: Call) -> Tensor:
    return call.inputs[0]


def newest(anatomy: Anatomy, site: Site) -> str | None:
    """Returns a concatenation's deepest source, which it appends; None if any channel's source is unknown."""
    depths = {other.module: other.depth for other in anatomy.of("conv", "linear", "shortcut")}
    if sum(count for _, count in site.sources) != site.output[0]:
        return None
    return max(sources_of(site), key=lambda source: depths.get(source, 0))


def _channels(anatomy: Anatomy, source: str) -> Block:
    """Zeros a source's channels in every concatenation: some networks pass on a list of all maps."""
    return {
        site.key: _zeroing(channels_from(site, source))
        for site in anatomy.of("concat")
        if source in sources_of(site) and sum(count for _, count in site.sources) == site.output[0]
    }


def _zeroing(mask: Tensor) -> Replacement:
    channels = mask.nonzero().flatten()
    # in place: a concatenation's output is new, and large
    return lambda call: call.output.index_fill_(1, channels.to(call.output.device), 0)


def _modules(anatomy: Anatomy) -> Iterator[Site]:
    """Yields the innermost modules that keep their map's shape."""
    return (site for site in innermost(anatomy) if site.inputs[0] == site.output)


def innermost(anatomy: Anatomy) -> Iterator[Site]:
    """Yields modules that hold two convolutions, but no such module."""
    names = [site.module for site in anatomy.of("conv")]
    held = {
        site.module: sum(name.startswith(f"{site.module}.") for name in names)
        for site in anatomy.of("module")
    }
    for site in anatomy.of("module"):
        inner = any(other.startswith(f"{site.module}.") and number >= 2 for other, number in held.items())
        if held[site.module] >= 2 and not inner:
            yield site


def _layers(anatomy: Anatomy) -> Iterator[tuple[str, Block]]:
    """Yields convolutions and linear layers that keep their shape, each with the BatchNorm after it."""
    sites = (site for site in anatomy.sites if site.kind not in ("pool", "other_norm"))
    for site, after in pairwise((*sites, None)):
        if site is not None and site.kind in ("conv", "linear") and site.inputs[0] == site.output:
            block: dict[CallKey, Replacement] = {site.key: _input}
            if after is not None and after.kind == "norm":
                block[after.key] = _input
            yield site.module, block


def measure(view: View) -> Iterable[Reading]:
    """Measures the removal of every block; on fewer images, of neighbours in pairs and of random sets."""
    blocks = blocks_of(view.anatomy)
    names, edits_modules = (
        list(blocks),
        any(kind == "module" for block in blocks.values() for kind, _ in block),
    )
    alone: list[Removal] = [({"module": name}, [name]) for name in names]
    pairs: list[Removal] = [({"module": pair[0], "neighbour": pair[1]}, pair) for pair in pairwise(names)]
    for budget, removals in ((ALONE_PASSES, alone), (TOGETHER_PASSES, [*pairs, *drawn(view, names)])):
        few = view.first(min(MOST_IMAGES, max(FEWEST_IMAGES, budget // (1 + len(removals)))))
        intact = evaluate(few)
        if removals is alone:
            yield from several({"loss": intact.loss, "accuracy": intact.accuracy}, blocks=0)
        for columns, gone in removals:
            edit = without(blocks[name] for name in gone)
            changed = evaluate(few, edit, edits_modules=edits_modules)
            yield from changes(intact, changed, blocks=len(gone), **columns)


def drawn(view: View, names: list[str]) -> list[Removal]:
    """Draws random sets of at least three blocks, the same in every network of as many blocks."""
    generator = view.generator("block_deletion")
    numbers = sorted({round(share * len(names)) for share in SHARES} - {0, 1, 2})
    return [
        ({"draw": draw}, [names[index] for index in sorted(chosen)])
        for number in numbers
        for draw in range(1, DRAWS + 1)
        for chosen in [torch.randperm(len(names), generator=generator)[:number].tolist()]
    ]


def without(blocks: Iterable[Block]) -> Edit:
    """Returns an edit that removes these blocks."""
    gone = list(blocks)

    def edit(call: Call) -> Tensor | None:
        replacements = [block[call.key] for block in gone if call.key in block]
        for replacement in replacements:  # several, where more than one block has channels in a concatenation
            call.output = replacement(call)
        return call.output if replacements else None

    return edit


BLOCK_DELETION = Probe(
    name="block_deletion",
    applies_to=blocks_of,
    measure=measure,
    units={
        "loss": "mean cross-entropy of the whole network on the images that deletions of one block are "
        "measured on, nats",
        "accuracy": "share of the same images that are right, 0..1",
        "loss_change": "mean cross-entropy without the block or blocks, minus with all of them, nats",
        "accuracy_change": "share of the same images that are right, in the same way",
    },
    source="Veit et al. 2016, section 4.1 and 4.2",
    passes=lambda _images: 1.1 * (ALONE_PASSES + TOGETHER_PASSES),
    cost=f"{ALONE_PASSES:,} images through the network over deletions of one block and {TOGETHER_PASSES:,} "
    f"over those of several, {FEWEST_IMAGES} to {MOST_IMAGES} a deletion; memory of a forward pass",
)
