"""Winograd's convolution against the stock one: values, gradients, second gradients, and where it is used."""

from collections.abc import Callable
from contextlib import nullcontext

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d

from skipscope.models.registry import NETWORKS, build
from skipscope.training import winograd as ours
from skipscope.training.winograd import winograd

CASES = st.fixed_dictionaries(
    {
        "batch": st.integers(1, 3),
        "inputs": st.integers(1, 5),
        "outputs": st.integers(1, 5),
        "side": st.tuples(st.sampled_from([2, 4, 8, 12]), st.sampled_from([2, 4, 8, 12])),
        "bias": st.booleans(),
        "layout": st.sampled_from([torch.contiguous_format, torch.channels_last]),
    }
)
ONE_TILE = {
    "batch": 2,
    "inputs": 3,
    "outputs": 2,
    "side": (4, 4),
    "bias": True,
    "layout": torch.channels_last,
}
WHOLE_MAP = ONE_TILE | {"side": (2, 2)}
TWO_KINDS = ONE_TILE | {"side": (2, 8), "layout": torch.contiguous_format}
WIDE = ONE_TILE | {"side": (12, 4)}
TWO_BY_ONE = ONE_TILE | {"side": (8, 4), "bias": False, "layout": torch.contiguous_format}


def tensors(case: dict, dtype: torch.dtype) -> list[Tensor]:
    """Of one case, always the same."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(case["batch"], case["inputs"], *case["side"], generator=draw, dtype=dtype)
    weight = torch.randn(case["outputs"], case["inputs"], 3, 3, generator=draw, dtype=dtype)
    both = [x.to(memory_format=case["layout"]), weight.to(memory_format=case["layout"])]
    bias = [torch.randn(case["outputs"], generator=draw, dtype=dtype)] * case["bias"]
    return [tensor.requires_grad_() for tensor in (*both, *bias)]


def stock(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return conv2d(x, weight, bias, padding=1)


def of_winograd(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return ours._Winograd.apply(x, weight, bias)


def value_and_gradients(f: Callable[..., Tensor], given: list[Tensor]) -> list[Tensor]:
    y = f(*given)
    along = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    return [y, *torch.autograd.grad(y, given, along.to(y.dtype))]


@given(CASES)
@example(ONE_TILE)
@example(WHOLE_MAP)
@example(TWO_KINDS)
@example(WIDE)
@example(TWO_BY_ONE)
@settings(max_examples=60)
def test_it_is_the_stock_convolution(case: dict) -> None:
    given = tensors(case, torch.float64)
    pairs = zip(value_and_gradients(of_winograd, given), value_and_gradients(stock, given), strict=True)
    for mine, theirs in pairs:
        assert mine.shape == theirs.shape
        # transforms multiply by up to 8, twice, and divide again: 1e-13; what is wrong is wrong by 0.1
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("side", [2, 4, 8, 16])
def test_rounding_in_fp32(side: int) -> None:
    """Some five times the stock operator's, which is still far below the noise of a batch's gradient."""
    case = {"batch": 16, "inputs": 64, "outputs": 64, "side": (side, side), "bias": True}
    given = tensors(case | {"layout": torch.channels_last}, torch.float32)
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    pairs = zip(value_and_gradients(of_winograd, given), value_and_gradients(stock, exact), strict=True)
    for mine, true in pairs:
        # measured 4e-6 to 8e-6 of the largest value; 2^-24 is 6e-8, and a wrong factor is 0.1 and more
        assert (mine - true).abs().max() < 3e-5 * true.abs().max()


CASE_BY_NAME = {"4x4": ONE_TILE, "2x2": WHOLE_MAP, "2x8": TWO_KINDS, "12x4": WIDE, "8x4": TWO_BY_ONE}


@pytest.mark.parametrize("case", CASE_BY_NAME.values(), ids=CASE_BY_NAME)
def test_first_and_second_gradients_against_finite_differences(case: dict) -> None:
    given = tensors(case, torch.float64)
    assert gradcheck(of_winograd, given, fast_mode=True)
    assert gradgradcheck(of_winograd, given, fast_mode=True)


def test_a_graph_of_gradients_keeps_no_tiles() -> None:
    """They have 36 numbers for 16 of the map."""
    x, weight, _ = tensors(ONE_TILE, torch.float64)
    y = of_winograd(x, weight)
    assert y.grad_fn.seen is not None
    first = torch.autograd.grad(y.sum(), [x, weight], create_graph=True)
    assert y.grad_fn.seen is None
    of_x, of_weight = torch.autograd.grad(y.sum(), [x, weight])  # without them: the same again
    assert torch.equal(of_x, first[0])
    assert torch.equal(of_weight, first[1])


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
    x, weight = tensors(ONE_TILE | {"layout": layout, "bias": False}, torch.float32)
    y = of_winograd(x, weight)
    assert y.is_contiguous(memory_format=layout)
    of_x, of_weight = torch.autograd.grad(y.sum(), [x, weight])
    assert of_x.is_contiguous(memory_format=layout)
    assert torch.allclose(of_weight, torch.autograd.grad(stock(x, weight).sum(), weight)[0], atol=1e-4)


def test_what_needs_no_gradient_gets_none() -> None:
    x, weight, bias = tensors(ONE_TILE, torch.float64)
    (alone,) = torch.autograd.grad(of_winograd(x.detach(), weight, bias.detach()).sum(), weight)
    assert torch.allclose(alone, torch.autograd.grad(stock(x, weight, bias).sum(), weight)[0])
    (alone,) = torch.autograd.grad(of_winograd(x, weight.detach()).sum(), x)
    assert torch.allclose(alone, torch.autograd.grad(stock(x, weight).sum(), x)[0])


ENOUGH = ours.PAYS_FROM * 2
"""Channels in and out from which on it is used."""
FEW = ENOUGH - 1
USED = {"x": (1, ENOUGH, 8, 4), "weight": (ENOUGH, ENOUGH, 3, 3), "padding": 1}


@pytest.mark.parametrize(
    "other",
    [
        {"x": (1, FEW, 8, 4), "weight": (FEW, FEW, 3, 3)},
        {"x": (1, ENOUGH, 8, 6)},
        {"x": (1, ENOUGH, 1, 4)},
        {"x": (ENOUGH, 8, 4)},
        {"padding": 0},
        {"padding": "same"},
        {"padding": 2, "dilation": 2},
        {"stride": 2},
        {"groups": 2, "weight": (ENOUGH, ENOUGH // 2, 3, 3)},
        {"weight": (ENOUGH, ENOUGH, 5, 5), "padding": 2},
        {"weight": (ENOUGH, ENOUGH, 1, 1), "padding": 0},
    ],
    ids=str,
)
def test_where_it_is_used_and_where_not(other: dict) -> None:
    def node(x: tuple, weight: tuple, **how: object) -> str:
        with winograd():
            return str(conv2d(torch.randn(x), torch.randn(weight, requires_grad=True), **how).grad_fn)

    assert "_Winograd" in node(**USED)
    assert "_Winograd" not in node(**(USED | other))


@pytest.mark.parametrize(
    "x",
    [torch.zeros(1, ENOUGH + 1, 4, 4), torch.zeros(1, ENOUGH, 4, 4, dtype=torch.float64)],
    ids=["I", "dtype"],
)
def test_errors_are_the_stock_operators(x: Tensor) -> None:
    weight = torch.zeros(USED["weight"])
    with pytest.raises(RuntimeError) as theirs:
        conv2d(x, weight, padding=1)
    with winograd(), pytest.raises(RuntimeError) as mine:
        conv2d(x, weight, padding=1)
    assert str(mine.value) == str(theirs.value)


def test_no_images_have_no_maps() -> None:
    with winograd():
        y = conv2d(torch.zeros(0, ENOUGH, 4, 4), torch.zeros(USED["weight"]), padding=1)
    assert y.shape == (0, ENOUGH, 4, 4)


def test_it_can_train_after_a_validation_had_it_first() -> None:
    for kept in (ours._see, ours._sum_up, ours._weigh):
        kept.cache_clear()
    weight = torch.randn(USED["weight"])
    x = torch.randn(USED["x"])
    with winograd(), torch.inference_mode():
        before = conv2d(x, weight, padding=1)
    weight.requires_grad_()
    with winograd():
        after = conv2d(x, weight, padding=1)
    after.sum().backward()
    assert torch.equal(before, after)
    assert weight.grad is not None


def test_bf16_is_left_to_the_other_operators() -> None:
    x, weight = torch.randn(USED["x"]), torch.randn(USED["weight"], requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16), winograd():
        y = conv2d(x, weight, padding=1)
    assert y.dtype == torch.bfloat16
    assert "_Winograd" not in str(y.grad_fn)


@pytest.mark.parametrize("name", ["resnet", "densenet", "se_resnet"])
def test_whole_networks_have_the_stock_gradients(name: str) -> None:
    """In float64: hundreds of layers of rounding, far below any true difference."""
    assert name in NETWORKS
    network = build(name).double()
    before = str(network)
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def gradients(scope: Callable[[], object]) -> list[Tensor]:
        network.zero_grad()
        with scope():
            loss = nn.functional.cross_entropy(network(x), torch.arange(4))
        loss.backward()
        return [weight.grad.clone() for weight in network.parameters()]

    for mine, theirs in zip(gradients(winograd), gradients(nullcontext), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)
    assert str(network) == before
