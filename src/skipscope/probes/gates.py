"""What gates do, and whether they matter (Hu et al. 2018, section 7 and Fig. 5).

A gate multiplies a map by one number, mostly a sigmoid's output, for each image and channel.

Shapes: B images of C channels, gate B C 1 1, or expanded to B C H W; of several maps at once B M C 1 1, which
counts as M x C channels; where channels are the last axis B 1 1 C or B 1 C. K classes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import nan
from operator import attrgetter

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from skipscope.anatomy.calls import Call, Edit
from skipscope.probes.base import Probe, Reading, View, several
from skipscope.probes.evaluation import batches, changes, evaluate, observe
from skipscope.probes.untrained import fresh_norms, settled

LOW, HIGH = 0.05, 0.95
"""Below and above these, where the sigmoid is flat, a gate is nearly shut or open."""
CONSTANT = 1e-6
"""Standard deviation over images below which a gate does not depend on the image."""

TOGETHER_IMAGES = 500
BLOCK_PASSES, FEWEST_IMAGES, MOST_IMAGES = 1_200, 32, 500
"""Budget of images over all blocks' replacements, and limits for one block."""

Replacement = Callable[[Call], Tensor]
"""Makes a replacement for a gate, in its shape."""


class Tally:
    """Running sums of one block's gates by class."""

    def __init__(self, classes: int) -> None:
        self.images = torch.zeros(classes, dtype=torch.float64)  # K
        self.sums = torch.zeros((), dtype=torch.float64)  # K C
        self.squares = torch.zeros((), dtype=torch.float64)  # C
        self.low = self.high = 0

    def add(self, gates: Tensor, classes: Tensor) -> None:
        """Adds a batch: gates B C, and class numbers B, 0..K-1."""
        member = one_hot(classes, len(self.images)).double()  # B K
        self.images = self.images + member.sum(0)
        self.sums = self.sums + member.T @ gates
        self.squares = self.squares + gates.square().sum(0)
        self.low += int((gates < LOW).sum())
        self.high += int((gates > HIGH).sum())

    def class_means(self) -> Tensor:
        """Returns mean gates K C."""
        return self.sums / self.images[:, None]

    def spread(self) -> tuple[float, float]:
        """Returns sums of squares about each channel's mean: of all images' gates, and of the class means."""
        images = self.images.sum()
        mean = self.sums.sum(0) / images
        total = self.squares - images * mean.square()
        between = self.images @ (self.class_means() - mean).square()
        varies = ~(total <= images * CONSTANT**2)  # nan counts as varying
        return total[varies].sum().item(), between[varies].sum().item()


def measure(view: View) -> Iterable[Reading]:
    """Measures every block's gates on the whole sample, by class.

    Of a network whose BatchNorms are untrained the single channels' gates are left out: they are many, and
    noise.
    """
    trained, view = not fresh_norms(view.model), settled(view)
    labels, classes = torch.unique(view.labels, return_inverse=True)
    tallies = {site.module: Tally(len(labels)) for site in view.anatomy.gates}

    def note(classes: Tensor, call: Call) -> None:
        if call.kind == "gate" and call.module in tallies:
            tallies[call.module].add(numbers(call.inputs[1]).cpu(), classes.cpu())

    for images, members in batches(replace(view, labels=classes)):
        observe(replace(view, images=images, labels=members), partial(note, members))
    for block, tally in tallies.items():
        yield from _block_readings(block, tally)
        for channel, means in enumerate(tally.class_means().T.tolist() if trained else ()):
            for label, gate in zip(labels.tolist(), means, strict=True):
                yield Reading(module=block, channel=channel, class_=label, quantity="gate", value=gate)


def numbers(gate: Tensor) -> Tensor:
    """Returns one number an image and channel, B C in float64; expanded over pixels, their mean."""
    channels_last = gate.ndim == 4 and gate.shape[1:3] == (1, 1)
    pixels = gate if gate.ndim < 4 or channels_last else gate.mean((-2, -1), dtype=torch.float64)
    return pixels.double().flatten(1)


def _block_readings(block: str, tally: Tally) -> Iterator[Reading]:
    """Summarises one block's gates over channels, images and classes."""
    total, between = tally.spread()
    means = tally.sums.sum(0) / tally.images.sum()  # C
    gates = tally.images.sum().item() * len(means)
    known = gates if means.isfinite().all() else nan
    quantities = {
        "mean": means.mean().item(),
        "std": (total / gates) ** 0.5,
        "class_share": between / total if total else 0.0,
        "low": tally.low / known,
        "high": tally.high / known,
    }
    return several(quantities, module=block)


def operate(view: View) -> Iterable[Reading]:
    """Measures what replacing each block's gates, and all at once, costs on the same images."""
    blocks = [site.module for site in view.anatomy.gates]
    many = view.first(TOGETHER_IMAGES)
    sums = Sums()
    intact = evaluate(many, see=sums.add)
    replacements: dict[str, Replacement] = {"one": one, "mean": sums.mean}
    if len(many.labels) > 1:
        replacements["other"] = lambda call: call.inputs[1][derangement(view, len(call.inputs[1]))]
    for name, replacement in replacements.items():
        changed = evaluate(many, replacing(blocks, replacement), edits_modules=False)
        yield from changes(intact, changed, replacement=name)
    images = BLOCK_PASSES // (len(replacements) * len(blocks))
    few = view.first(min(MOST_IMAGES, max(FEWEST_IMAGES, images)))
    intact = evaluate(few)
    for block in blocks:
        for name, replacement in replacements.items():
            changed = evaluate(few, replacing([block], replacement), edits_modules=False)
            yield from changes(intact, changed, module=block, replacement=name)


class Sums:
    """Sums of each block's gates over images: C 1 1, or as a gate is shaped."""

    def __init__(self) -> None:
        self.totals: dict[str, Tensor] = {}
        self.images: Counter[str] = Counter()

    def add(self, call: Call) -> None:
        """Adds a batch's gates, if this is a gate's call."""
        if call.kind == "gate":
            gate = call.inputs[1]
            self.totals[call.module] = self.totals.get(call.module, 0) + gate.sum(0, dtype=torch.float64)
            self.images[call.module] += len(gate)

    def mean(self, call: Call) -> Tensor:
        """Returns a block's mean gate, for each image of the batch."""
        mean = self.totals[call.module] / self.images[call.module]
        return mean.to(call.inputs[1].dtype).expand_as(call.inputs[1])


def one(call: Call) -> Tensor:
    """Returns gates of 1, which let the map pass as it is."""
    return torch.ones_like(call.inputs[1])


def replacing(blocks: Sequence[str], replacement: Replacement) -> Edit:
    """Returns an edit that replaces the gates of these calls."""

    def edit(call: Call) -> Tensor | None:
        gated = call.kind == "gate" and call.module in blocks
        return call.again(call.inputs[0], replacement(call)) if gated else None

    return edit


def derangement(view: View, images: int) -> Tensor:
    """Assigns each image of a batch another one: its predecessor in a random order."""
    order = torch.randperm(images, generator=view.generator("gate_surgery"))
    others = torch.empty_like(order)
    others[order] = order.roll(1)
    return others.to(view.images.device)


GATES = Probe(
    name="gates",
    applies_to=attrgetter("gates"),
    measure=measure,
    when=frozenset({"initial", "frozen", "equal_loss"}),
    units={
        "mean": "mean gate over the block's channels and all images",
        "std": "standard deviation of a channel's gate over images, root mean square over channels",
        "class_share": "share of the gates' variance over images that lies between classes (one way: sum of "
        "squares between over total, each summed over channels), 0..1; gates that know nothing of the class "
        "come to (classes - 1) / (images - 1) on average; 0 of gates that do not vary",
        "low": f"share of gates below {LOW}",
        "high": f"share of gates above {HIGH}",
        "gate": "a channel's mean gate over the images of a class",
    },
    source="Hu et al. 2018, section 7 and Fig. 5",
    cost="one pass of the sample; classes x channels numbers a block",
)
GATE_SURGERY = Probe(
    name="gate_surgery",
    applies_to=attrgetter("gates"),
    measure=operate,
    units={
        "loss_change": "mean cross-entropy with gates replaced (by `one`; by their `mean` over images, a "
        "channel; by those of an `other` image of the batch), minus without",
        "accuracy_change": "share of the same images that are right, in the same way",
    },
    source="Hu et al. 2018, section 7 (the role of excitation), by intervention",
    passes=lambda _images: 4.0 * TOGETHER_IMAGES + BLOCK_PASSES,
    cost=f"all blocks at once: 4 passes of {TOGETHER_IMAGES} images; one at a time: {BLOCK_PASSES:,} images "
    f"through the network over all blocks and ways, {FEWEST_IMAGES} to {MOST_IMAGES} a way",
)
