"""Convolutions by matrix products against the stock ones: values, gradients and second gradients."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_up_tensors import value_and_gradients
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d

from skipscope.kernels.convolution import PRODUCT_CHANNELS
from skipscope.kernels.fast import fast

CASES = st.fixed_dictionaries(
    {
        "side": st.tuples(st.integers(1, 6), st.integers(1, 6)),
        "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
        "inputs": st.sampled_from([1, 3, PRODUCT_CHANNELS]),
        "bias": st.booleans(),
        "layout": st.sampled_from([torch.contiguous_format, torch.channels_last]),
    }
)
ONE = {
    "side": (1, 1),
    "kernel": (3, 3),
    "stride": (1, 1),
    "padding": (1, 1),
    "inputs": 3,
    "bias": False,
    "layout": torch.channels_last,
}
"""The last maps of `resnet`: 3x3 on one pixel."""
FOUR = ONE | {"side": (2, 2)}
DOWN = ONE | {"side": (4, 4), "stride": (2, 2), "inputs": PRODUCT_CHANNELS, "bias": True}
POINT = DOWN | {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0)}


def given_case(case: dict, dtype: torch.dtype) -> tuple[Callable[..., Tensor], list[Tensor]]:
    """A convolution and its tensors, the same whenever it is called with the same case."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, case["inputs"], *case["side"], generator=draw, dtype=dtype)
    weight = torch.randn(5, case["inputs"], *case["kernel"], generator=draw, dtype=dtype)
    tensors = [x.to(memory_format=case["layout"]), weight.to(memory_format=case["layout"])]
    if case["bias"]:
        tensors.append(torch.randn(5, generator=draw, dtype=dtype))
    how = {"stride": case["stride"], "padding": case["padding"]}
    return lambda *t: conv2d(*t, **how), [t.requires_grad_() for t in tensors]


def possible(case: dict) -> bool:
    return all(k <= s + 2 * p for k, s, p in zip(case["kernel"], case["side"], case["padding"], strict=True))


@given(CASES.filter(possible))
@example(ONE)
@example(FOUR)
@example(DOWN)
@example(POINT)
@settings(max_examples=150)
def test_convolution_is_the_stock_one(case: dict) -> None:
    f, tensors = given_case(case, torch.float64)
    stock = value_and_gradients(f, tensors)
    with fast():
        ours = value_and_gradients(f, tensors)
    for mine, theirs in zip(ours, stock, strict=True):
        assert mine.shape == theirs.shape
        # sums of at most a few hundred terms of size 1 in another order: 1e-13; what is wrong is wrong by 0.1
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", [ONE, FOUR, DOWN, POINT], ids=["1x1", "2x2", "stride 2", "1x1 kernel"])
def test_convolution_in_bf16(case: dict) -> None:
    f, tensors = given_case(case, torch.float32)
    exact = value_and_gradients(f, tensors)
    with torch.autocast("cpu", torch.bfloat16):
        stock = value_and_gradients(f, tensors)
        with fast():
            ours = value_and_gradients(f, tensors)
    for mine, theirs, true in zip(ours, stock, exact, strict=True):
        assert mine.dtype == theirs.dtype
        # eight bits of mantissa: each factor and the result are off by up to 2^-9 of themselves
        size = true.abs().max()
        assert (mine - true).abs().max() <= 2**-6 * size
        assert (theirs - true).abs().max() <= 2**-6 * size


@pytest.mark.parametrize("case", [ONE, FOUR, DOWN, POINT], ids=["1x1", "2x2", "stride 2", "1x1 kernel"])
def test_first_and_second_gradients_against_finite_differences(case: dict) -> None:
    f, tensors = given_case(case | {"inputs": min(case["inputs"], 16)}, torch.float64)
    with fast():
        assert gradcheck(f, tensors, fast_mode=True)
        assert gradgradcheck(f, tensors, fast_mode=True)


@pytest.mark.parametrize(
    "how",
    [{"groups": 3}, {"dilation": 2}, {"padding": "same"}, {"padding": "valid"}, {"padding": 3}],
    ids=str,
)
def test_what_is_not_ours_is_left_to_the_stock_operator(how: dict) -> None:
    x = torch.randn(2, 3, 5, 5)
    weight = torch.randn(6, 3 // how.get("groups", 1), 3, 3)
    with fast():
        assert torch.equal(conv2d(x, weight, **how), torch.conv2d(x, weight, **how))


def test_a_single_image_without_a_batch() -> None:
    x, weight = torch.randn(3, 1, 1), torch.randn(6, 3, 3, 3)
    with fast():
        assert torch.equal(conv2d(x, weight, padding=1), torch.conv2d(x, weight, padding=1))


def test_errors_are_the_stock_operators() -> None:
    with fast(), pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        conv2d(torch.randn(1, 3, 2, 2), torch.randn(4, 3, 5, 5))
