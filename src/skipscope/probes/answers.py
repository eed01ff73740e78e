"""A trained network's predictions, image by image."""

from collections.abc import Iterable

import torch
from torch.nn.functional import cross_entropy

from skipscope.probes.base import Probe, Reading, View, several
from skipscope.probes.evaluation import batches, hits


def measure(view: View) -> Iterable[Reading]:
    """Reads prediction and confidence of each image of the sample; loss and accuracy over all."""
    with torch.no_grad():
        # copies: a network may overwrite what it is given
        logits = torch.cat([view.model(images.clone()) for images, _ in batches(view)]).double()  # N K
    confidences, classes = logits.softmax(1).max(1)
    predicted = classes.double().where(confidences.isfinite(), torch.nan)
    for image, (label, confidence) in enumerate(zip(predicted.tolist(), confidences.tolist(), strict=True)):
        yield from several({"answer": label, "confidence": confidence}, image=image)
    right, loss = hits(logits, view.labels).mean().item(), cross_entropy(logits, view.labels).item()
    yield from several({"accuracy": right, "loss": loss})


ANSWERS = Probe(
    name="answers",
    applies_to=lambda _anatomy: True,
    measure=measure,
    units={
        "answer": "number of the class with the largest logit",
        "confidence": "its probability (softmax), 0..1",
        "accuracy": "share of the sample's images that are right, 0..1",
        "loss": "mean cross-entropy over the sample, nats",
    },
    source="the network's own output",
    cost="one pass of the sample; classes numbers an image",
)
