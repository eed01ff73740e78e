"""A batch on its way from a split's bytes to a network, against the same done image by image."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from skipscope.data import picture
from skipscope.data.augment import MARGIN, AugmentParams, sample_augmentation
from skipscope.data.dataset import Dataset, Split, load
from skipscope.spec import MemoryFormat, Recipe
from skipscope.training import batches
from skipscope.training.batches import BatchMaker

CPU = torch.device("cpu")
ACCELERATOR = torch.accelerator.current_accelerator(check_available=True)
WAYS = ("compiled", "step by step", "fake", *(("accelerator",) if ACCELERATOR else ()))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("shapes", train_limit=200)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way there is to make a batch on this machine."""
    if request.param == "step by step":
        monkeypatch.setattr(batches, "compiled_pass", lambda *_: None)
    elif request.param == "compiled":
        assert batches.compiled_pass(CPU, MARGIN) is not None
    elif request.param == "fake":
        request.getfixturevalue("accelerator")
    return str(request.param)


def maker(data: Dataset, way: str, memory_format: MemoryFormat = "channels_last") -> BatchMaker:
    real = ACCELERATOR if way == "accelerator" and ACCELERATOR else CPU
    device = torch.device("fake") if way == "fake" else real
    return BatchMaker(data, Recipe(memory_format=memory_format), device)


def one_by_one(
    data: Dataset, split: Split, positions: NDArray[np.int64], augmentation: AugmentParams | None
) -> NDArray[np.float32]:
    """B 3 32 32: every image padded, cropped, mirrored and normalised on its own, in plain numpy."""
    mean = np.array(data.mean, np.float32) * np.float32(255)
    scale = 1 / (np.array(data.std, np.float32) * np.float32(255))
    found = []
    for number, position in enumerate(positions):
        image = split.images[split.rows[position]]  # 32 32 3
        if augmentation is not None:
            top, left = int(augmentation.top[number]), int(augmentation.left[number])
            padded = np.pad(image, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)))
            image = padded[top : top + 32, left : left + 32]
            image = image[:, ::-1] if augmentation.flip[number] else image
        found.append(((image.astype(np.float32) - mean) * scale).transpose(2, 0, 1))
    return np.stack(found)


@pytest.mark.parametrize("kind", ["none", "flip", "crop_flip"])
@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
def test_a_batch_is_to_the_last_bit_what_its_images_are_one_by_one(
    data: Dataset, way: str, kind: str, memory_format: MemoryFormat
) -> None:
    augmentation = sample_augmentation(kind, seed=0, epoch=1, count=128)  # type: ignore[arg-type]
    positions = np.random.default_rng(0).permutation(200)[:128]
    before = data.train.images.copy()
    x, labels = maker(data, way, memory_format)(data.train, positions, augmentation)
    np.testing.assert_array_equal(x.cpu().numpy(), one_by_one(data, data.train, positions, augmentation))
    assert x.is_contiguous(memory_format=batches.FORMATS[memory_format])
    assert labels.dtype == torch.int64
    assert labels.tolist() == data.train.labels[data.train.rows[positions]].tolist()
    np.testing.assert_array_equal(data.train.images, before)  # a split keeps its images


def test_without_augmentation_images_may_come_twice(data: Dataset, way: str) -> None:
    positions = np.array([3, 1, 3])
    x, _ = maker(data, way)(data.validation, positions)
    np.testing.assert_array_equal(x.cpu().numpy(), one_by_one(data, data.validation, positions, None))


OFFSETS = some.integers(0, 2 * MARGIN)


@given(drawn=some.lists(some.tuples(OFFSETS, OFFSETS, some.booleans()), min_size=1, max_size=5))
def test_any_crop_and_flip(data: Dataset, drawn: list[tuple[int, int, bool]]) -> None:
    augmentation = AugmentParams(*(np.array(each) for each in zip(*drawn, strict=True)))
    positions = np.arange(len(drawn))[::-1]
    x, _ = maker(data, "compiled")(data.train, positions, augmentation)
    np.testing.assert_array_equal(x.numpy(), one_by_one(data, data.train, positions, augmentation))


def everywhere(data: Dataset, folder: object) -> Iterator[NDArray[np.uint8]]:
    yield from (data.train.images, data.sealed_test().images, data.train.take(np.arange(2))[0])
    path = f"{folder}/one.png"
    picture.Image.fromarray(data.train.images[0]).save(path)
    yield picture.read(picture.Path(path)).pixels[None]


def test_images_are_bytes_by_pixel_everywhere(data: Dataset, tmp_path: object) -> None:
    for images in everywhere(data, tmp_path):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (32, 32, 3)
        assert images.flags.c_contiguous
