"""Linear read-outs against Newton's method in numpy, and stages that are known to tell or not to tell."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import relu

from skipscope.probes.base import View
from skipscope.probes.evaluation import BATCH
from skipscope.probes.linear_probes import PENALTY, features, fitted, halves, measure, scale
from skipscope.probes.measure import view_of

CLASSES, SIDE = 3, 8


class Stages(nn.Module):
    """Three of them; the ReLUs overwrite what the convolutions made."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one = nn.Conv2d(3, channels, 3, padding=1)
        self.two = nn.Conv2d(channels, channels, 3, padding=1, stride=2)
        self.three = nn.Conv2d(channels, channels, 3, padding=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.one, self.two, self.three):
            x = relu(layer(x), inplace=True)
        return x.mean((2, 3))[:, :CLASSES]


def seen(model: nn.Module, images: int = 60) -> View:
    x = torch.randn(images, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    return view_of(model, x, torch.arange(images) % CLASSES)


def told(view: View) -> dict[str, float]:
    return {reading.module: reading.value for reading in measure(view)}


def test_features_are_means_over_pixels_at_the_end_of_each_stage() -> None:
    view = seen(Stages(), 2 * BATCH + 5)
    found = dict(features(view))
    x, model = view.images, view.model
    expected = {}
    for place, layer in (("relu", model.one), ("relu:2", model.two), ("relu:3", model.three)):
        x = relu(layer(x))
        expected[place] = x.detach().numpy().astype(np.float64).mean((2, 3))
    assert list(found) == list(expected)
    for place, values in found.items():
        assert values.dtype == torch.float64
        assert values.numpy() == pytest.approx(expected[place], abs=1e-6)  # maps in fp32, of other batches


def newton(x: NDArray[np.float64], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """The minimum of mean cross-entropy and PENALTY / 2 |W|^2, the bias free: K x (C + 1)."""
    images, channels = x.shape
    inputs = np.hstack([x, np.ones((images, 1))])
    penalty = np.diag([PENALTY] * channels + [1e-12])  # the bias has one direction that changes nothing
    weight, wanted = np.zeros((classes, channels + 1)), np.eye(classes)[labels]
    for _ in range(50):
        scores = np.exp(inputs @ weight.T)
        shares = scores / scores.sum(1, keepdims=True)
        gradient = (shares - wanted).T @ inputs / images + weight @ penalty
        hessian = np.zeros((classes, channels + 1, classes, channels + 1))
        for one in range(classes):
            for other in range(classes):
                of_pair = shares[:, one] * ((one == other) - shares[:, other]) / images
                hessian[one, :, other] = (inputs * of_pair[:, None]).T @ inputs + (one == other) * penalty
        square = hessian.reshape(gradient.size, gradient.size)
        weight = weight - np.linalg.solve(square, gradient.ravel()).reshape(gradient.shape)
    assert np.abs(gradient).max() < 1e-12
    return weight


def test_a_read_out_is_the_minimum_that_newton_s_method_finds() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, 80)
    x = generator.normal(size=(80, 5)) + 0.8 * np.eye(CLASSES, 5)[labels]
    weight, bias = fitted(torch.from_numpy(x), torch.from_numpy(labels), CLASSES)
    expected = newton(x, labels, CLASSES)
    # L-BFGS ends at gradients of 1e-7, and the penalty makes curvatures of at least 1e-2
    assert weight.numpy() == pytest.approx(expected[:, :-1], abs=1e-5)
    free = expected[:, -1] - expected[:, -1].mean()
    assert (bias - bias.mean()).numpy() == pytest.approx(free, abs=1e-5)


def test_each_image_is_answered_by_the_read_out_of_the_other_half() -> None:
    view = seen(Stages(), 61)
    found = told(view)
    labels = view.labels.numpy()
    parts = [half.numpy() for half in halves(view, view.labels)]
    for place, values in features(view):
        right = 0
        for fit, test in (parts, parts[::-1]):
            x = values.numpy()
            mean, spread = x[fit].mean(0), x[fit].std(0)
            weight = newton((x[fit] - mean) / spread, labels[fit], CLASSES)
            scores = np.hstack([(x[test] - mean) / spread, np.ones((len(test), 1))]) @ weight.T
            right += (scores.argmax(1) == labels[test]).sum()
        assert found[place] == pytest.approx(right / 61, abs=1e-12)


@settings(max_examples=25)
@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=5), seed=st.integers(0, 2**31))
def test_halves_share_out_every_class_and_every_image_once(counts: list[int], seed: int) -> None:
    labels = torch.tensor([label for label, count in enumerate(counts) for _ in range(count)])
    view = View(
        model=nn.Identity(), images=labels, labels=labels, anatomy=seen(Stages(), 2).anatomy, seed=seed
    )
    one, other = halves(view, labels)
    assert sorted([*one.tolist(), *other.tolist()]) == list(range(len(labels)))
    ones, others = Counter(labels[one].tolist()), Counter(labels[other].tolist())
    assert all(abs(ones[label] - others[label]) <= 1 for label in range(len(counts)))
    assert all(torch.equal(a, b) for a, b in zip((one, other), halves(view, labels), strict=True))


def test_what_no_mean_tells_is_told_once_a_convolution_has_seen_it() -> None:
    """Classes differ in the direction of stripes of mean zero: the first stage's means know nothing of it."""
    model = Stages(channels=3)
    stripes = torch.tensor([[[1.0, -1], [1, -1]], [[1.0, 1], [-1, -1]], [[1.0, -1], [-1, 1]]])  # K 2 2
    with torch.no_grad():
        for layer in (model.one, model.two, model.three):
            layer.bias.zero_()
            layer.weight.zero_()
        for channel in range(3):
            model.one.weight[channel, channel, 1, 1] = 1  # hands the image on,
            model.one.bias[channel] = 4  # above zero
            model.two.weight[channel, 0, 1:, 1:] = stripes[channel]
            model.three.weight[channel, channel, 1, 1] = 1
    images = 90
    labels = torch.arange(images) % CLASSES
    generator = torch.Generator().manual_seed(1)
    sign = 1 - 2 * torch.randint(0, 2, (images, 1, 1, 1), generator=generator)
    x = 0.05 * torch.randn(images, 3, SIDE, SIDE, generator=generator)
    x += sign * stripes[labels][:, None].repeat(1, 1, SIDE // 2, SIDE // 2)
    found = told(view_of(model, x, labels))
    # of 90 guesses a third are right, give or take 0.05; two signs of a class's stripes are no line
    assert found["relu"] < 1 / 3 + 4 * 0.05
    assert found["relu:2"] > 0.6


def test_labels_that_have_nothing_to_do_with_the_images_are_read_out_at_chance() -> None:
    view = seen(Stages(channels=64), 300)  # enough channels for half of the images to be known by heart
    for place, value in told(view).items():
        assert value == pytest.approx(1 / 3, abs=4 * (2 / 9 / 300) ** 0.5), place  # 4 standard errors


@settings(max_examples=5)
@given(factors=st.lists(st.floats(0.01, 100), min_size=6, max_size=6), order=st.permutations(range(6)))
def test_the_scale_and_the_order_of_channels_do_not_matter(factors: list[float], order: list[int]) -> None:
    view = seen(Stages())
    changed = Stages()
    with torch.no_grad():
        changed.one.weight.mul_(torch.tensor(factors)[:, None, None, None])
        changed.one.bias.mul_(torch.tensor(factors))
        changed.one.weight.copy_(changed.one.weight.clone()[order])
        changed.one.bias.copy_(changed.one.bias.clone()[order])
    before, after = told(view)["relu"], told(view_of(changed, view.images, view.labels))["relu"]
    assert after == pytest.approx(before, abs=1 / 60 + 1e-9)  # an image on the border may change sides


def test_a_channel_that_is_constant_is_left_out() -> None:
    x = torch.tensor([[1.0, 0.0, 5.0], [3.0, 0.0, 5.0 + 1e-9]], dtype=torch.float64)
    mean, spread = scale(x)
    assert mean.tolist() == [2, 0, 5 + 5e-10]
    assert spread.tolist() == [1, float("inf"), float("inf")]
    dead = Stages()
    with torch.no_grad():
        dead.one.bias[0] = -1e3
        for layer in (dead.two, dead.three):
            layer.bias.fill_(-1e3)  # a stage that is dead altogether
    found = told(seen(dead))
    assert 0 < found["relu"] < 1
    assert found["relu:2"] == found["relu:3"] == pytest.approx(1 / 3)  # one answer for all


def test_one_image_is_no_two_halves() -> None:
    assert told(seen(Stages(), 1)) == {}
    assert len(told(seen(Stages(), 2))) == 3
