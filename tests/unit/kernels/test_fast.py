"""The scopes `fast` and `winograd`: at every edge they are as the stock operators, and so are networks."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import grad, jvp, vmap
from torch.nn.functional import conv2d, linear, max_pool2d

from skipscope.kernels import reductions
from skipscope.kernels.fast import fast
from skipscope.kernels.winograd import winograd
from skipscope.models.registry import NETWORKS, build

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
    reductions.set_reduction_threads(keep_sums)
    try:
        with winograd():
            mine, of_mine = result()
    finally:
        reductions.set_reduction_threads(None)
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


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_keep_their_text_their_weights_and_their_gradients(name: str) -> None:
    """Whole networks in float64: hundreds of layers of rounding, far below any true difference."""
    network = build(name).double()
    before, keys = str(network), list(network.state_dict())
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def gradients(scope: Callable[[], AbstractContextManager[object]]) -> list[Tensor]:
        network.zero_grad()
        with scope():
            nn.functional.cross_entropy(network(x), torch.arange(4)).backward()
        return [weight.grad.clone() for weight in network.parameters()]

    stock = gradients(nullcontext)
    for scope in (fast, winograd):
        for mine, theirs in zip(gradients(scope), stock, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-9)
    assert (str(network), list(network.state_dict())) == (before, keys)
    assert all("kernels" not in type(module).__module__ for module in network.modules())


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
        reductions.set_reduction_threads(keep_sums)
        with scope():
            mine = f(input=x, **how)
        reductions.set_reduction_threads(None)
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
