"""A data set small enough to train on in a moment, and a way to make runs on it."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from skipscope.data.dataset import Dataset, Split
from skipscope.probes import schedule
from skipscope.spec import DataRef, Recipe, RunSpec


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """48 training, 12 validation and 12 test images: noise, brighter by class."""
    generator = np.random.default_rng(0)
    labels = np.tile(np.arange(10), 8)[:72]
    images = (generator.integers(0, 100, (72, 32, 32, 3)) + 15 * labels[:, None, None, None]).astype(np.uint8)

    def split(rows: range) -> Split:
        return Split(images=images, labels=labels, rows=np.array(rows))

    return Dataset(
        name="shapes",
        sha256="0" * 64,
        classes=tuple("abcdefghij"),
        mean=(0.45, 0.45, 0.45),
        std=(0.2, 0.2, 0.2),
        source="made for a test",
        train=split(range(48)),
        validation=split(range(48, 60)),
        _test=split(range(60, 72)),
    )


@pytest.fixture
def checked(tiny: Dataset) -> Iterator[Dataset]:
    """`tiny` with its training images twice, and in runs on it ten images are looked at within epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "CHECKED", 10)
        yield replace(tiny, train=replace(tiny.train, rows=np.tile(tiny.train.rows, 2)))


def tiny_run(model: str = "cnn", **recipe: object) -> RunSpec:
    """A run of two epochs of three steps."""
    way = {"precision": "fp32", "memory_format": "channels_last", "kernels": "fast", "threads": 1}
    keys = {"epochs": 2, "batch_size": 16} | way | recipe
    return RunSpec(
        model=model, seed=0, recipe=Recipe.model_validate(keys), data=DataRef(name="shapes", sha256="0" * 64)
    )


@pytest.fixture
def run_of() -> object:
    """`tiny_run`, as a fixture."""
    return tiny_run
