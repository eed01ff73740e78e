"""Our max-pool against the stock one, in bf16: the same pixels, bit for bit, and where it is used."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_up_tensors import value_and_gradients
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import max_pool2d

from skipscope.kernels.fast import fast
from skipscope.kernels.pooling import MAX_CHANNELS, _PoolHalves


@given(
    st.sampled_from([torch.float64, torch.bfloat16]),
    st.integers(1, MAX_CHANNELS + 1),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_max_pool_takes_the_same_pixels(
    dtype: torch.dtype, channels: int, half: tuple[int, int], layout: torch.memory_format
) -> None:
    """Bit for bit, ties included: few different values make many of them."""
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
    assert gradcheck(_PoolHalves.apply, x)
    assert gradgradcheck(_PoolHalves.apply, x)


def test_in_fp32_pools_are_the_stock_operators() -> None:
    def nodes(dtype: torch.dtype) -> str:
        with fast():
            last = max_pool2d(torch.zeros(1, 3, 4, 4, dtype=dtype, requires_grad=True), 2).grad_fn
        return f"{last} {last.next_functions} {last.next_functions[0][0].next_functions}"

    assert "_PoolHalves" in nodes(torch.bfloat16)
    assert "_PoolHalves" not in nodes(torch.float32)


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
