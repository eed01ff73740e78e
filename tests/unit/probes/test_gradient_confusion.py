"""Cosines of mini-batches' gradients against loops over networks trained by hand, and planted gradients."""

from copy import deepcopy
from itertools import combinations
from math import isnan, sqrt

import pytest
import torch
from block_networks import net, seen
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from skipscope.models.registry import build
from skipscope.probes import gradient_confusion
from skipscope.probes.base import View
from skipscope.probes.gradient_confusion import measure, mini_batches, pairwise_cosines
from skipscope.probes.measure import initial_rows, view_of

FP32 = 2e-5
"""Cosines of gradients in fp32, of thousands of products each."""


def told(view: View) -> dict[str, float]:
    return {reading.quantity: reading.value for reading in measure(view)}


def by_hand(view: View) -> list[float]:
    """A copy a mini-batch, in float64 and training mode, `backward`, and cosines number by number."""
    gradients = []
    for chosen in mini_batches(view):
        model = deepcopy(view.model).double().train()
        cross_entropy(model(view.images[chosen].double()), view.labels[chosen]).backward()
        gradients.append([x for weight in model.parameters() for x in weight.grad.flatten().tolist()])
    lengths = [sqrt(sum(x * x for x in each)) for each in gradients]
    return [
        sum(a * b for a, b in zip(gradients[one], gradients[other], strict=True))
        / (lengths[one] * lengths[other])
        for one, other in combinations(range(len(gradients)), 2)
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_confusion, "MINI_BATCHES", 5)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("style", ["functional", "plain"])
def test_cosines_are_those_by_hand(style: str) -> None:
    view = seen(net(style), images=23)
    wanted, found = by_hand(view), told(view)
    assert len(wanted) == 10
    assert found["mean_cosine"] == pytest.approx(sum(wanted) / len(wanted), abs=FP32)
    assert found["least_cosine"] == pytest.approx(min(wanted), abs=FP32)


def test_mini_batches_share_no_image_and_are_the_same_for_every_network() -> None:
    one, other = (seen(net(style), images=70, seed=3) for style in ("plain", "in place"))
    parts = [part.tolist() for part in mini_batches(one)]
    assert [len(part) for part in parts] == [2] * 32
    assert len({image for part in parts for image in part}) == 64
    assert parts == [part.tolist() for part in mini_batches(other)]
    many = list(mini_batches(seen(net(), images=2_000)))
    assert [len(part) for part in many] == [gradient_confusion.IMAGES] * gradient_confusion.MINI_BATCHES


@pytest.mark.parametrize(("images", "parts"), [(1, 0), (2, 1), (3, 1), (4, 2)])
def test_of_fewer_than_four_images_there_is_no_pair(images: int, parts: int) -> None:
    view = seen(net(), images=images)
    assert len(list(mini_batches(view))) == parts
    assert bool(told(view)) == (parts > 1)


@pytest.mark.usefixtures("small")
def test_running_statistics_stay_and_are_not_used() -> None:
    view = seen(net(), images=23)
    before, found = deepcopy(view.model.state_dict()), told(view)
    assert all(torch.equal(value, view.model.state_dict()[name]) for name, value in before.items())
    for module in view.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    assert told(view) == found


class OneWeight(nn.Module):
    """Logits (w . x, 0): the gradient by w is (p - y) x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        logit = x[:, :, 0, 0] @ self.weight
        return torch.stack([logit, torch.zeros_like(logit)], 1)


def planted(images: Tensor, labels: Tensor) -> View:
    view = seen(net(), images=4)  # for its anatomy, which is not looked at
    return View(model=OneWeight(), images=images, labels=labels, anatomy=view.anatomy)


def test_equal_mini_batches_agree_wholly_and_opposite_ones_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gradient_confusion, "MINI_BATCHES", 2)
    same = planted(torch.ones(4, 3, 1, 1), torch.zeros(4, dtype=torch.long))
    assert told(same) == pytest.approx({"mean_cosine": 1, "least_cosine": 1})
    order = torch.cat(list(mini_batches(same)))
    labels = torch.tensor([0, 0, 1, 1])[order.argsort()]  # one mini-batch has only class 0, the other 1
    opposite = planted(torch.ones(4, 3, 1, 1), labels)
    assert told(opposite) == pytest.approx({"mean_cosine": -1, "least_cosine": -1})


def test_a_gradient_of_zero_has_no_cosine() -> None:
    found = told(planted(torch.zeros(4, 3, 1, 1), torch.tensor([0, 1, 0, 1])))
    assert isnan(found["mean_cosine"])
    assert isnan(found["least_cosine"])


def test_long_gradients_are_folded_and_cosines_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient_confusion, "MINI_BATCHES", 6)
    view = view_of(build("resnet8"), torch.randn(24, 3, 8, 8), torch.arange(24) % 10)
    exact = told(view)
    monkeypatch.setattr(gradient_confusion, "KEPT", 2**14)  # of 78,042 weights
    # five times the error that a cosine has at most on average, sqrt(2 / KEPT)
    assert told(view) == pytest.approx(exact, abs=5 * sqrt(2 / 2**14))
    assert told(view) != exact


def test_pairs_are_counted_once() -> None:
    rows = torch.eye(4)
    rows[3] = rows[2]
    assert sorted(pairwise_cosines(rows).tolist()) == [0, 0, 0, 0, 0, 1]


def test_it_is_measured_before_the_first_step() -> None:
    images = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    rows = initial_rows(view_of(build("resnet8"), images, torch.arange(8))).rows
    found = {row["quantity"] for row in rows if row["probe"] == "gradient_confusion"}
    assert found == {"mean_cosine", "least_cosine"}
