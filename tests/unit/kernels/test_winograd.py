"""Winograd's convolution against the stock one: values, and gradients up to the third."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_up_tensors import value_and_gradients
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d

from skipscope.kernels import winograd as ours

CASES = st.fixed_dictionaries(
    {
        "batch": st.integers(1, 3),
        "inputs": st.sampled_from([8, 16, 40]),
        "outputs": st.sampled_from([8, 16, 40]),
        "sides": st.sampled_from(
            [(side, other, 1) for side, other in product([2, 4, 8, 12], repeat=2)]
            + [(side, other, 2) for side, other in product([4, 8, 16], repeat=2)]
        ),
        "bias": st.booleans(),
        "layout": st.sampled_from([torch.contiguous_format, torch.channels_last]),
    }
)
ONE_TILE = {
    "batch": 2,
    "inputs": 8,
    "outputs": 16,
    "sides": (4, 4, 1),
    "bias": True,
    "layout": torch.channels_last,
}
WHOLE_MAP = ONE_TILE | {"sides": (2, 2, 1)}
TWO_KINDS = ONE_TILE | {"sides": (2, 8, 1), "layout": torch.contiguous_format}
WIDE = ONE_TILE | {"sides": (12, 4, 1)}
TWO_BY_ONE = ONE_TILE | {"sides": (8, 4, 1), "bias": False, "layout": torch.contiguous_format}

STRIDED = ONE_TILE | {"sides": (16, 8, 2)}
STRIDED_PAIR = ONE_TILE | {"sides": (4, 4, 2), "inputs": 16, "outputs": 8}
STRIDED_OF_BOTH = ONE_TILE | {"sides": (8, 4, 2), "layout": torch.contiguous_format}


def tensors(case: dict, dtype: torch.dtype) -> list[Tensor]:
    """The tensors of a case, always the same."""
    draw = torch.Generator().manual_seed(0)
    *sides, _ = case["sides"]
    x = torch.randn(case["batch"], case["inputs"], *sides, generator=draw, dtype=dtype)
    weight = torch.randn(case["outputs"], case["inputs"], 3, 3, generator=draw, dtype=dtype)
    both = [x.to(memory_format=case["layout"]), weight.to(memory_format=case["layout"])]
    bias = [torch.randn(case["outputs"], generator=draw, dtype=dtype)] * case["bias"]
    return [tensor.requires_grad_() for tensor in (*both, *bias)]


def stock(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1) -> Tensor:
    return conv2d(x, weight, bias, stride, padding=1)


def of_winograd(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1) -> Tensor:
    return ours._Winograd.apply(x, weight, bias, ours.tiles_for(x, stride))


def both(case: dict) -> list[Callable[..., Tensor]]:
    """Ours and the stock operator, with the case's stride."""
    return [partial(f, stride=case["sides"][2]) for f in (of_winograd, stock)]


@given(CASES)
@example(ONE_TILE)
@example(WHOLE_MAP)
@example(TWO_KINDS)
@example(WIDE)
@example(TWO_BY_ONE)
@example(STRIDED)
@example(STRIDED_PAIR)
@example(STRIDED_OF_BOTH)
@settings(max_examples=60)
def test_it_is_the_stock_convolution(case: dict) -> None:
    given = tensors(case, torch.float64)
    pairs = zip(*(value_and_gradients(f, given) for f in both(case)), strict=True)
    for mine, theirs in pairs:
        assert mine.shape == theirs.shape
        # transforms multiply by up to 8, twice, and divide again: 1e-13; what is wrong is wrong by 0.1
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("side", "stride"), [(2, 1), (4, 1), (8, 1), (16, 1), (4, 2), (8, 2), (16, 2)])
def test_rounding_in_fp32(side: int, stride: int) -> None:
    """Some five times the stock operator's, which is still far below the noise of a batch's gradient."""
    case = {"batch": 16, "inputs": 64, "outputs": 64, "sides": (side, side, stride), "bias": True}
    given = tensors(case | {"layout": torch.channels_last}, torch.float32)
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    winograds, stocks = both(case)
    pairs = zip(value_and_gradients(winograds, given), value_and_gradients(stocks, exact), strict=True)
    for mine, true in pairs:
        # measured 4e-6 to 8e-6 of the largest value; 2^-24 is 6e-8, and a wrong factor is 0.1 and more
        assert (mine - true).abs().max() < 3e-5 * true.abs().max()


CASE_BY_NAME = {
    "4x4": ONE_TILE,
    "2x2": WHOLE_MAP,
    "2x8": TWO_KINDS,
    "12x4": WIDE,
    "8x4": TWO_BY_ONE,
    "16x8 to 8x4": STRIDED,
    "4x4 to 2x2": STRIDED_PAIR,
    "8x4 to 4x2": STRIDED_OF_BOTH,
}


@pytest.mark.parametrize("case", CASE_BY_NAME.values(), ids=CASE_BY_NAME)
def test_first_and_second_gradients_against_finite_differences(case: dict) -> None:
    given = tensors(case, torch.float64)
    winograds, _ = both(case)
    assert gradcheck(winograds, given, fast_mode=True)
    assert gradgradcheck(winograds, given, fast_mode=True)


@pytest.mark.parametrize("of", [[0], [1], [2], [0, 2]], ids=["x", "weight", "bias", "x and bias"])
def test_second_gradients_of_some(of: list[int]) -> None:
    def second(f: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        given = tensors(ONE_TILE, torch.float64)
        y = f(*given)
        along = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
        along.requires_grad_()
        gradients = torch.autograd.grad(y, [given[i] for i in of], along, create_graph=True)
        total = sum(gradient.square().sum() for gradient in gradients)
        return torch.autograd.grad(total, [*given[:2], along], allow_unused=True, materialize_grads=True)

    for mine, theirs in zip(second(of_winograd), second(stock), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)  # as above


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
def test_the_output_has_the_inputs_layout(layout: torch.memory_format) -> None:
    x, weight = tensors(ONE_TILE | {"layout": layout, "bias": False}, torch.float64)
    y = ours.convolution(x, weight, padding=1)
    assert "_Winograd" in f"{y.grad_fn} {y.grad_fn.next_functions}"
    assert y.is_contiguous(memory_format=layout)
    of_x, of_weight = torch.autograd.grad(y.sum(), [x, weight])
    assert of_x.is_contiguous(memory_format=layout)
    assert torch.allclose(of_weight, torch.autograd.grad(stock(x, weight).sum(), weight)[0], atol=1e-4)


@pytest.mark.parametrize("case", [WIDE, WHOLE_MAP, STRIDED_OF_BOTH], ids=["tiles", "whole map", "stride 2"])
def test_third_gradients(case: dict) -> None:
    """Gradients of a sum of squared gradients, twice over, as a penalty on curvature would need."""
    values = []
    for f in both(case):
        x, weight, bias = tensors(case, torch.float64)
        (first,) = torch.autograd.grad(f(x, weight, bias).pow(3).sum(), weight, create_graph=True)
        (second,) = torch.autograd.grad(first.pow(2).sum(), x, create_graph=True)
        values.append(torch.autograd.grad(second.pow(2).sum(), [x, weight, bias]))
    for mine, theirs in zip(*values, strict=True):
        # in float64, through nine convolutions: far above their rounding, far below any mistake
        assert (mine - theirs).abs().max() < 1e-9 * theirs.abs().max()


def test_what_needs_no_gradient_gets_none() -> None:
    x, weight, bias = tensors(ONE_TILE, torch.float64)
    (alone,) = torch.autograd.grad(of_winograd(x.detach(), weight, bias.detach()).sum(), weight)
    assert torch.allclose(alone, torch.autograd.grad(stock(x, weight, bias).sum(), weight)[0])
    (alone,) = torch.autograd.grad(of_winograd(x, weight.detach()).sum(), x)
    assert torch.allclose(alone, torch.autograd.grad(stock(x, weight).sum(), x)[0])
