"""The loss around a network: against weights moved by hand, and what filter normalisation is for."""

import math
from copy import deepcopy
from functools import cache
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from told import told
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.landscape import LANDSCAPE, LINE, PLANE, at, direction, measure
from skipscope.probes.measure import measure as in_fp32
from skipscope.probes.measure import view_of

CLASSES = 3


class Small(nn.Module):
    """Three convolutions, BatchNorm behind the first two, a ReLU in place and a functional one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, groups=2, bias=False), nn.BatchNorm2d(4)
        self.conv3, self.fc = nn.Conv2d(4, 5, 1), nn.Linear(5, CLASSES)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = relu(self.bn2(self.conv2(x)))
        return self.fc(self.relu(self.conv3(x)).mean((2, 3)))


def small() -> Small:
    """With BatchNorms whose statistics are those of the sample, as a trained network's are."""
    torch.manual_seed(0)
    model = Small()
    for bn in (model.bn1, model.bn2):
        bn.eps = 1e-12  # rescaled filters are the same function but for it
        bn.momentum = None  # the mean over what was seen
    with torch.no_grad():
        model.train()(seen_images(60))
    return model.eval()


def seen_images(number: int) -> Tensor:
    return torch.randn(number, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def seen(model: nn.Module, images: int = 20, seed: int = 0) -> View:
    return view_of(model, seen_images(images), torch.arange(images) % CLASSES, seed=seed)


def by_hand(view: View, which: str) -> dict[str, Tensor]:
    """The direction: filter by filter, from the draws."""
    steps = {}
    for name, weight in view.model.named_parameters():
        step = torch.randn(weight.shape, generator=view.generator(f"landscape {which} {name}"))
        for place in range(len(weight)):
            length = math.sqrt(sum(value**2 for value in weight[place].flatten().tolist()))
            own = math.sqrt(sum(value**2 for value in step[place].flatten().tolist()))
            step[place] *= length / own
        # biases, and BatchNorm's scales and shifts, stay where they are
        steps[name] = step if name in WEIGHTS else torch.zeros_like(weight)
    return steps


WEIGHTS = ("conv1.weight", "conv2.weight", "conv3.weight", "fc.weight")


def moved(view: View, *steps: tuple[float, dict[str, Tensor]]) -> tuple[float, float]:
    """Loss and accuracy of a copy whose weights were moved."""
    model = deepcopy(view.model)
    with torch.no_grad():
        for distance, step in steps:
            for name, weight in model.named_parameters():
                weight.add_(step[name], alpha=distance)
        logits = model(view.images)
    right = (logits.argmax(1) == view.labels).double().mean()
    return cross_entropy(logits.double(), view.labels).item(), right.item()


def test_line_and_plane_are_those_of_weights_moved_by_hand() -> None:
    view = seen(small())
    found, one, other = told(measure(view)), by_hand(view, "a"), by_hand(view, "b")
    assert len(found) == 2 * 13 + 7 * 7
    for a in LINE:
        loss, accuracy = moved(view, (a, one))
        assert found["loss", a] == pytest.approx(loss, rel=1e-5)  # fp32 sums in another order
        assert found["accuracy", a] == accuracy
    for a, b in product(PLANE, PLANE):
        loss, _ = moved(view, (a, one), (b, other))
        assert found["loss", a, b] == pytest.approx(loss, rel=1e-5)


def test_a_point_was_measured_exactly_where_its_name_says() -> None:
    found = told(measure(seen(small(), 3)))
    line = [key[1] for key in found if key[0] == "loss" and len(key) == 2]
    plane = [key[1:] for key in found if len(key) == 3]
    assert line == LINE
    assert plane == list(product(PLANE, PLANE))
    assert line == [-distance for distance in reversed(line)]
    assert len(line) == 13
    assert (min(plane), max(plane), len(plane)) == ((-0.5, -0.5), (0.5, 0.5), 49)


def test_line_and_plane_meet_at_the_trained_weights() -> None:
    view = seen(small())
    found = told(measure(view))
    intact, _ = moved(view)
    assert found["loss", 0] == found["loss", 0, 0] == pytest.approx(intact, rel=1e-6)
    # and along the line, where both went
    assert found["loss", 0.5] == pytest.approx(found["loss", 0.5, 0], rel=1e-6)


def test_the_slope_at_the_weights_is_the_gradient_times_the_direction() -> None:
    view = seen(small())
    exact = View(
        model=view.model.double(), images=view.images.double(), labels=view.labels, anatomy=view.anatomy
    )
    step = {name: by.double() for name, by in direction(view, "a").items()}
    cross_entropy(exact.model(exact.images), exact.labels).backward()
    weights = dict(exact.model.named_parameters())
    slope = sum((weights[name].grad * by).sum().item() for name, by in step.items())
    h = 1e-5
    ends = [at(exact, {name: sign * h * by for name, by in step.items()})[0] for sign in (1, -1)]
    # central differences in float64: an error of h squared, and of rounding over h; ReLUs may have a kink
    assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(slope, rel=1e-5)


def test_every_filter_of_a_direction_is_as_long_as_the_networks_own() -> None:
    view = seen(small())
    weights, steps = dict(view.model.named_parameters()), direction(view, "a")
    assert set(steps) == set(WEIGHTS)
    for name, step in steps.items():
        assert step.shape == weights[name].shape
        lengths, own = (values.flatten(1).norm(dim=1) for values in (step, weights[name]))
        assert torch.allclose(lengths, own, rtol=1e-5)  # fp32


def test_a_filter_of_zeros_stays_one() -> None:
    model = small()
    with torch.no_grad():
        model.conv1.weight[2].zero_()
    step = direction(seen(model), "a")["conv1.weight"]
    assert not step[2].any()
    assert step[1].any()


def rescaled(model: Small, factors: list[float]) -> Small:
    """The same function from filters of other lengths: BatchNorm takes back what they are multiplied by."""
    other = deepcopy(model)
    c = torch.tensor(factors)
    with torch.no_grad():
        other.conv1.weight.mul_(c[:, None, None, None])
        other.conv1.bias.mul_(c)
        other.bn1.running_mean.mul_(c)
        other.bn1.running_var.mul_(c.square())
        # behind the last convolution a ReLU, and a layer that can take the factor back
        other.conv3.weight.mul_(factors[0])
        other.conv3.bias.mul_(factors[0])
        other.fc.weight.div_(factors[0])
    return other


@cache
def intact() -> dict[tuple[str, str], float]:
    return told(measure(seen(small())))


@settings(max_examples=5)
@given(factors=st.lists(st.floats(0.1, 10), min_size=4, max_size=4))
def test_a_network_with_larger_filters_does_not_look_flatter(factors: list[float]) -> None:
    before, after = intact(), told(measure(seen(rescaled(small(), factors))))
    assert before.keys() == after.keys()
    for key, value in before.items():
        if key[0] == "loss":
            # the same numbers times a factor: rounded elsewhere, in fp32, layer by layer
            assert after[key] == pytest.approx(value, rel=2e-4)


def test_without_normalisation_it_would() -> None:
    """What the test above would not see if directions were as long in every network."""
    model = small()
    losses = []
    for each in (model, rescaled(model, [10.0] * 4)):
        view = seen(each)
        steps = {name: torch.randn(w.shape, generator=view.generator(name)) for name, w in weights_of(each)}
        losses.append(at(view, {name: 0.3 * step for name, step in steps.items()})[0])
    assert abs(losses[1] / losses[0] - 1) > 0.05


def weights_of(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [(name, weight) for name, weight in model.named_parameters() if name in WEIGHTS]


def test_one_seed_gives_one_direction_and_two_that_differ() -> None:
    view, again, other = seen(small()), seen(small()), seen(small(), seed=1)
    steps = direction(view, "a")
    for name in WEIGHTS:
        assert torch.equal(steps[name], direction(again, "a")[name])
        for different in (direction(view, "b"), direction(other, "a")):
            cosine = torch.cosine_similarity(steps[name].flatten(), different[name].flatten(), dim=0)
            assert abs(cosine) < 0.99


def test_networks_that_share_layers_are_moved_the_same_way_in_them() -> None:
    views = [seen(build(name)) for name in ("plain8", "se_resnet8")]
    steps = [direction(view, "a") for view in views]
    shared = steps[0].keys() & steps[1].keys()
    assert shared == steps[0].keys()  # the gated network has more
    for name in shared:
        one, other = (step[name].flatten(1) for step in steps)
        # of a filter the way is the same; how far depends on how long the network's own is
        assert torch.allclose(torch.cosine_similarity(one, other), torch.ones(len(one)), atol=1e-5)


@settings(max_examples=5)
@given(images=st.permutations(range(20)))
def test_the_order_of_images_does_not_matter(images: list[int]) -> None:
    view = seen(small())
    before, after = intact(), told(measure(view_of(view.model, view.images[images], view.labels[images])))
    assert all(after[key] == pytest.approx(value, rel=1e-5) for key, value in before.items())  # fp32 sums


@settings(max_examples=10)
@given(order=st.permutations(range(5)), a=st.floats(-1, 1))
def test_channels_in_another_order_with_their_steps_are_the_same_network(order: list[int], a: float) -> None:
    view = seen(small())
    turned, step = deepcopy(view.model), direction(view, "a")
    by = {"conv3.weight": (order,), "conv3.bias": (order,), "fc.weight": (slice(None), order)}
    with torch.no_grad():
        for name, weight in turned.named_parameters():
            if name in by:
                weight.copy_(weight.clone()[by[name]])
    other = view_of(turned, view.images, view.labels)
    expected = at(view, {name: a * each for name, each in step.items()})
    found = at(other, {name: a * (each[by[name]] if name in by else each) for name, each in step.items()})
    assert found[0] == pytest.approx(expected[0], rel=1e-5)  # fp32 sums in another order
    old, new = (each["conv3.weight"].flatten(1).norm(dim=1) for each in (step, direction(other, "a")))
    assert torch.allclose(old[order], new, rtol=1e-5)


def test_shared_weights_are_moved_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.one, self.fc = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Linear(4, CLASSES)
            self.other = self.one

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.other(relu(self.one(self.stem(x)))).mean((2, 3)))

    torch.manual_seed(0)
    view = seen(Twice())
    steps = direction(view, "a")
    assert set(steps) == {"stem.weight", "one.weight", "fc.weight"}
    zeros = {name: torch.zeros_like(w) for name, w in view.model.named_parameters()}
    loss, _ = moved(view, (0.5, {**zeros, **steps}))  # a copy shares as the network does
    assert told(measure(view))["loss", 0.5] == pytest.approx(loss, rel=1e-5)


def test_a_loss_that_is_not_a_number_is_a_missing_one() -> None:
    class Bursting(Small):
        def forward(self, x: Tensor) -> Tensor:
            return torch.exp(1e4 * super().forward(x).square())

    torch.manual_seed(0)
    rows = [reading.row() for reading in in_fp32(LANDSCAPE, seen(Bursting()))]
    (far,) = (row for row in rows if row["quantity"] == "loss" and row["alpha"] == 1)
    assert far["value"] is None
    assert all(row["value"] is None or math.isfinite(row["value"]) for row in rows)
