"""Loss and accuracy of a network on a sample, intact or with some calls' outputs replaced.

Shapes: N images of a sample, B of a batch; logits B K.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from skipscope.anatomy.calls import Call, Edit
from skipscope.anatomy.capture import capture
from skipscope.probes.base import Reading, View, several

BATCH = 125
"""Images in a forward pass, at most."""


class Evaluation(NamedTuple):
    """How well a network classifies N images."""

    loss: float
    """Mean cross-entropy, in nats, without label smoothing."""
    accuracy: float
    """In 0..1."""
    right: Tensor
    """N: whether each image is classified rightly."""


def batches(view: View, size: int = BATCH) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields images and labels in parts of at most `size` that differ by at most one image."""
    parts = -(-len(view.labels) // size)
    yield from zip(view.images.tensor_split(parts), view.labels.tensor_split(parts), strict=True)


def observe(view: View, see: Callable[[Call], None], size: int = BATCH) -> None:
    """Shows `see` every call while the network computes on the sample, in batches and without gradients."""
    with torch.no_grad(), capture(view.model, see):
        for images, _ in batches(view, size):
            view.model(images)


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Scores each image 1 if right, 0 if wrong, and nan if its logits are not finite: B K and B -> B."""
    right = (logits.argmax(1) == labels).double()
    return right.where(logits.amax(1).isfinite(), torch.nan)


def evaluate(
    view: View,
    edit: Edit | None = None,
    see: Callable[[Call], None] | None = None,
    *,
    edits_modules: bool = True,
) -> Evaluation:
    """Evaluates the network on the whole sample; `edit`, `see` and `edits_modules` are those of `capture`."""
    loss, right = 0.0, []
    with torch.no_grad(), capture(view.model, see, edit=edit, edits_modules=edits_modules):
        for images, labels in batches(view):
            logits = view.model(images).double()
            loss += cross_entropy(logits, labels, reduction="sum").item()
            right.append(hits(logits, labels))
    every = torch.cat(right)
    return Evaluation(loss=loss / len(every), accuracy=every.mean().item(), right=every)


def changes(intact: Evaluation, changed: Evaluation, **columns: Any) -> Iterator[Reading]:
    """Yields loss and accuracy, changed minus intact; `columns` of `Reading` say what was changed."""
    accuracy = changed.accuracy - intact.accuracy
    return several({"loss_change": changed.loss - intact.loss, "accuracy_change": accuracy}, **columns)
