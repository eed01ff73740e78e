"""When each validation image is learnt: the first epoch from which on it is always classified rightly.

This is the reverse of a forgetting event (Toneva et al. 2019, section 3), on images not trained on.
"""

from collections.abc import Iterable

from torch import Tensor

from skipscope.probes.base import EpochView, Probe, Reading


def follow(since: Tensor, right: Tensor, epoch: int) -> Tensor:
    """Updates `since` after `epoch`: kept where still right, `epoch` where newly right, 0 where wrong."""
    return since.where(since > 0, epoch) * right


def measure(view: EpochView) -> Iterable[Reading]:
    """Reads accuracy per class after each epoch; after the last, each image's epoch (0: wrong in the end)."""
    for label in sorted(set(view.labels.tolist())):
        share = view.right[view.labels == label].float().mean().item()
        yield Reading(class_=label, quantity="accuracy", value=share)
    if view.last:
        for image, epoch in enumerate(view.since.tolist()):
            yield Reading(image=image, quantity="right_since", value=epoch)


LEARNING_ORDER = Probe(
    name="learning_order",
    when=frozenset({"epoch"}),
    measure=measure,
    units={
        "accuracy": "share of the class's validation images that are right, 0..1",
        "right_since": "first epoch from which on the image is right until the end; 0 if it is wrong then",
    },
    source="Toneva et al. 2019, section 3 (forgetting events), turned round",
    cost="nothing beside the validation that is made anyway; two bytes an image",
)
