"""Winograd's convolution for channels that do not fill vectors, against the stock one."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch
from made_up_tensors import value_and_gradients
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d

from skipscope.kernels import reductions
from skipscope.kernels import winograd as ours

CASES = {
    "both": {"x": (2, 13, 8, 4), "outputs": 28, "stride": 1},
    "inputs": {"x": (2, 12, 4, 4), "outputs": 16, "stride": 1},
    "outputs": {"x": (2, 16, 4, 4), "outputs": 12, "stride": 1},
    "stride 2": {"x": (2, 12, 8, 8), "outputs": 19, "stride": 2},
    "2x2": {"x": (2, 12, 2, 2), "outputs": 12, "stride": 1},
}
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def tensors(case: dict, layout: torch.memory_format, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    shapes = case["x"], (case["outputs"], case["x"][1], 3, 3)
    maps = [torch.randn(shape, generator=draw, dtype=dtype).to(memory_format=layout) for shape in shapes]
    return [each.requires_grad_() for each in (*maps, torch.randn(case["outputs"], generator=draw).to(dtype))]


def of_winograd(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    with ours.winograd_any():
        y = conv2d(x, weight, bias, stride, padding=1)
    assert "_Winograd" in f"{y.grad_fn} {y.grad_fn.next_functions}"
    return y


@pytest.fixture
def two_threads() -> Iterator[Callable[[], None]]:
    def begin() -> None:
        reductions.set_reduction_threads(1)
        torch.set_num_threads(2)

    yield begin
    reductions.set_reduction_threads(None)
    torch.set_num_threads(1)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_the_stock_convolution_on_any_number_of_threads(
    case: dict, layout: torch.memory_format, two_threads: Callable[[], None]
) -> None:
    given, stride = tensors(case, layout), case["stride"]
    stock = partial(conv2d, stride=stride, padding=1)
    theirs, mine = (value_and_gradients(f, given) for f in (stock, partial(of_winograd, stride=stride)))
    for one, other in zip(mine, theirs, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)  # as in test_winograd.py
    assert mine[0].stride() == theirs[0].stride()
    two_threads()
    again = value_and_gradients(partial(of_winograd, stride=stride), given)
    assert all(torch.equal(one, other) for one, other in zip(mine, again, strict=True))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_first_and_second_gradients_against_finite_differences(case: dict) -> None:
    """The second ones join the channels of two maps, which then end elsewhere within a vector."""
    given = tensors(case, torch.channels_last)
    layer = partial(of_winograd, stride=case["stride"])
    assert gradcheck(layer, given, fast_mode=True)
    assert gradgradcheck(layer, given, fast_mode=True)


def test_rounding_in_fp32() -> None:
    case = {"x": (16, 60, 16, 16), "outputs": 12, "stride": 1}
    given = tensors(case, torch.channels_last, torch.float32)
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    pairs = zip(
        value_and_gradients(partial(of_winograd, stride=1), given),
        value_and_gradients(partial(conv2d, padding=1), exact),
        strict=True,
    )
    for mine, true in pairs:
        assert (mine - true).abs().max() < 3e-5 * true.abs().max()  # as for whole vectors, test_winograd.py


def test_a_pixel_keeps_to_itself() -> None:
    """Vectors overlap the next pixel where channels end; nothing of it is read or written."""
    x = torch.ones(2, 13, 4, 4).to(memory_format=torch.channels_last)
    weight = torch.ones(13, 13, 3, 3, requires_grad=True)
    x[1] = torch.nan
    with ours.winograd_any():
        y = conv2d(x, weight, padding=1)
    assert y[0].isfinite().all()
    assert y[1].isnan().all()


@pytest.mark.parametrize("channels", [(11, 12), (12, 11), (3, 16)], ids=str)
def test_few_channels_are_left_to_the_others(channels: tuple[int, int]) -> None:
    inputs, outputs = channels
    weight = torch.randn(outputs, inputs, 3, 3, requires_grad=True)
    with ours.winograd_any():
        y = conv2d(torch.randn(32, inputs, 8, 8), weight, padding=1)
    assert "_Winograd" not in f"{y.grad_fn} {y.grad_fn.next_functions}"


def test_whole_vectors_have_the_bits_that_they_have_without_it() -> None:
    given = tensors({"x": (4, 16, 8, 8), "outputs": 32}, torch.channels_last, torch.float32)

    def of_whole(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        with ours.winograd():
            return conv2d(x, weight, bias, padding=1)

    pairs = zip(
        *(value_and_gradients(f, given) for f in (of_whole, partial(of_winograd, stride=1))), strict=True
    )
    assert all(torch.equal(one, other) for one, other in pairs)
