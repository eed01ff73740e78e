"""Augmentation against the same crop and flip done image by image."""

import numpy as np
import pytest
import torch

from skipscope.data.augment import MARGIN, Augmentation


@pytest.fixture
def images() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (40, 3, 32, 32), dtype=np.uint8))


def test_crop_and_flip_one_by_one(images: torch.Tensor) -> None:
    augment = Augmentation("crop_flip", seed=0, epoch=1, count=40)
    whole = augment(images, slice(0, 40))
    for i in range(40):
        padded = np.pad(images[i].numpy(), ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
        top, left = int(augment.top[i]), int(augment.left[i])
        expected = padded[:, top : top + 32, left : left + 32]
        if augment.flip[i]:
            expected = expected[:, :, ::-1]
        np.testing.assert_array_equal(whole[i].numpy(), expected)


def test_an_image_is_treated_the_same_in_whatever_batch_its_position_falls(images: torch.Tensor) -> None:
    augment = Augmentation("crop_flip", seed=0, epoch=1, count=40)
    parts = torch.cat(
        [augment(images[start : start + 16], slice(start, start + 16)) for start in (0, 16, 32)]
    )
    assert torch.equal(parts, augment(images, slice(0, 40)))


def test_flip_alone_and_none(images: torch.Tensor) -> None:
    flip = Augmentation("flip", seed=0, epoch=1, count=40)
    expected = torch.where(flip.flip[:, None, None, None], images.flip(3), images)
    assert torch.equal(flip(images, slice(0, 40)), expected)
    assert 0 < int(flip.flip.sum()) < 40
    assert torch.equal(Augmentation("none", seed=0, epoch=1, count=40)(images, slice(0, 40)), images)


def test_draws_are_uniform_and_another_every_epoch() -> None:
    one = Augmentation("crop_flip", seed=0, epoch=1, count=81_000)
    other = Augmentation("crop_flip", seed=0, epoch=2, count=81_000)
    assert not torch.equal(one.top, other.top)
    cells = torch.bincount(one.top * 9 + one.left, minlength=81)
    # 1,000 expected in each of 81 cells, standard deviation 31: five of them are a false alarm in 10^4 seeds
    assert cells.shape == (81,)
    assert int((cells - 1000).abs().max()) < 160
    assert abs(int(one.flip.sum()) - 40_500) < 5 * 143
