"""Changes to a trained network that one makes by hand, as edits of its calls, alone or together.

What can be done to a network is found from its anatomy: blocks can be deleted or put back to before the first
step, the branch of f(x) + x scaled, gates replaced, sources of a layer's input cut, kernels edited. Probes
measure some of these over all blocks; here one chooses. Nothing is changed but the pass through the network.

Shapes: O filters of R channels, h x w numbers each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from skipscope.anatomy.calls import Anatomy, Call, Edit
from skipscope.probes import block_deletion, reinitialisation, reuse
from skipscope.probes.gates import Replacement, replacing


@dataclass(frozen=True, kw_only=True)
class Possible:
    """Names what can be changed in a network, in its order."""

    deleted: tuple[str, ...]
    """Blocks (`block_deletion`)."""
    reset: tuple[str, ...]
    """Blocks (`reinitialisation`)."""
    scaled: tuple[str, ...]
    """Additions f(x) + x."""
    gated: tuple[str, ...]
    cut: Mapping[str, tuple[str, ...]]
    """Sources of each layer that reads several."""


def possible(anatomy: Anatomy) -> Possible:
    """Finds what can be changed."""
    return Possible(
        deleted=tuple(block_deletion.blocks_of(anatomy)),
        reset=tuple(reinitialisation.blocks_of(anatomy)),
        scaled=tuple(site.module for site in anatomy.shortcuts),
        gated=tuple(site.module for site in anatomy.gates),
        cut={site.module: tuple(reuse.sources_of(site)) for site in reuse.targets(anatomy)},
    )


def deletion(anatomy: Anatomy, blocks: Iterable[str]) -> Edit:
    """Returns an edit that removes these blocks."""
    known = block_deletion.blocks_of(anatomy)
    return block_deletion.without(known[name] for name in blocks)


def edits_modules(anatomy: Anatomy) -> bool:
    """Tells whether deleting this network's blocks replaces whole modules' outputs."""
    return any(kind == "module" for block in block_deletion.blocks_of(anatomy).values() for kind, _ in block)


def scaling(module: str, alpha: float) -> Edit:
    """Returns an edit that computes alpha f(x) + x at this addition: 0 leaves x, 1 is the network itself."""

    def edit(call: Call) -> Tensor | None:
        if (call.kind, call.module) != ("shortcut", module):
            return None
        f, x = call.inputs
        return call.again(alpha * f, x)

    return edit


def gating(modules: Sequence[str], replacement: Replacement) -> Edit:
    """Returns an edit that replaces the gates of these blocks."""
    return replacing(modules, replacement)


def cutting(anatomy: Anatomy, target: str, sources: Iterable[str]) -> Edit:
    """Returns an edit that sets these sources' channels to 0 where the target reads them."""
    (site,) = (site for site in reuse.targets(anatomy) if site.module == target)
    absent = set(sources)
    gone = torch.tensor([name in absent for name, count in site.sources for _ in range(count)])

    def edit(call: Call) -> Tensor | None:
        if call.key != site.key:
            return None
        x = call.inputs[0]
        return call.again(x.masked_fill(gone.to(x.device).view(-1, *[1] * (x.ndim - 2)), 0))

    return edit


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A kernel written by hand, and where it goes."""

    layer: str
    numbers: tuple[tuple[float, ...], ...]
    """h w."""
    filter: int | None = None
    """All filters, if None."""
    channel: int | None = None
    """All channels that a filter reads, if None."""
    same_norm: bool = False
    """Whether it is scaled to the L2 norm of each kernel that it replaces."""


def kerneling(kernels: Sequence[Kernel]) -> Edit:
    """Returns an edit that computes convolutions with these kernels in place of their own.

    Whoever sees the call later sees the weight with them. A kernel of another size than the layer's is put
    into its middle, or cut; one for a filter or channel that there is not leaves the layer as it is.
    """

    def edit(call: Call) -> Tensor | None:
        weight = call.weight
        mine = [each for each in kernels if each.layer == call.module]
        if call.kind != "conv" or not mine or weight is None or call.reweighted is None:
            return None
        changed = weight.detach().clone()
        for each in mine:
            put(changed, each)
        call.weight = changed
        return call.reweighted(changed)

    return edit


def put(weight: Tensor, kernel: Kernel) -> bool:
    """Writes the kernel into a weight O R h w; returns whether there is such a filter and channel."""
    filters, channels = _chosen(kernel.filter, len(weight)), _chosen(kernel.channel, weight.shape[1])
    if filters is None or channels is None or weight.ndim != 4:
        return False
    height, width = weight.shape[2:]
    new = centred(torch.tensor(kernel.numbers, dtype=weight.dtype, device=weight.device), height, width)
    old = weight[filters, channels]
    norm = old.flatten(2).norm(dim=2)[..., None, None] if kernel.same_norm else new.new_ones(1)
    length = new.norm().clamp_min(torch.finfo(new.dtype).tiny) if kernel.same_norm else 1.0
    weight[filters, channels] = (new / length * norm).expand_as(old)
    return True


def centred(numbers: Tensor, height: int, width: int) -> Tensor:
    """Puts a kernel h w into the middle of zeros, or cuts its middle out; of four, the second is it."""
    for axis, side in enumerate((height, width)):
        before = (side - 1) // 2 - (numbers.shape[axis] - 1) // 2
        after = side - numbers.shape[axis] - before
        numbers = pad(numbers, (0, 0, before, after) if axis == 0 else (before, after))
    return numbers


def _chosen(at: int | None, size: int) -> slice | None:
    """Returns the part of an axis that is meant; None if there is no such index."""
    if at is None:
        return slice(None)
    return slice(at, at + 1) if 0 <= at < size else None


def together(edits: Sequence[Edit]) -> Edit:
    """Returns an edit that makes all of these, one after another."""

    def edit(call: Call) -> Tensor | None:
        changed = False
        for each in edits:
            if (other := each(call)) is not None:
                call.output, changed = other, True
        return call.output if changed else None

    return edit
