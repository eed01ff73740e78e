"""Loss and accuracy of a sample."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from skipscope.probes.base import Reading, View
from skipscope.probes.evaluation import Evaluation, batches, changes, evaluate
from skipscope.probes.measure import view_of


def view(network: nn.Module, images: int, side: int) -> View:
    x = torch.randn(images, 3, side, side, generator=torch.Generator().manual_seed(1))
    return view_of(network, x, torch.arange(images) % 10)


def test_a_sample_in_batches_comes_to_what_it_comes_to_at_once() -> None:
    torch.manual_seed(0)
    seen = view(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 9, 10)), 601, 5)
    assert [len(labels) for _, labels in batches(seen)] == [121, 120, 120, 120, 120]
    with torch.no_grad():
        logits = seen.model(seen.images)
    found = evaluate(seen)
    # one product over all images adds up in another order than three
    assert found.loss == pytest.approx(cross_entropy(logits, seen.labels).item(), rel=1e-5)
    assert found.accuracy == (logits.argmax(1) == seen.labels).double().mean().item()


def test_a_change_is_what_was_changed_minus_what_was_intact() -> None:
    intact, changed = (
        Evaluation(loss=loss, accuracy=accuracy, right=torch.empty(0))
        for loss, accuracy in ((0.5, 0.75), (2.0, 0.5))
    )
    assert list(changes(intact, changed, module="block", replacement="one")) == [
        Reading(module="block", quantity="loss_change", value=1.5, replacement="one"),
        Reading(module="block", quantity="accuracy_change", value=-0.25, replacement="one"),
    ]
