"""The Hessian's largest eigenvalue and trace: against the whole matrix, differences and formulas."""

import math
from collections.abc import Iterable
from copy import deepcopy
from functools import cache

import pytest
import torch
from curved_networks import CLASSES, exact, matrix, seen, small
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu, scaled_dot_product_attention
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from skipscope.probes import curvature
from skipscope.probes.base import Reading
from skipscope.probes.curvature import CURVATURE, DRAWS, hessian, largest, measure, signs
from skipscope.probes.measure import measure as in_fp32
from skipscope.probes.measure import view_of


def told(readings: Iterable[Reading]) -> dict[str, float]:
    found = list(readings)
    assert {reading.module for reading in found} == {None}
    return {reading.quantity: reading.value for reading in found}


VIEW = exact(seen(small()))


@cache
def whole() -> Tensor:
    """Its Hessian: not before a test asks for it, as every worker reads this file."""
    return matrix(VIEW)


def test_the_reference_is_of_a_network_that_can_be_written_out() -> None:
    assert whole().shape == (395, 395)
    assert torch.allclose(whole(), whole().T, atol=1e-10)
    values = torch.linalg.eigvalsh(whole())
    assert values[-1] > 1.2 * values[-2] > 0 > values[0]  # it is indefinite, and one stands out


@pytest.mark.parametrize("inplace", [True, False])
def test_products_are_those_with_the_whole_hessian(inplace: bool) -> None:
    product, size = hessian(exact(seen(small(inplace=inplace))))
    assert size == len(whole())
    generator = torch.Generator().manual_seed(2)
    for _ in range(3):
        v = torch.randn(size, generator=generator, dtype=torch.float64)
        assert torch.allclose(product(v), whole() @ v, rtol=1e-9, atol=1e-10)  # float64, two orders of sums


@pytest.mark.parametrize("room", [1, 30_000])
def test_a_graph_that_does_not_fit_is_made_in_parts(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curvature, "GRAPH", room)
    views: list[int] = []
    view = exact(seen(small()))
    view.model.register_forward_pre_hook(lambda _model, given: views.append(len(given[0])))
    product, size = hessian(view)
    views.clear()
    v = torch.randn(size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.allclose(product(v), whole() @ v, rtol=1e-9, atol=1e-10)  # float64, two orders of sums
    assert sum(views) == 20
    assert len(views) > 1


@pytest.mark.parametrize("images", [1, 2, 3])
def test_a_few_images_are_enough(images: int) -> None:
    """The graph is reckoned from those of two and of four images, where there are so many."""
    view = exact(seen(small(), images))
    product, size = hessian(view)
    v = torch.randn(size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.allclose(product(v), matrix(view) @ v, rtol=1e-9, atol=1e-10)  # float64, two orders of sums


class Exponential(nn.Linear):
    """Keeps what is as large as its weights, for any number of images."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight.exp(), self.bias)


def test_what_is_as_large_as_the_weights_is_counted_once_and_not_for_each_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 173 kB a time for the weights, some kB an image: 20 images fit, but not with the weights of each
    monkeypatch.setattr(curvature, "GRAPH", 2**20)
    views: list[int] = []
    view = seen(nn.Sequential(nn.Flatten(), Exponential(108, 400), nn.Tanh(), nn.Linear(400, CLASSES)))
    view.model.register_forward_pre_hook(lambda _model, given: views.append(len(given[0])))
    product, size = hessian(view)
    assert views == [2, 4, 20]
    assert torch.isfinite(product(torch.ones(size))).all()
    assert views == [2, 4, 20]  # the graph of all images was kept


def test_what_a_graph_keeps_is_counted_once_and_without_the_weights() -> None:
    x, w = torch.randn(1000, requires_grad=True), torch.randn(1000, requires_grad=True)
    # x * w keeps both; exp keeps its result, which the second product keeps, too: x and exp(x * w)
    assert curvature._kept(lambda: (x * w).exp() * x, [w]) == 2 * 4000


def test_products_are_differences_of_the_gradient() -> None:
    product, size = hessian(VIEW)
    v = torch.randn(size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    h, gradients = 1e-6, []
    for sign in (1, -1):
        model = deepcopy(VIEW.model)
        with torch.no_grad():
            vector_to_parameters(parameters_to_vector(model.parameters()) + sign * h * v, model.parameters())
        cross_entropy(model(VIEW.images), VIEW.labels).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    # an error of h squared, and of rounding over h; no ReLU has a kink within h
    assert torch.allclose(product(v), (gradients[0] - gradients[1]) / (2 * h), rtol=1e-4, atol=1e-6)


def test_readings_are_those_of_the_whole_hessian() -> None:
    found, view = told(measure(seen(small()))), seen(small())
    values = torch.linalg.eigvalsh(whole())
    # an error of at most residual^2 |e| / (distance to the next eigenvalue) (Rayleigh quotient), and fp32
    bound = found["top_residual"] ** 2 * values[-1] ** 2 / (values[-1] - values[-2])
    assert abs(found["top_eigenvalue"] - values[-1]) < bound + 1e-4 * values[-1]
    assert found["top_residual"] <= curvature.TOLERANCE
    assert 1 < found["iterations"] <= curvature.MOST_ITERATIONS
    draws = [signs(view, f"curvature trace {draw}", len(whole())).double() for draw in range(DRAWS)]
    estimates = torch.stack([draw @ whole() @ draw for draw in draws])
    spread = math.sqrt(((estimates - estimates.mean()) ** 2).sum().item() / (DRAWS - 1))
    assert found["trace"] == pytest.approx(estimates.mean().item(), rel=1e-4)  # fp32
    assert found["trace_error"] == pytest.approx(spread / math.sqrt(DRAWS), rel=1e-4)


def test_the_residual_is_how_far_it_is_from_an_eigenvalue() -> None:
    """A symmetric matrix has an eigenvalue within |H v - e v| of e, however early the search ended."""
    product, size = hessian(VIEW)
    values = torch.linalg.eigvalsh(whole())
    before = math.inf
    for most in (1, 2, 4, 8, 60):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(curvature, "MOST_ITERATIONS", most)
            patch.setattr(curvature, "TOLERANCE", 1e-9)
            top = largest(product, signs(VIEW, "curvature start", size))
        assert (values - top.value).abs().min() <= top.residual * abs(top.value) * (1 + 1e-9)
        assert top.residual < before
        before = top.residual
    assert top.value == pytest.approx(values[-1].item(), rel=1e-6)  # residual^2, and far less


def test_many_draws_come_to_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curvature, "DRAWS", 200)
    found, trace = told(measure(VIEW)), whole().trace().item()
    assert abs(found["trace"] - trace) < 4 * found["trace_error"]
    off = whole() - whole().diag().diag()
    # the variance of one estimate is 2 sum of the squares off the diagonal; of 200 it is known to a tenth
    wanted = math.sqrt(2 * off.square().sum().item() / 200)
    assert found["trace_error"] == pytest.approx(wanted, rel=0.2)


def test_of_a_softmax_regression_it_is_the_formula() -> None:
    """With weights of 0 all classes are as likely: H = (I/K - 1/K^2) (x) mean of x x^T."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 6 * 6, CLASSES))
    for weight in model.parameters():
        nn.init.zeros_(weight)
    view = exact(seen(model, 50))
    x = torch.cat([view.images.flatten(1), torch.ones(50, 1, dtype=torch.float64)], 1)
    moments = x.T @ x / 50
    found = told(measure(view))
    expected = torch.linalg.eigvalsh(moments)[-1].item() / CLASSES
    # the two eigenvalues of I/K - 1/K^2 that are not 0 are equal: residual^2 over the next distance is small
    assert found["top_eigenvalue"] == pytest.approx(expected, rel=0.01)
    trace = moments.trace().item() * (1 / CLASSES - 1 / CLASSES**2) * CLASSES
    assert abs(found["trace"] - trace) < 5 * found["trace_error"]  # 8 draws: Student's t has longer tails


class Attentive(nn.Module):
    """One head over four patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 6, 3, stride=3), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)[:, None].contiguous()  # of one head
        return self.head(scaled_dot_product_attention(tokens, tokens, tokens).mean((1, 2)))


def test_attention_has_a_curvature() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 3, 6, 6)
    readings = told(in_fp32(CURVATURE, view_of(Attentive(), x, torch.arange(4))))
    assert all(math.isfinite(value) for value in readings.values())


def test_a_plane_has_no_curvature() -> None:
    class Ignoring(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3 * 6 * 6, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            return 0 * self.fc(x.flatten(1))

    found = told(measure(seen(Ignoring())))
    assert found == {"top_eigenvalue": 0, "top_residual": 0, "iterations": 1, "trace": 0, "trace_error": 0}


def close(one: dict[str, float], other: dict[str, float]) -> bool:
    """Up to the tolerance of the search: a residual of 0.01 is an eigenvalue right to far less."""
    known = abs(one["top_eigenvalue"] - other["top_eigenvalue"]) < 1e-3 * abs(one["top_eigenvalue"])
    return known and one["top_residual"] <= curvature.TOLERANCE >= other["top_residual"]


@settings(max_examples=4)
@given(images=st.permutations(range(20)))
def test_the_order_of_images_and_how_often_all_are_there_does_not_matter(images: list[int]) -> None:
    view = seen(small())
    other = view_of(view.model, view.images[images], view.labels[images])
    twice = view_of(view.model, view.images[images * 2], view.labels[images * 2])
    before = told(measure(view))
    for each in (other, twice):
        found = told(measure(each))
        assert close(before, found)
        for quantity in ("trace", "trace_error"):  # the same signs; fp32 sums in another order
            assert found[quantity] == pytest.approx(before[quantity], rel=1e-3)


@settings(max_examples=4)
@given(order=st.permutations(range(4)))
def test_the_order_of_channels_does_not_matter(order: list[int]) -> None:
    view, turned = seen(small()), small()
    with torch.no_grad():
        bn = turned.bn
        outputs = [turned.conv1.weight, turned.conv1.bias, bn.weight, bn.bias, bn.running_mean]
        for values in (*outputs, bn.running_var, turned.conv2.weight, turned.gate.weight, turned.gate.bias):
            values.copy_(values.clone()[order])
        for values in (turned.conv2.weight, turned.gate.weight):
            values.copy_(values.clone()[:, order])
        turned.fc.weight.copy_(turned.fc.weight.clone().unflatten(1, (4, 9))[:, order].flatten(1))
    one, other = told(measure(view)), told(measure(seen(turned)))
    assert close(one, other)
    # other signs meet other weights: two estimates of the same trace
    apart = abs(one["trace"] - other["trace"])
    assert apart < 6 * math.hypot(one["trace_error"], other["trace_error"])


def test_one_seed_gives_the_same_readings_and_another_other_signs() -> None:
    first, again, other = (told(measure(seen(small(), seed=seed))) for seed in (0, 0, 1))
    assert first == again
    assert close(first, other)
    assert first["trace"] != other["trace"]
    drawn = signs(VIEW, "any", 1000)
    assert set(drawn.tolist()) == {1, -1}
    assert abs(drawn.sum()) < 4 * math.sqrt(1000)


def test_weights_that_were_frozen_count_and_shared_ones_count_once() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.fc = nn.Conv2d(3, 3, 1), nn.Linear(3, CLASSES)
            self.other = self.one

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.other(relu(self.one(x))).mean((2, 3)))

    torch.manual_seed(0)
    model = Shared()
    learning = told(measure(seen(model)))
    assert hessian(seen(model))[1] == 3 * 3 + 3 + 3 * CLASSES + CLASSES
    assert told(measure(seen(model.requires_grad_(False)))) == learning
