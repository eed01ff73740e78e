"""What a network comes to on a sample, as it is or with some calls' outputs put in others' place.

Shapes: N images of a sample, B of a batch; logits B K.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skipscope.anatomy.capture import Call, Edit, capture
from skipscope.probes.base import Reading, View

BATCH = 125
"""Images a forward pass, at most."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Over the images of a sample."""

    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    """Share of images that are right, 0..1."""


def batches(view: View, size: int = BATCH) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and labels in parts of at most `size` that differ by at most one image."""
    parts = -(-len(view.labels) // size)
    yield from zip(view.images.tensor_split(parts), view.labels.tensor_split(parts), strict=True)


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Of each image 1 if it is right, 0 if not, and nan if its logits say nothing: B K and B -> B."""
    right = (logits.argmax(1) == labels).double()
    return right.where(logits.amax(1).isfinite(), torch.nan)


def outcome(view: View, edit: Edit | None = None, see: Callable[[Call], None] | None = None) -> Outcome:
    """The network's loss and accuracy on the whole sample; `edit` and `see` are those of `capture`."""
    loss = right = 0.0
    with torch.no_grad(), capture(view.model, see, edit=edit):
        for images, labels in batches(view):
            logits = view.model(images).double()
            loss += cross_entropy(logits, labels, reduction="sum").item()
            right += hits(logits, labels).sum().item()
    return Outcome(loss=loss / len(view.labels), accuracy=right / len(view.labels))


def changes(intact: Outcome, changed: Outcome, **columns: Any) -> Iterator[Reading]:
    """Changed minus intact, loss and accuracy; `columns` of `Reading` say what was changed."""
    yield Reading(**columns, quantity="loss_change", value=changed.loss - intact.loss)
    yield Reading(**columns, quantity="accuracy_change", value=changed.accuracy - intact.accuracy)
