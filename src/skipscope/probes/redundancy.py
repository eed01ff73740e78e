"""How much of a layer's output is new: its effective rank, and its correlation with earlier features.

Shapes: C channels, each a row of n = images x pixels numbers; covariance C C. Moments are accumulated batch
by batch about the first batch's means: products in fp32, their sums in float64.
"""

from collections.abc import Iterable, Sequence
from math import exp, nan

import torch
from torch import Tensor

from skipscope.anatomy.calls import Call, CallKey
from skipscope.probes.base import Probe, Reading, View, several
from skipscope.probes.evaluation import observe

IMAGES = 1_000
BATCH = 50
"""Kept small because a dense network's concatenations are large, and one is copied."""
CONSTANT = 1e-6
"""Relative spread below which a channel varies by rounding only."""


class Channels:
    """Running mean and spread of C channels, about the mean of their first batch."""

    def __init__(self, first: Tensor) -> None:
        """Shifts by the first batch C n, which is yet to be added like the others."""
        self.shift = first.mean(1, dtype=torch.float64)
        self.sums, self.squares = torch.zeros_like(self.shift), torch.zeros_like(self.shift)

    def add(self, rows: Tensor) -> Tensor:
        """Adds a batch C n; returns it shifted."""
        shifted = rows - self.shift[:, None].float()
        self.sums += shifted.sum(1, dtype=torch.float64)
        self.squares += torch.linalg.vector_norm(shifted, dim=1).double().square()
        return shifted

    def deviations(self, count: int) -> Tensor:
        """Returns C standard deviations: 0 for a constant channel, nan for one that is not finite."""
        mean = self.sums / count
        found = (self.squares / count - mean.square()).clamp_min(0).sqrt()
        return torch.where(found <= CONSTANT * (self.shift + mean).abs(), 0, found)


class Moments:
    """Running moments of A new and B earlier channels (which may be the same), and between them."""

    def __init__(self, new: Tensor, old: Tensor) -> None:
        """Shifts by the first batches A n and B n, which are yet to be added like the others."""
        self.count = 0
        self.new = Channels(new)
        self.old = self.new if old is new else Channels(old)
        self.products = self.new.shift.new_zeros(len(new), len(old))

    def add(self, new: Tensor, old: Tensor) -> None:
        """Adds a batch, A n and B n."""
        shifted = self.new.add(new)
        others = shifted if old is new else self.old.add(old)
        self.products += shifted @ others.T
        self.count += new.shape[1]

    def covariance(self) -> Tensor:
        """Returns the covariance A B in float64, over all n."""
        return self.products / self.count - torch.outer(self.new.sums, self.old.sums) / self.count**2

    def correlation(self) -> Tensor:
        """Returns the correlation A B; 0 with a constant channel."""
        scale = torch.outer(self.new.deviations(self.count), self.old.deviations(self.count))
        return torch.where(scale == 0, 0, self.covariance() / scale)


def measure(view: View) -> Iterable[Reading]:
    """Measures ranks of convolutions' outputs, and correlations at shortcuts and concatenations."""
    gathered: dict[CallKey, Moments] = {}

    def gather(call: Call) -> None:
        if (pair := _pair(call)) is not None:
            if call.key not in gathered:
                gathered[call.key] = Moments(*pair)
            gathered[call.key].add(*pair)

    observe(view.first(IMAGES), gather, BATCH)
    for (kind, name), moments in gathered.items():
        if kind == "conv":
            rank = effective_rank(moments)
            share = rank / len(moments.products)
            yield from several({"effective_rank": rank, "effective_rank_share": share}, module=name)
        else:
            largest = moments.correlation().abs().amax(1)  # A
            yield Reading(module=name, quantity="largest_correlation", value=largest.mean().item())


def _pair(call: Call) -> tuple[Tensor, Tensor] | None:
    """Returns new and earlier channels, A n and B n; for a convolution, its output's channels twice.

    New are those of f(x) in f(x) + x, and in a concatenation those of the last of the deepest operands: a
    dense layer that concatenates a list of all features anew adds only the last one's channels.
    """
    if call.kind == "conv":
        rows = _rows([call.output])
        return rows, rows
    if call.kind not in ("shortcut", "concat") or call.inputs[0].ndim not in (2, 4):
        return None
    depths = [depth or 0 for depth in call.depths]
    new = 0 if call.kind == "shortcut" else len(depths) - 1 - depths[::-1].index(max(depths))
    return _rows([call.inputs[new]]), _rows([x for index, x in enumerate(call.inputs) if index != new])


def effective_rank(moments: Moments) -> float:
    """Returns exp of the entropy of the covariance's normalised eigenvalues; 0 if nothing varies."""
    deviations = moments.new.deviations(moments.count)
    if not deviations.isfinite().all():
        return nan
    varying = deviations > 0
    if not varying.any():
        return 0.0
    eigenvalues = torch.linalg.eigvalsh(moments.covariance()[varying][:, varying]).clamp_min(0)
    return exp(torch.special.entr(eigenvalues / eigenvalues.sum()).sum().item())


def _rows(maps: Sequence[Tensor]) -> Tensor:
    """Flattens several maps, B C H W or B C, to C n."""
    return torch.cat([x.detach().movedim(1, 0).flatten(1) for x in maps])


REDUNDANCY = Probe(
    name="redundancy",
    applies_to=lambda anatomy: anatomy.of("conv", "shortcut", "concat"),
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
    passes=lambda images: 2.0 * min(images, IMAGES),
    cost=f"{IMAGES:,} images through the network; a copy of a batch of {BATCH} of one concatenation, "
    "C x C numbers a convolution",
)
