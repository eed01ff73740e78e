"""Made-up readings of the probes on trained networks."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from made_up_networks import Body, body_of, noise_of
from numpy.typing import NDArray

from skipscope.records.schema import RunRecord

LAGS = 8
SIDE = 7
"""Points of the landscape's grid in each direction."""
CHANNELS = 6
"""Channels that a gate has: enough to draw."""
CLASSES = 10


def trained(
    run: RunRecord, labels: NDArray[np.int64], step: int
) -> Iterator[tuple[str, int, str, str, float]]:
    """What is measured on the network as it is, before its first step and after its last."""
    body, noise = body_of(run.spec.model), noise_of(run, "trained")
    memory = 4.0 if body.blocks or body.concats else 1.5
    for at in (0, step):
        for lag in range(1, LAGS + 1):
            value = float(np.exp(-lag / memory) + noise.normal(0, 0.02))
            yield "shattering", at, f"lag {lag}", "autocorrelation", value
        yield "shattering", at, "line", "gradient_l2", float(0.4 + noise.normal(0, 0.02))
    frozen = (answers(run, labels), redundancy(body, noise), landscape(body, noise), curvature(body, noise))
    for readings in (*frozen, linear_probes(run, noise), reinitialisation(body, noise)):
        for probe, place, quantity, value in readings:
            yield probe, step, place, quantity, float(value)
    for at in (0, step):
        begun = float(at > 0)
        begins_and_ends = (reuse, gates, branches, agreement, alignment)
        for readings in (each(body, noise, begun) for each in begins_and_ends):
            for probe, place, quantity, value in readings:
                yield probe, at, place, quantity, float(value)
    for probe, place, quantity, value in deletion(body, noise):
        yield probe, step, place, quantity, float(value)


Frozen = Iterator[tuple[str, str, str, float]]


def answers(run: RunRecord, labels: NDArray[np.int64]) -> Frozen:
    """An answer for every image of the sample, wrong as often as the run is."""
    noise = noise_of(run, "answers")
    reached = run.result.val_accuracy if run.result else 0.5
    right = noise.uniform(0, 1, len(labels)) < reached
    given = np.where(right, labels, (labels + noise.integers(1, CLASSES, len(labels))) % CLASSES)
    for image, answer in enumerate(given):
        yield "answers", f"sample {image}", "answer", answer
        confidence = noise.beta(9, 2) if right[image] else noise.beta(4, 3)
        yield "answers", f"sample {image}", "confidence", 0.1 + 0.9 * confidence
    yield "answers", "all", "accuracy", float(right.mean())
    yield "answers", "all", "loss", 1.6 * (1 - reached) + 0.2


def redundancy(body: Body, noise: np.random.Generator) -> Frozen:
    """Channels that repeat each other, more so in wide layers."""
    for place, _, channels in body.convs:
        share = 0.7 - 0.06 * np.log2(channels / 6) + noise.normal(0, 0.01)
        yield "redundancy", place, "effective_rank", share * channels
        yield "redundancy", place, "effective_rank_share", share
    for number, place in enumerate((*body.blocks, *body.concats)):
        yield "redundancy", place, "largest_correlation", 0.35 + 0.03 * number + noise.normal(0, 0.01)


def landscape(body: Body, noise: np.random.Generator) -> Frozen:
    """A bowl, steeper without shortcuts."""
    steep = 1.5 if body.blocks or body.concats else 4.0
    line = np.linspace(-1, 1, 2 * SIDE + 1)
    for at in line:
        height = 0.6 + steep * at**2 + noise.normal(0, 0.01)
        yield "landscape", "a", f"loss@{at:+.2f}", height
        yield "landscape", "a", f"accuracy@{at:+.2f}", float(np.clip(0.85 - 0.7 * at**2, 0.1, 1))
    for one in np.linspace(-1, 1, SIDE):
        for other in np.linspace(-1, 1, SIDE):
            height = 0.6 + steep * (one**2 + 0.6 * other**2 + 0.3 * one * other)
            yield "landscape", "a,b", f"loss@{one:+.2f},{other:+.2f}", height


def curvature(body: Body, noise: np.random.Generator) -> Frozen:
    """The Hessian's top eigenvalue and trace."""
    top = (30 if body.blocks or body.concats else 80) * np.exp(noise.normal(0, 0.1))
    values = {
        "top_eigenvalue": top,
        "top_residual": 0.004,
        "iterations": 24,
        "trace": 14 * top,
        "trace_error": 0.9 * top,
    }
    for quantity, value in values.items():
        yield "curvature", "hessian", quantity, value


def linear_probes(run: RunRecord, noise: np.random.Generator) -> Frozen:
    """A read-out that gets better stage by stage."""
    stages = [stage.name for stage in run.network.stages if len(stage.shape) == 3]
    for number, place in enumerate(dict.fromkeys(stages)):
        value = 0.4 + 0.4 * (number + 1) / len(stages) + noise.normal(0, 0.01)
        yield "linear_probes", place, "accuracy", value


def branches(body: Body, noise: np.random.Generator, begun: float) -> Frozen:
    """Residual branches that grow beside their shortcuts while they are trained."""
    for number, place in enumerate(body.blocks):
        ratio = (0.8 + 0.6 * begun) * (number + 1) ** -0.3 * np.exp(noise.normal(0, 0.05))
        yield "branch_scale", place, "l2_ratio", ratio
        yield "branch_scale", place, "std_ratio", 0.9 * ratio


def agreement(body: Body, noise: np.random.Generator, begun: float) -> Frozen:
    """Mini-batches that agree less once what they have in common is learnt."""
    mean = (0.6 if body.blocks or body.concats else 0.4) * (1 - 0.8 * begun) + noise.normal(0, 0.01)
    yield "gradient_confusion", "all", "mean_cosine", mean
    yield "gradient_confusion", "all", "least_cosine", mean - 0.2


def alignment(body: Body, noise: np.random.Generator, begun: float) -> Frozen:
    """Convolutions that let through more of the signal, and less more of the gradient, once trained."""
    for number, (place, *_) in enumerate(body.convs):
        yield "signal_alignment", place, "forward_gain", 1 + 1.5 * begun * np.exp(noise.normal(0, 0.05))
        yield "signal_alignment", place, "backward_gain", 1 + begun * np.exp(noise.normal(0, 0.05))
        yield "signal_alignment", place, "output_l2", 0.1 * (1.2 - 0.4 * begun) ** -number
    yield "signal_alignment", "relu", "variance_kept", 0.35 + 0.1 * begun
    yield "signal_alignment", "relu", "gradient_kept", 0.5


def reinitialisation(body: Body, noise: np.random.Generator) -> Frozen:
    """Blocks put back to their start, of which the first costs most."""
    yield "reinitialisation", "all", "loss", 0.62
    yield "reinitialisation", "all", "accuracy", 0.81
    blocks = body.blocks or body.concats or [place for place, *_ in body.convs]
    for number, place in enumerate(blocks):
        cost = 0.4 / (number + 1) * np.exp(noise.normal(0, 0.2))
        yield "reinitialisation", place, "loss", 0.62 + 3 * cost
        yield "reinitialisation", place, "accuracy", 0.81 - cost


def reuse(body: Body, noise: np.random.Generator, begun: float) -> Frozen:
    """Dense layers read near sources most once they are trained, and need none before."""
    taken: dict[str, list[float]] = {}
    for target, sources in body.reuse:
        near = -0.25 * begun * np.arange(len(sources))[::-1]
        weights = 0.02 * np.exp(near + noise.normal(0, 0.1, len(sources)))
        for source, weight in zip(sources, weights, strict=True):
            place = f"{target} <- {source}"
            yield "reuse_by_weight", place, "weight", weight
            yield "reuse_by_weight", place, "share", weight / weights.sum()
            loss = 0.3 * begun * weight / weights.sum() + noise.normal(0, 0.004 if begun else 0.0004)
            yield "reuse_by_ablation", place, "loss_change", loss
            yield "reuse_by_ablation", place, "accuracy_change", -0.2 * loss
            taken.setdefault(source, []).append(loss)
    for source, losses in taken.items():
        yield "reuse_by_ablation", f"all <- {source}", "loss_change", 1.6 * sum(losses)
        yield "reuse_by_ablation", f"all <- {source}", "accuracy_change", -0.25 * sum(losses)


def gates(body: Body, noise: np.random.Generator, begun: float) -> Frozen:
    """Gates that know more of the class the deeper they are, once trained, and what replacing them costs."""
    if not body.gated:
        return
    for number, block in enumerate(body.blocks):
        yield "gates", block, "mean", 0.5 + noise.normal(0, 0.03)
        yield "gates", block, "std", 0.1 + 0.01 * number
        yield "gates", block, "class_share", 0.03 + (0.01 + 0.08 * number) * begun
        yield "gates", block, "low", 0.002 * number
        yield "gates", block, "high", 0.006 * number
        for channel in range(CHANNELS):
            for label in range(CLASSES):
                value = np.clip(0.5 + 0.05 * channel + noise.normal(0, 0.02 + 0.02 * number), 0, 1)
                yield "gates", f"{block} channel {channel}", f"gate:{label}", value
    for number, block in enumerate((*body.blocks, "all") if begun else ()):
        for by, size in (("one", 0.05), ("mean", 0.01), ("other", 0.03)):
            loss = size * (6 if block == "all" else 1 + 0.1 * number) + noise.normal(0, 0.002)
            yield "gate_surgery", block, f"loss_change:{by}", loss
            yield "gate_surgery", block, f"accuracy_change:{by}", -0.3 * loss


def deletion(body: Body, noise: np.random.Generator) -> Frozen:
    """Blocks taken away: one, two neighbours, three at random."""
    if not body.blocks:
        return
    yield "block_deletion", "intact", "loss", 0.62
    yield "block_deletion", "intact", "accuracy", 0.81
    places = [*body.blocks, *(f"{one} + {other}" for one, other in pairwise(body.blocks))]
    for place in (*places, *(f"3 blocks, draw {draw}" for draw in range(1, 4))):
        blocks = 3 if "draw" in place else place.count("+") + 1
        loss = 0.25 * blocks**1.6 * np.exp(noise.normal(0, 0.4))
        yield "block_deletion", place, "loss_change", loss
        yield "block_deletion", place, "accuracy_change", -min(0.7, 0.25 * loss)
