"""Augmentation against the same crop and flip done image by image."""

import numpy as np
import pytest

from skipscope.data.augment import MARGIN, Augmentation


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)


def test_crop_and_flip_one_by_one(images: np.ndarray) -> None:
    augment = Augmentation("crop_flip", seed=0, epoch=1, count=40)
    whole = augment(images.copy(), slice(0, 40))
    for i in range(40):
        padded = np.pad(images[i], ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
        top, left = int(augment.top[i]), int(augment.left[i])
        expected = padded[:, top : top + 32, left : left + 32]
        if augment.flip[i]:
            expected = expected[:, :, ::-1]
        np.testing.assert_array_equal(whole[i], expected)


def test_an_image_is_treated_the_same_in_whatever_batch_its_position_falls(images: np.ndarray) -> None:
    augment = Augmentation("crop_flip", seed=0, epoch=1, count=40)
    parts = [augment(images[start : start + 16].copy(), slice(start, start + 16)) for start in (0, 16, 32)]
    np.testing.assert_array_equal(np.concatenate(parts), augment(images.copy(), slice(0, 40)))


def test_flip_alone_and_none(images: np.ndarray) -> None:
    flip = Augmentation("flip", seed=0, epoch=1, count=40)
    expected = np.where(flip.flip[:, None, None, None], images[..., ::-1], images)
    np.testing.assert_array_equal(flip(images.copy(), slice(0, 40)), expected)
    assert 0 < int(flip.flip.sum()) < 40
    none = Augmentation("none", seed=0, epoch=1, count=40)
    np.testing.assert_array_equal(none(images.copy(), slice(0, 40)), images)


def test_draws_are_uniform_and_another_every_epoch() -> None:
    one = Augmentation("crop_flip", seed=0, epoch=1, count=81_000)
    other = Augmentation("crop_flip", seed=0, epoch=2, count=81_000)
    assert not np.array_equal(one.top, other.top)
    cells = np.bincount(one.top * 9 + one.left, minlength=81)
    # 1,000 expected in each of 81 cells, standard deviation 31: five of them are a false alarm in 10^4 seeds
    assert cells.shape == (81,)
    assert int(np.abs(cells - 1000).max()) < 160
    assert abs(int(one.flip.sum()) - 40_500) < 5 * 143
