"""Where Winograd's convolution is used, and what is left to the stock operator."""

import os
from contextlib import suppress

import pytest
import torch
from torch.nn.functional import conv2d

from skipscope.kernels import tiles
from skipscope.kernels.winograd import winograd

ENOUGH = 16
"""Channels: a vector of fp32."""
USED = {"x": (32, ENOUGH, 8, 4), "weight": (ENOUGH, ENOUGH, 3, 3), "padding": 1}


@pytest.mark.parametrize(
    "other",
    [
        {"x": (32, 24, 8, 4), "weight": (ENOUGH, 24, 3, 3)},
        {"weight": (24, ENOUGH, 3, 3)},
        {"x": (32, ENOUGH, 8, 6)},
        {"x": (32, ENOUGH, 1, 4)},
        {"x": (ENOUGH, 8, 4)},
        {"padding": 0},
        {"padding": "same"},
        {"padding": 2, "dilation": 2},
        {"stride": (2, 1)},
        {"stride": 3},
        {"stride": 2, "x": (32, ENOUGH, 2, 4)},
        {"stride": 2, "x": (32, ENOUGH, 12, 4)},
        {"groups": 2, "weight": (ENOUGH, ENOUGH // 2, 3, 3)},
        {"weight": (ENOUGH, ENOUGH, 5, 5), "padding": 2},
        {"weight": (ENOUGH, ENOUGH, 1, 1), "padding": 0},
    ],
    ids=str,
)
def test_where_it_is_used_and_where_not(other: dict) -> None:
    def node(x: tuple, weight: tuple, **how: object) -> str:
        with winograd():
            last = conv2d(torch.randn(x), torch.randn(weight, requires_grad=True), **how).grad_fn
        return f"{last} {last.next_functions}"  # in another memory format, the last is a copy

    assert "_Winograd" in node(**USED)
    assert "_Winograd" in node(**(USED | {"x": (1, ENOUGH, 8, 4)}))
    assert "_Winograd" in node(**USED, stride=2)
    assert "_Winograd" not in node(**(USED | other))


@pytest.mark.parametrize(("images", "used"), [(15, False), (16, True)])
def test_a_few_images_without_gradients_are_left_to_the_others(
    images: int, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, forward = [], tiles.Tiles.forward
    monkeypatch.setattr(tiles.Tiles, "forward", lambda *given: called.append(1) or forward(*given))
    x, weight = torch.randn(images, ENOUGH, 8, 4), torch.randn(USED["weight"])
    with winograd(), torch.no_grad():
        y = conv2d(x, weight, padding=1)
    assert bool(called) == used
    assert (
        y - conv2d(x, weight, padding=1)
    ).abs().max() < 1e-5 * y.abs().max()  # as in test_rounding_in_fp32


@pytest.mark.parametrize(
    "other",
    [
        {"input": torch.zeros(32, ENOUGH + 1, 4, 4)},
        {"input": torch.zeros(32, ENOUGH, 4, 4, dtype=torch.float64)},
        {"bias": torch.zeros(ENOUGH + 1)},
        {"bias": torch.zeros(ENOUGH, dtype=torch.float64)},
        {"stride": 0},
        {"weight": torch.zeros(ENOUGH, 1, 3, 3), "input": torch.zeros(32, ENOUGH, 2, 2)},
        {"weight": torch.zeros(0, ENOUGH, 3, 3)},
    ],
    ids=["I", "dtype", "O of the bias", "dtype of the bias", "stride", "I of a small map", "no O"],
)
def test_errors_are_the_stock_operators(other: dict) -> None:
    given = {
        "input": torch.zeros(32, ENOUGH, 4, 4),
        "weight": torch.zeros(USED["weight"]),
        "padding": 1,
    } | other
    with pytest.raises(RuntimeError) as theirs:
        conv2d(**given)
    with winograd(), pytest.raises(RuntimeError) as mine:
        conv2d(**given)
    assert str(mine.value) == str(theirs.value)


def test_no_images_have_no_maps() -> None:
    with winograd():
        y = conv2d(torch.zeros(0, ENOUGH, 4, 4), torch.zeros(USED["weight"]), padding=1)
    assert y.shape == (0, ENOUGH, 4, 4)


def test_it_can_train_after_a_validation_had_it_first() -> None:
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


def test_numbers_that_are_elsewhere_are_left_to_the_stock_operator() -> None:
    x = torch.zeros(USED["x"])
    with winograd():
        y = conv2d(x.to("meta"), torch.zeros(USED["weight"], device="meta"), padding=1)
        assert y.device.type == "meta"
        for weight, bias in (("meta", "cpu"), ("cpu", "meta")):
            with suppress(RuntimeError, NotImplementedError):  # as the stock operator has it
                conv2d(
                    x, torch.zeros(USED["weight"], device=weight), torch.zeros(ENOUGH, device=bias), padding=1
                )


def test_a_forked_process_has_its_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    here = tiles._pool(os.getpid())
    assert tiles._pool(os.getpid()) is here
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert tiles._pool(os.getpid()) is not here
