"""Our operators against the stock ones: values, gradients and second gradients, in float64 and in bf16."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import grad, jvp, vmap
from torch.nn.functional import conv2d, linear, max_pool2d

from skipscope.kernels import fast as kernels
from skipscope.kernels import reductions as sums
from skipscope.kernels.fast import fast
from skipscope.kernels.winograd import winograd
from skipscope.models.registry import NETWORKS, build

CASES = st.fixed_dictionaries(
    {
        "side": st.tuples(st.integers(1, 6), st.integers(1, 6)),
        "kernel": st.tuples(st.integers(1, 4), st.integers(1, 4)),
        "stride": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "padding": st.tuples(st.integers(0, 2), st.integers(0, 2)),
        "inputs": st.sampled_from([1, 3, kernels.PRODUCT_FROM]),
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
DOWN = ONE | {"side": (4, 4), "stride": (2, 2), "inputs": kernels.PRODUCT_FROM, "bias": True}
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


def value_and_gradients(f: Callable[..., Tensor], tensors: list[Tensor]) -> list[Tensor]:
    y = f(*tensors)
    along = torch.randn(y.shape, generator=torch.Generator().manual_seed(1))
    return [y, *torch.autograd.grad(y, tensors, along.to(y.dtype))]


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


CALLS = {
    "tiles": lambda x: conv2d(x(32, 16, 8, 8), x(16, 16, 3, 3), padding=1),
    "strided tiles": lambda x: conv2d(x(32, 16, 8, 8), x(16, 16, 3, 3), x(16), stride=2, padding=1),
    "whole map": lambda x: conv2d(x(4, 16, 2, 2), x(16, 16, 3, 3), padding=1),
    "whole map, bias": lambda x: conv2d(x(4, 16, 2, 2), x(16, 16, 3, 3), x(16), padding=1),
    "product": lambda x: conv2d(x(4, 16, 6, 6), x(16, 16, 3, 3), stride=2, padding=1),
    "some channels": lambda x: conv2d(x(32, 32, 8, 8)[:, :16], x(16, 16, 3, 3), padding=1),
    "linear": lambda x: linear(x(4, 16), x(8, 16), x(8)),
    "linear, tokens": lambda x: linear(x(4, 3, 16), x(8, 16), x(8)),
    "pool": lambda x: max_pool2d(x(4, 6, 8, 8).bfloat16(), 2),
}


@pytest.mark.parametrize("keep_sums", [None, 1])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_output_can_be_changed_in_place_and_lies_as_the_stock_operators(
    call: Callable[..., Tensor], layout: torch.memory_format, keep_sums: int | None
) -> None:
    """A ReLU without memory of its own stands behind many a convolution, and `view` behind the last."""

    def result() -> tuple[Tensor, list[Tensor]]:
        draw, given = torch.Generator().manual_seed(0), []

        def made(*shape: int) -> Tensor:
            tensor = torch.randn(shape, generator=draw)
            given.append(tensor.to(memory_format=layout) if len(shape) == 4 else tensor)
            return given[-1].requires_grad_()

        y = call(made)
        strides = y.stride()
        y = y.relu_()
        assert y.stride() == strides
        y.float().pow(2).sum().backward()
        return y, [tensor.grad for tensor in given]

    theirs, of_theirs = result()
    sums.set_reduction_threads(keep_sums)
    try:
        with winograd():
            mine, of_mine = result()
    finally:
        sums.set_reduction_threads(None)
    assert mine.stride() == theirs.stride()
    # fp32, rounded as Winograd's tiles round it (test_rounding_in_fp32); the pool takes the same pixels
    for one, other in zip((mine, *of_mine), (theirs, *of_theirs), strict=True):
        assert (one - other).abs().max() <= 1e-4 * other.abs().max()


@pytest.mark.parametrize("scope", [fast, winograd], ids=["fast", "winograd"])
@pytest.mark.parametrize(
    "call",
    [
        lambda: conv2d(torch.zeros(0, 16, 2, 2), torch.zeros(16, 16, 3, 3), padding=1),
        lambda: conv2d(torch.ones(2, 16, 6, 6), torch.ones(16, 16, 3, 3), stride=(2,), padding=(1,)),
        lambda: conv2d(torch.ones(2, 16, 2, 2).double(), torch.ones(16, 16, 3, 3), padding=1),
        lambda: conv2d(torch.ones(2, 16, 6, 6).double(), torch.ones(16, 16, 3, 3), stride=2, padding=1),
        lambda: conv2d(torch.ones(2, 16, 2, 2), torch.ones(16, 1, 3, 3), padding=1),
        lambda: conv2d(torch.ones(2, 16, 2, 2), torch.ones(16, 16, 3, 3), torch.ones(1), padding=1),
        lambda: _in_bf16(torch.ones(2, 16, 2, 2).double(), torch.ones(16, 16, 3, 3).double(), padding=1),
        lambda: _in_bf16(torch.ones(2, 16, 8, 8).double(), torch.ones(16, 16, 3, 3).double(), padding=1),
        lambda: _in_bf16(torch.ones(2, 16, 8, 8).double(), torch.ones(16, 16, 3, 3), padding=1),
    ],
    ids=[
        "no images",
        "one for both",
        "formats",
        "formats, stride 2",
        "channels",
        "bias",
        "double in bf16",
        "double in bf16, larger",
        "both in bf16",
    ],
)
def test_at_the_edges_it_is_as_the_stock_operator(
    call: Callable[[], Tensor], scope: Callable[[], object]
) -> None:
    def said() -> object:
        try:
            y = call()
        except RuntimeError as error:
            return str(error)
        return y.shape, y.dtype, y.device, y.tolist() if y.device.type == "cpu" else None

    expected = said()
    with scope():
        assert said() == expected


def _in_bf16(*given: Tensor, **how: object) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return conv2d(*given, **how)


def test_a_single_image_without_a_batch() -> None:
    x, weight = torch.randn(3, 1, 1), torch.randn(6, 3, 3, 3)
    with fast():
        assert torch.equal(conv2d(x, weight, padding=1), torch.conv2d(x, weight, padding=1))


def test_errors_are_the_stock_operators() -> None:
    with fast(), pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        conv2d(torch.randn(1, 3, 2, 2), torch.randn(4, 3, 5, 5))


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_keep_their_text_their_weights_and_their_gradients(name: str) -> None:
    """Whole networks in float64: hundreds of layers of rounding, far below any true difference."""
    network = build(name).double()
    before, keys = str(network), list(network.state_dict())
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def gradients() -> list[Tensor]:
        network.zero_grad()
        nn.functional.cross_entropy(network(x), torch.arange(4)).backward()
        return [weight.grad.clone() for weight in network.parameters()]

    stock = gradients()
    with fast():
        ours = gradients()
    assert (str(network), list(network.state_dict())) == (before, keys)
    assert all(type(module).__module__ != kernels.__name__ for module in network.modules())
    for mine, theirs in zip(ours, stock, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("scope", [fast, winograd], ids=["fast", "winograd"])
@pytest.mark.parametrize("keep_sums", [None, 1])
def test_arguments_have_torchs_names(scope: Callable[[], object], keep_sums: int | None) -> None:
    """As a network that somebody else wrote may give them."""
    x = torch.randn(2, 16, 8, 8)
    calls = [
        (conv2d, {"weight": torch.randn(16, 16, 3, 3), "bias": torch.randn(16), "padding": 1, "dilation": 1}),
        (nn.functional.linear, {"weight": torch.randn(3, 8), "bias": torch.randn(3)}),
        (max_pool2d, {"kernel_size": 2, "stride": 2, "padding": 0}),
        (nn.functional.batch_norm, {"running_mean": None, "running_var": None, "training": True}),
    ]
    for f, how in calls:
        stock = f(input=x, **how)
        sums.set_reduction_threads(keep_sums)
        with scope():
            mine = f(input=x, **how)
        sums.set_reduction_threads(None)
        torch.testing.assert_close(mine, stock, rtol=1e-4, atol=1e-3)  # 1e-5 of 40 in fp32


MAPS = {
    "stride 1": ((32, 8, 8), {"padding": 1}, 3),
    "stride 2": ((32, 8, 8), {"padding": 1, "stride": 2}, 3),
    "whole map": ((32, 1, 1), {"padding": 1}, 3),
    "1x1": ((32, 8, 8), {}, 1),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own, for forward mode
@pytest.mark.parametrize("scope", [fast, winograd], ids=["fast", "winograd"])
@pytest.mark.parametrize(("of", "how", "side"), MAPS.values(), ids=MAPS)
def test_derivatives_forward_and_transforms_of_functions_are_the_stock_operators(
    scope: Callable[[], AbstractContextManager[object]], of: tuple[int, ...], how: dict, side: int
) -> None:
    draw = torch.Generator().manual_seed(0)
    x, tangent, weight = (
        torch.randn(*shape, generator=draw) for shape in ((2, *of), (2, *of), (32, of[0], side, side))
    )

    def layer(x: Tensor) -> Tensor:
        return conv2d(x, weight, **how)

    def each() -> list[Tensor]:
        with forward_ad.dual_level():
            dual = forward_ad.unpack_dual(layer(forward_ad.make_dual(x, tangent)))
            forward = [dual.primal, dual.tangent]
        return [
            *forward,
            *jvp(layer, (x,), (tangent,)),
            vmap(lambda image: layer(image[None])[0])(x),
            grad(lambda x: layer(x).square().sum())(x),
        ]

    expected = each()
    with scope():
        found = each()
    for ours, stock in zip(found, expected, strict=True):
        assert torch.equal(ours, stock)


def test_it_ends_with_its_scope() -> None:
    weight = torch.randn(3, 3, 3, 3, requires_grad=True)
    with pytest.raises(ZeroDivisionError), fast():
        raise ZeroDivisionError
    assert "Convolution" in type(conv2d(torch.randn(1, 3, 1, 1), weight, padding=1).grad_fn).__name__
    with fast():
        assert "Permute" in type(conv2d(torch.randn(1, 3, 1, 1), weight, padding=1).grad_fn).__name__


@given(
    st.sampled_from([torch.float64, torch.bfloat16]),
    st.integers(1, kernels.POOL_BELOW),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_max_pool_takes_the_same_pixels(
    dtype: torch.dtype, channels: int, half: tuple[int, int], layout: torch.memory_format
) -> None:
    """Bit for bit, and of equals the same one: few different values make many ties."""
    draw = torch.Generator().manual_seed(channels)
    shape = (3, channels, 2 * half[0], 2 * half[1])
    x = torch.randint(-2, 2, shape, generator=draw).to(dtype).to(memory_format=layout).requires_grad_()
    stock = value_and_gradients(lambda x: max_pool2d(x, 2), [x])
    with fast():
        ours = value_and_gradients(lambda x: max_pool2d(x, 2), [x])
    assert torch.equal(stock[0], ours[0])
    assert torch.equal(stock[1], ours[1])


def test_first_and_second_gradients_of_max_pool() -> None:
    x = torch.randperm(96).double().view(2, 3, 4, 4).requires_grad_()
    assert gradcheck(kernels._Halves.apply, x)
    assert gradgradcheck(kernels._Halves.apply, x)


def test_in_fp32_pools_are_the_stock_operators() -> None:
    def nodes(dtype: torch.dtype) -> str:
        with fast():
            last = max_pool2d(torch.zeros(1, 3, 4, 4, dtype=dtype, requires_grad=True), 2).grad_fn
        return f"{last} {last.next_functions} {last.next_functions[0][0].next_functions}"

    assert "_Halves" in nodes(torch.bfloat16)
    assert "_Halves" not in nodes(torch.float32)


@pytest.mark.parametrize(
    "how",
    [{"ceil_mode": True}, {"stride": 1}, {"padding": 1}, {"dilation": 2}, {"return_indices": True}],
    ids=str,
)
def test_other_pools_are_left_to_the_stock_operator(how: dict) -> None:
    x = torch.randn(2, 3, 6, 6)
    with fast():
        ours = max_pool2d(x, 2, **how)
    stock = max_pool2d(x, 2, **how)
    pairs = zip(ours, stock, strict=True) if isinstance(stock, tuple) else [(ours, stock)]
    assert all(torch.equal(mine, theirs) for mine, theirs in pairs)
