"""What a network sees, made in one compiled pass, against numpy's and torch's way there."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from skipscope.data.augment import MARGIN, AugmentParams, sample_augmentation
from skipscope.data.dataset import Dataset, Split, load
from skipscope.errors import MachineError
from skipscope.kernels import pixels
from skipscope.spec import Recipe
from skipscope.training import evaluate
from skipscope.training.evaluate import Inputs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("shapes", train_limit=200)


def both(
    data: Dataset,
    split: Split,
    positions: np.ndarray,
    moves: AugmentParams | None,
    recipe: Recipe | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """In one pass, and without it."""
    assert pixels.compiled_pass(CPU, MARGIN) is not None
    inputs = Inputs(data, recipe or Recipe(memory_format="channels_last"), CPU)
    seen, labels = inputs.of(split, positions, moves)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "compiled_pass", lambda *_: None)
        expected, expected_labels = inputs.of(split, positions, moves)
    assert torch.equal(labels, expected_labels)
    assert labels.dtype == torch.int64
    assert seen.stride() == expected.stride()
    return seen, expected


OFFSETS = some.integers(0, 2 * MARGIN)


@given(moves=some.lists(some.tuples(OFFSETS, OFFSETS, some.booleans()), min_size=1, max_size=5))
def test_any_crop_and_flip_is_the_same_to_the_last_bit(
    data: Dataset, moves: list[tuple[int, int, bool]]
) -> None:
    top, left, flip = (np.array(each) for each in zip(*moves, strict=True))
    positions = np.arange(len(moves))[::-1]
    seen, expected = both(data, data.train, positions, AugmentParams(top, left, flip))
    assert torch.equal(seen, expected)


@pytest.mark.parametrize("kind", ["none", "flip", "crop_flip"])
@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
def test_whole_batches_in_both_memory_formats(data: Dataset, kind: str, memory_format: str) -> None:
    moves = sample_augmentation(kind, seed=0, epoch=1, count=128)  # type: ignore[arg-type]
    positions = np.random.default_rng(0).permutation(200)[:128]
    recipe = Recipe(memory_format=memory_format)  # type: ignore[arg-type]
    seen, expected = both(data, data.train, positions, moves, recipe)
    assert torch.equal(seen, expected)


def test_without_moves_and_of_images_that_lie_otherwise_in_memory(data: Dataset) -> None:
    elsewhere = replace(data.train, images=np.ascontiguousarray(data.train.images))
    assert not elsewhere.images.transpose(0, 2, 3, 1).flags.c_contiguous
    for split in (data.train, elsewhere):
        seen, expected = both(data, split, np.array([3, 1, 3]), None)
        assert torch.equal(seen, expected)
    assert torch.equal(
        seen, Inputs(data, Recipe(memory_format="contiguous"), CPU)(data.train.take(np.array([3, 1, 3]))[0])
    )


def test_a_split_keeps_its_images(data: Dataset) -> None:
    before = data.train.images.copy()
    both(data, data.train, np.arange(20), sample_augmentation("crop_flip", seed=1, epoch=1, count=20))
    np.testing.assert_array_equal(data.train.images, before)


def test_where_no_code_can_be_made_numpy_and_torch_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise MachineError("no")

    monkeypatch.setattr(pixels, "compile_functions", refused)
    pixels.compiled_pass.cache_clear()
    try:
        assert pixels.compiled_pass(CPU, MARGIN) is None
    finally:
        pixels.compiled_pass.cache_clear()
    assert pixels.compiled_pass(torch.device("meta"), MARGIN) is None
