"""Summarise a followed network as the `AnatomyCard` that its records keep."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from math import prod
from typing import cast

from skipscope.anatomy.calls import NUMBERED, Anatomy
from skipscope.anatomy.stages import KINDS, stages
from skipscope.records.network_card import (
    AnatomyCard,
    CallCard,
    CallKind,
    Concatenation,
    Gate,
    Shortcut,
    StemLayer,
    Unfollowed,
)

NORMS = {
    "batch_norm": "BatchNorm{}d",
    "instance_norm": "InstanceNorm{}d",
    "group_norm": "GroupNorm",
    "layer_norm": "LayerNorm",
    "rms_norm": "RMSNorm",
    "local_response_norm": "LocalResponseNorm",
}
"""Torch's module for each function; {} is the number of axes after the channels."""


def anatomy_card(anatomy: Anatomy) -> AnatomyCard:
    """Summarises a network's calls; one that could not be followed to its output is `hidden` as a whole."""
    norms = anatomy.of("norm", "other_norm")
    read = [site.inputs[0] for site in anatomy.of("conv", "linear")]
    return AnatomyCard(
        depth=anatomy.depth or max((site.depth for site in anatomy.sites), default=0),
        stem=tuple(_stem(anatomy)),
        maps=tuple(_maps(anatomy)),
        normalisation=tuple(sorted({NORMS[site.operator].format(len(site.inputs[0]) - 1) for site in norms})),
        shortcuts=tuple(_shortcuts(anatomy)),
        concatenations=tuple(_concatenations(anatomy)),
        gates=tuple(Gate(module=site.module, shape=site.output) for site in anatomy.gates),
        unfollowed=tuple(_unfollowed(anatomy)),
        # a gate's 1x1 convolutions on 1x1 maps are of the kind linear, but keep their inputs as well
        conv_inputs=sum(prod(shape) for shape in read if len(shape) == 3),
        calls=tuple(_calls(anatomy)),
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
    """Yields additions; x was projected if f(x) was not computed from what x is."""
    for site in anatomy.shortcuts:
        kind = "identity" if site.skips else "projection"
        yield Shortcut(module=site.module, kind=kind, shape=site.output, scale=site.scale)


def _concatenations(anatomy: Anatomy) -> Iterator[Concatenation]:
    """Yields them all; it appends if a map lies beside what was computed from it, and not beside its like."""
    for site in anatomy.concatenations:
        operands = zip(site.depths, site.inputs, strict=True)
        known = [(depth, shape[0]) for depth, shape in operands if depth is not None]
        appends = site.skips and len({depth for depth, _ in known}) > 1
        appended = max(reversed(known), key=lambda operand: operand[0])[1] if appends else 0
        kind = "append" if appends else "beside"
        yield Concatenation(module=site.module, appended=appended, shape=site.output, kind=kind)


def _calls(anatomy: Anatomy) -> Iterator[CallCard]:
    """Yields what is numbered; a concatenation of one map with constants stands for that map."""
    joined = {site.number for site in anatomy.concatenations}
    index = {-1: -1}
    for site in (site for site in anatomy.sites if site.kind in NUMBERED):
        reads = tuple(index[number] for number in site.reads)
        if site.kind == "concat" and site.number not in joined:
            index[site.number] = max(reads, default=-1)
            continue
        index[site.number] = max(index.values()) + 1
        kind = cast("CallKind", site.kind)
        yield CallCard(module=site.module, kind=kind, shape=site.output, reads=reads)


def _unfollowed(anatomy: Anatomy) -> Iterator[Unfollowed]:
    """Yields what joins maps in another way, then the network if its output was not reached."""
    for site in anatomy.unfollowed:
        if site.reason is not None:
            yield Unfollowed(
                module=site.module, operator=site.operator, reason=site.reason, shape=site.output
            )
    if anatomy.depth is None:
        yield Unfollowed(module="", operator="module", reason="hidden", shape=())
