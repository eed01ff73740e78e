"""How much of what a layer makes is new: effective rank, and correlation with what was there before.

Shapes: C channels, each a row of n = images x pixels numbers; covariance C C. Moments are gathered batch by
batch about the first batch's means: products in fp32, sums of them in float64.
"""

from collections.abc import Iterable, Sequence
from math import exp, nan

import torch
from torch import Tensor

from skipscope.anatomy.capture import Anatomy, Call, capture
from skipscope.probes.base import Probe, Reading, View
from skipscope.probes.outcome import batches

IMAGES = 1_000
BATCH = 50
"""A deep dense network's concatenations are large, and one is copied."""
CONSTANT = 1e-6
"""A channel whose spread is less than this part of its mean varies by rounding only."""


class Channels:
    """Mean and spread of C channels, about a mean of their first batch."""

    def __init__(self, first: Tensor) -> None:
        """Of nothing yet; the first batch C n will be added like the others."""
        self.shift = first.mean(1, dtype=torch.float64)
        self.sums, self.squares = torch.zeros_like(self.shift), torch.zeros_like(self.shift)

    def add(self, rows: Tensor) -> Tensor:
        """A batch C n; gives it back about the shift."""
        moved = rows - self.shift[:, None].float()
        self.sums += moved.sum(1, dtype=torch.float64)
        self.squares += torch.linalg.vector_norm(moved, dim=1).double().square()
        return moved

    def deviations(self, count: int) -> Tensor:
        """C: standard deviations; 0 of a channel that is constant, nan of one that is not finite."""
        mean = self.sums / count
        found = (self.squares / count - mean.square()).clamp_min(0).sqrt()
        return torch.where(found <= CONSTANT * (self.shift + mean).abs(), 0, found)


class Moments:
    """Of A new channels, B earlier ones (which may be the same) and between them, without holding them."""

    def __init__(self, new: Tensor, old: Tensor) -> None:
        """Of nothing yet; A n and B n are the first batch, which will be added like the others."""
        self.count = 0
        self.new = Channels(new)
        self.old = self.new if old is new else Channels(old)
        self.products = self.new.shift.new_zeros(len(new), len(old))

    def add(self, new: Tensor, old: Tensor) -> None:
        """A batch."""
        moved = self.new.add(new)
        others = moved if old is new else self.old.add(old)
        self.products += moved @ others.T
        self.count += new.shape[1]

    def covariance(self) -> Tensor:
        """A B, in float64, over all n."""
        return self.products / self.count - torch.outer(self.new.sums, self.old.sums) / self.count**2

    def correlation(self) -> Tensor:
        """A B; 0 with a constant channel."""
        scale = torch.outer(self.new.deviations(self.count), self.old.deviations(self.count))
        return torch.where(scale == 0, 0, self.covariance() / scale)


def measure(view: View) -> Iterable[Reading]:
    """Ranks of convolutions' outputs; correlations at shortcuts and concatenations."""
    gathered: dict[tuple[str, str], Moments] = {}

    def gather(call: Call) -> None:
        if (pair := _pair(call)) is not None:
            key = call.kind, call.place
            if key not in gathered:
                gathered[key] = Moments(*pair)
            gathered[key].add(*pair)

    with torch.no_grad(), capture(view.model, gather):
        for images, _ in batches(view.first(IMAGES), BATCH):
            view.model(images)
    for (kind, place), moments in gathered.items():
        if kind == "conv":
            rank = effective_rank(moments)
            share = rank / len(moments.products)
            yield Reading(place=place, quantity="effective_rank", value=rank)
            yield Reading(place=place, quantity="effective_rank_share", value=share)
        else:
            largest = moments.correlation().abs().amax(1)  # A
            yield Reading(place=place, quantity="largest_correlation", value=largest.mean().item())


def _pair(call: Call) -> tuple[Tensor, Tensor] | None:
    """New channels and earlier ones, A n and B n; of a convolution its output's channels twice."""
    if call.kind == "conv":
        rows = _rows([call.output])
        return rows, rows
    if call.kind not in ("shortcut", "concat") or call.inputs[0].ndim not in (2, 4):
        return None
    new = newest(call)
    return _rows([call.inputs[new]]), _rows([x for place, x in enumerate(call.inputs) if place != new])


def newest(call: Call) -> int:
    """Which operand is new: f(x) of f(x) + x; of a concatenation the deepest, of those the last.

    So a dense layer that concatenates a list of all features anew adds the last one's channels only.
    """
    if call.kind == "shortcut":
        return 0
    return max(range(len(call.inputs)), key=lambda place: (call.depths[place], place))


def effective_rank(moments: Moments) -> float:
    """The exponential of the entropy of the covariance's eigenvalues over their sum; 0 if nothing varies."""
    deviations = moments.new.deviations(moments.count)
    if not deviations.isfinite().all():
        return nan
    varying = deviations > 0
    if not varying.any():
        return 0.0
    eigenvalues = torch.linalg.eigvalsh(moments.covariance()[varying][:, varying]).clamp_min(0)
    return exp(torch.special.entr(eigenvalues / eigenvalues.sum()).sum().item())


def _rows(maps: Sequence[Tensor]) -> Tensor:
    """B C H W or B C, several -> C n."""
    return torch.cat([x.detach().movedim(1, 0).flatten(1) for x in maps])


def applies(anatomy: Anatomy) -> bool:
    """There are convolutions, or something is joined to what was there before."""
    return bool(anatomy.of("conv", "shortcut", "concat"))


REDUNDANCY = Probe(
    name="redundancy",
    when=frozenset({"frozen"}),
    applies_to=applies,
    measure=measure,
    units={
        "effective_rank": "exp of the entropy of the normalised eigenvalues of the covariance of a "
        "convolution's channels over images and pixels: 1 to channels, 0 if all are constant",
        "effective_rank_share": "the same over the number of channels; it cannot pass images x pixels",
        "largest_correlation": "mean over new channels (f(x)'s; a concatenation's deepest operand's) of the "
        "largest |Pearson correlation| over images and pixels with an earlier channel (x's; the other "
        "operands'), 0..1; 0 of a constant channel",
    },
    source="Roy and Vetterli 2007 (of the covariance); Huang et al. 2017, section 5 (feature reuse)",
    cost=f"{IMAGES:,} images through the network; a copy of a batch of {BATCH} of one concatenation, "
    "C x C numbers a convolution",
)
