"""Correlations of input gradients against loops, planted gradients, and networks whose gradient is known."""

from collections.abc import Callable
from copy import deepcopy
from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from skipscope.data.dataset import load
from skipscope.models.registry import build
from skipscope.probes import shattering
from skipscope.probes.base import View
from skipscope.probes.measure import initial_rows, view_of
from skipscope.probes.shattering import LAGS, POINTS, autocorrelation, gradients_along, lines, measure
from skipscope.probes.untrained import normalised

SIDE, CLASSES = 6, 5
PIXELS = 3 * SIDE * SIDE
FP32 = 1e-5
"""Gradients are in fp32; their cosines are of a few dozen products each."""


def seen(model: nn.Module, images: int = 12, seed: int = 1) -> View:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(images, 3, SIDE, SIDE, generator=generator)
    return view_of(model, x, torch.arange(images) % CLASSES)


def told(view: View) -> dict[int | None, float]:
    """Autocorrelations by lag; without one, the norm of gradients along the line."""
    return {reading.lag: reading.value for reading in measure(view)}


def by_loops(gradients: NDArray[np.float64], lag: int) -> float:
    """T D."""
    cosines = []
    for point in range(len(gradients) - lag):
        one, other = gradients[point], gradients[point + lag]
        cosines.append(sum(one * other) / (sqrt(sum(one**2)) * sqrt(sum(other**2))))
    return sum(cosines) / len(cosines)


@pytest.mark.parametrize("lag", [1, 3, 6])
def test_autocorrelation_is_the_mean_cosine_by_loops(lag: int) -> None:
    gradients = np.random.default_rng(0).normal(0.3, 1, (7, 11))
    found = autocorrelation(torch.from_numpy(gradients), lag)
    assert found == pytest.approx(by_loops(gradients, lag), rel=1e-12)  # both in double precision


def test_gradients_that_fade_are_not_therefore_shattered() -> None:
    gradients = torch.randn(20, 7, generator=torch.Generator().manual_seed(0)).cumsum(0)
    # fp32's smallest, and only their rounding between the two
    assert autocorrelation(1e-36 * gradients, 1) == pytest.approx(autocorrelation(gradients, 1), abs=FP32)


class Given(torch.autograd.Function):
    """Logits of 0 whose gradient by the images is what was planted."""

    @staticmethod
    def forward(ctx, x: Tensor, gradients: Tensor) -> Tensor:
        ctx.save_for_backward(gradients)
        return x.new_zeros(len(x), CLASSES)

    @staticmethod
    def backward(ctx, _: Tensor) -> tuple[Tensor, None]:
        (gradients,) = ctx.saved_tensors
        return gradients, None


class Planted(nn.Module):
    """Other gradients a line: `draw` makes T 3 H W."""

    def __init__(self, draw: Callable[[torch.Generator], Tensor]) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.draw, self.generator = draw, torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Tensor:
        if len(x) < POINTS:  # when its anatomy is looked at
            return self.layer(x[:, 0, 0, :2])
        return Given.apply(x, self.draw(self.generator))  # type: ignore[no-any-return, no-untyped-call]


SHAPE = (POINTS, 3, 16, 16)
NUMBERS = 3 * 16 * 16


def planted(draw: Callable[[torch.Generator], Tensor]) -> dict[str, float]:
    x = torch.randn(12, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return told(View(model=Planted(draw), images=x, labels=torch.arange(12) % CLASSES, anatomy=NONE))


NONE = seen(nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, CLASSES))).anatomy


def test_white_noise_is_shattered() -> None:
    found = planted(lambda generator: torch.randn(SHAPE, generator=generator))
    for lag in LAGS:
        # a cosine of two random directions has standard deviation 1/sqrt(D); their mean over lines and points
        # has less, by the root of their number
        pairs = shattering.LINES * (POINTS - lag)
        assert found[lag] == pytest.approx(0, abs=4 / sqrt(NUMBERS * pairs))
    assert found[None] == pytest.approx(sqrt(NUMBERS), rel=0.01)  # 4 x 64 norms, each known to 2.6 %


def test_brownian_gradients_decay_as_brownian_motion_does() -> None:
    found = planted(lambda generator: torch.randn(SHAPE, generator=generator).cumsum(0))
    for lag in LAGS:
        expected = np.mean([sqrt(point / (point + lag)) for point in range(1, POINTS + 1 - lag)])
        # of D numbers a cosine is known to about 1/sqrt(D) = 0.036; neighbours on a path go together
        assert found[lag] == pytest.approx(expected, abs=0.036)


def test_a_gradient_that_dies_counts_as_unlike_any_other() -> None:
    def half(generator: torch.Generator) -> Tensor:
        gradients = torch.ones(SHAPE)
        gradients[POINTS // 2 :] = 0
        return gradients

    found = planted(half)
    for lag in LAGS:
        assert found[lag] == pytest.approx(max(0, POINTS // 2 - lag) / (POINTS - lag))
    assert found[None] == pytest.approx(sqrt(NUMBERS) / 2)


def test_a_linear_network_is_not_shattered_at_all() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * SIDE * SIDE, CLASSES))
    view = seen(model)
    found = told(view)
    assert [found[lag] for lag in LAGS] == pytest.approx([1] * len(LAGS), abs=FP32)
    rows = torch.autograd.functional.jacobian(lambda x: model(x)[0], view.images[:1])[:, 0]  # K 3 H W
    expected = [rows[label].norm().item() for _, label in lines(view)]
    assert found[None] == pytest.approx(np.mean(expected), rel=FP32)


class Quadratic(nn.Module):
    """Every logit is half the squares of the pixels: its gradient is the image. In place, as some are."""

    def forward(self, x: Tensor) -> Tensor:
        x *= 1
        return x.square_().sum((1, 2, 3))[:, None].expand(-1, CLASSES) / 2


def test_the_whole_measurement_is_that_of_a_network_whose_gradient_is_the_image() -> None:
    x = torch.randn(12, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    view = View(model=Quadratic(), images=x, labels=torch.arange(12) % CLASSES, anatomy=NONE)
    before, found = x.clone(), told(view)
    order = torch.randperm(12, generator=view.generator("shattering")).tolist()
    assert len(order) >= 2 * shattering.LINES
    paths = []
    for pair in range(shattering.LINES):
        one, other = (x[order[2 * pair + end]].double().flatten().numpy() for end in (0, 1))
        path = [one + (other - one) * point / (POINTS - 1) for point in range(POINTS)]
        paths.append(np.array(path))
    for lag in LAGS:
        expected = np.mean([by_loops(path, lag) for path in paths])
        assert found[lag] == pytest.approx(expected, abs=FP32)
    norms = [np.sqrt((point**2).sum()) for path in paths for point in path]
    assert found[None] == pytest.approx(np.mean(norms), rel=FP32)
    assert torch.equal(x, before)  # though the network overwrites what it is given


class Smooth(nn.Sequential):
    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(
            nn.Conv2d(3, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(4 * SIDE * SIDE, CLASSES),
        )


def test_gradients_are_those_of_finite_differences() -> None:
    model = Smooth().double().eval()
    points = torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found, step = gradients_along(model, points, 2), 1e-5
    for point, channel, row, column in [(0, 0, 0, 0), (1, 2, 3, 4), (2, 1, 5, 5)]:
        nudge = torch.zeros_like(points[point])
        nudge[channel, row, column] = step
        with torch.no_grad():
            high, low = (model((points[point] + sign * nudge)[None])[0, 2] for sign in (1, -1))
        # the error of central differences is of the order of the squared step
        assert found[point, channel, row, column] == pytest.approx(
            ((high - low) / (2 * step)).item(), rel=1e-6
        )


def test_points_of_a_line_know_nothing_of_each_other() -> None:
    view = seen(Smooth())
    points, label = next(lines(view))
    model = normalised(view.model, view.images)
    together = gradients_along(model, points, label)
    alone = torch.cat([gradients_along(model, point[None], label) for point in points])
    assert torch.allclose(together, alone, atol=1e-6)  # batches of another size add up in another order


def test_lines_go_from_image_to_image_in_even_steps_and_are_every_network_s() -> None:
    view, other = seen(Smooth(), 9), seen(nn.Flatten(), 9)
    ends = []
    for (points, label), (same, again) in zip(lines(view), lines(other), strict=True):
        assert torch.equal(points, same)
        assert label == again
        steps = points.diff(dim=0)
        assert torch.allclose(steps, steps[:1].expand_as(steps), atol=1e-6)  # rounding of images of size 1
        found = [(view.images == end).flatten(1).all(1).nonzero().item() for end in points[[0, -1]]]
        assert label == found[0] % CLASSES
        ends += found
    assert len(ends) == len(set(ends)) == 2 * shattering.LINES
    assert [len(list(lines(seen(Smooth(), images)))) for images in (1, 2, 5)] == [0, 1, 2]
    assert not told(seen(Smooth(), 1))


def test_an_untrained_batchnorm_computes_with_the_sample_and_a_trained_one_as_it_is() -> None:
    view = seen(Smooth())
    before = {name: value.clone() for name, value in view.model.state_dict().items()}
    found = told(view)
    assert all(torch.equal(value, before[name]) for name, value in view.model.state_dict().items())
    by_hand = deepcopy(view.model)
    with torch.no_grad():
        maps = by_hand[0](view.images)
        by_hand[1].running_mean.copy_(maps.mean((0, 2, 3)))
        by_hand[1].running_var.copy_(maps.var((0, 2, 3), correction=1))
        by_hand[1].num_batches_tracked.fill_(1)  # trained, as far as anybody can tell
    expected = told(view_of(by_hand, view.images, view.labels))
    assert found == pytest.approx(expected, rel=1e-4)  # means and variances of fp32 maps, in another order
    by_hand[1].running_var.mul_(4)
    assert told(view_of(by_hand, view.images, view.labels))[None] < 0.8 * found[None]


@settings(max_examples=10)
@given(scale=st.floats(1e-3, 1e3), order=st.permutations(range(3)))
def test_the_scale_of_the_logits_and_the_order_of_colours_do_not_matter(
    scale: float, order: list[int]
) -> None:
    view = seen(Smooth())
    changed = deepcopy(view.model)
    with torch.no_grad():
        changed[0].weight.copy_(changed[0].weight.clone()[:, order])
        changed[4].weight.mul_(scale)
        changed[4].bias.mul_(scale)
    before, after = told(view), told(view_of(changed, view.images[:, order], view.labels))
    for lag in LAGS:
        assert after[lag] == pytest.approx(before[lag], abs=1e-4)  # fp32, in another order
    assert after[None] == pytest.approx(scale * before[None], rel=1e-4)


def test_shortcuts_keep_gradients_from_shattering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shattering, "LINES", 1)
    monkeypatch.setattr(shattering, "IMAGES", 64)
    chosen = load("shapes").validation.stratified(64)
    images, labels = chosen.take(np.arange(64))
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
    for seed in range(2):
        plain, residual = (
            told(view_of(build(name, seed=seed), x, labels)) for name in ("plain20", "resnet20")
        )
        for lag in (1, 2, 4):  # white noise is 0, and further on both are near it
            assert residual[lag] > plain[lag] + 0.3, (seed, lag)


def test_it_is_measured_before_the_first_step() -> None:
    rows = [row for row in initial_rows(seen(Smooth())).rows if row["probe"] == "shattering"]
    assert [row.get("lag") for row in rows] == [*LAGS, None]
    assert all(isinstance(row["value"], float) for row in rows)
