"""Augmentation against the same crop and flip done image by image."""

import numpy as np
import pytest

from skipscope.data.augment import MARGIN, augment_batch, sample_augmentation


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)


def test_crop_and_flip_one_by_one(images: np.ndarray) -> None:
    moves = sample_augmentation("crop_flip", seed=0, epoch=1, count=40)
    whole = augment_batch(images.copy(), moves)
    for i in range(40):
        padded = np.pad(images[i], ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)))
        top, left = int(moves.top[i]), int(moves.left[i])
        expected = padded[top : top + 32, left : left + 32]
        if moves.flip[i]:
            expected = expected[:, ::-1]
        np.testing.assert_array_equal(whole[i], expected)


def test_an_image_is_treated_the_same_in_whatever_batch_its_position_falls(images: np.ndarray) -> None:
    moves = sample_augmentation("crop_flip", seed=0, epoch=1, count=40)
    batches = [slice(start, start + 16) for start in (0, 16, 32)]
    parts = [augment_batch(images[positions].copy(), moves.at(positions)) for positions in batches]
    np.testing.assert_array_equal(np.concatenate(parts), augment_batch(images.copy(), moves))


def test_flip_alone_and_none(images: np.ndarray) -> None:
    moves = sample_augmentation("flip", seed=0, epoch=1, count=40)
    expected = np.where(moves.flip[:, None, None, None], images[:, :, ::-1], images)
    np.testing.assert_array_equal(augment_batch(images.copy(), moves), expected)
    assert 0 < int(moves.flip.sum()) < 40
    none = sample_augmentation("none", seed=0, epoch=1, count=40)
    np.testing.assert_array_equal(augment_batch(images.copy(), none), images)


def test_draws_are_uniform_and_another_every_epoch() -> None:
    one = sample_augmentation("crop_flip", seed=0, epoch=1, count=81_000)
    other = sample_augmentation("crop_flip", seed=0, epoch=2, count=81_000)
    assert not np.array_equal(one.top, other.top)
    cells = np.bincount(one.top * 9 + one.left, minlength=81)
    # 1,000 expected in each of 81 cells, standard deviation 31: five of them are a false alarm in 10^4 seeds
    assert cells.shape == (81,)
    assert int(np.abs(cells - 1000).max()) < 160
    assert abs(int(one.flip.sum()) - 40_500) < 5 * 143
