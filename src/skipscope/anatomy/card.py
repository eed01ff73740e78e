"""Summarise a followed network as the `AnatomyCard` that its records keep."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from math import prod

from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.stages import KINDS, stages
from skipscope.records.schema import AnatomyCard, Concatenation, Gate, Shortcut, StemLayer

NORMS = {
    "batch_norm": "BatchNorm{}d",
    "instance_norm": "InstanceNorm{}d",
    "group_norm": "GroupNorm",
    "layer_norm": "LayerNorm",
    "rms_norm": "RMSNorm",
    "local_response_norm": "LocalResponseNorm",
}
"""Torch's module for each function; {} is the number of axes after the channels."""


def anatomy_card(anatomy: Anatomy) -> AnatomyCard | None:
    """Summarises a network's calls; None if they could not be followed from the image to the logits."""
    if anatomy.depth is None:
        return None
    norms = anatomy.of("norm", "other_norm")
    read = [site.inputs[0] for site in anatomy.of("conv", "linear")]
    return AnatomyCard(
        depth=anatomy.depth,
        stem=tuple(_stem(anatomy)),
        maps=tuple(_maps(anatomy)),
        normalisation=tuple(sorted({NORMS[site.operator].format(len(site.inputs[0]) - 1) for site in norms})),
        shortcuts=tuple(_shortcuts(anatomy)),
        concatenations=tuple(_concatenations(anatomy)),
        gates=tuple(Gate(module=site.module, shape=site.output) for site in anatomy.gates),
        # a gate's 1x1 convolutions on 1x1 maps are of the kind linear, but keep their inputs as well
        conv_inputs=sum(prod(shape) for shape in read if len(shape) == 3),
    )


def _stem(anatomy: Anatomy) -> Iterator[StemLayer]:
    """Yields the first convolution and the pooling before the next convolution or linear layer."""
    calls = iter(anatomy.of("conv", "linear", "pool"))
    first = next((site for site in calls if site.kind == "conv"), None)
    if first is None or first.depth > 1:
        return
    for site in (first, *takewhile(lambda site: site.kind == "pool", calls)):
        if site.window is not None:
            yield StemLayer(
                module=site.module,
                kind={"max_pool2d": "max-pool", "avg_pool2d": "mean-pool"}.get(site.operator, "conv"),
                channels=(site.inputs[0][0], site.output[0]),
                kernel=site.window.kernel,
                stride=site.window.stride,
                padding=site.window.padding,
            )


def _maps(anatomy: Anatomy) -> Iterator[tuple[int, int, int]]:
    """Yields C H W at the end of each size, after the stem; the mean over a whole map is no map."""
    local = [site for site in anatomy.sites if site.kind != "pool" or prod(site.output[1:]) > 1]
    for site in stages(replace(anatomy, sites=tuple(local)), (*KINDS, "pool")):
        if site.depth > 1:
            channels, height, width = site.output
            yield channels, height, width


def _shortcuts(anatomy: Anatomy) -> Iterator[Shortcut]:
    """Yields additions; x was projected if it comes from a layer that no other layer reads."""
    layers = anatomy.of("conv", "linear")
    read = {source for site in layers for source, _ in site.sources}
    unread = {site.module for site in layers} - read
    for site in anatomy.of("shortcut"):
        sources = {source for source, _ in site.shortcut_sources}
        projected = bool(sources) and sources <= unread
        yield Shortcut(module=site.module, kind="projection" if projected else "identity", shape=site.output)


def _concatenations(anatomy: Anatomy) -> Iterator[Concatenation]:
    """Yields those that append: operands of one depth lie side by side, as a grouped convolution's parts."""
    for site in anatomy.of("concat"):
        operands = zip(site.depths, site.inputs, strict=True)
        known = [(depth, shape[0]) for depth, shape in operands if depth is not None]
        if len({depth for depth, _ in known}) > 1:
            appended = max(reversed(known), key=lambda operand: operand[0])[1]
            yield Concatenation(module=site.module, appended=appended, shape=site.output)
