"""A study that takes seconds: the smallest network on a few of the embedded images."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from skipscope.records.store import Workspace
from skipscope.spec import StudySpec, parse_study

TABLE = {
    "name": "small",
    "data": "shapes",
    "train_limit": 60,
    "probes": ["redundancy"],
    "recipe": {"epochs": 1, "batch_size": 20},
    "arm": [{"model": "cnn"}],
}


@pytest.fixture
def small() -> StudySpec:
    """One arm, one seed, three steps."""
    return parse_study(TABLE, where="a test")


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """A worker that a test plays in its own process flushes them for good."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace in a folder whose name is not only ASCII."""
    return Workspace(tmp_path / "my 实验")
