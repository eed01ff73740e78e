"""A data set on its way to a node: fetched once, kept by its checksum, refused where it is damaged."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from skipscope.data import store
from skipscope.engine.cluster.relay import here
from skipscope.errors import DataError


@pytest.fixture
def mine(tmp_path: Path) -> store.Store:
    """A data set of twenty images, in the driver's data folder."""
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8)
    labels = (np.arange(20) % 10).astype(np.uint8)
    return store.write("mine", images, labels, train=10, source="made up", data_dir=tmp_path / "driver")


def contents(found: store.Store) -> dict[str, bytes]:
    return {name: (found.folder / name).read_bytes() for name in (store.IMAGES, store.LABELS, store.INDEX)}


def test_a_data_set_reaches_a_node_once(
    mine: store.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "node"))
    fetched: list[bool] = []

    def fetch() -> Mapping[str, bytes]:
        fetched.append(True)
        return contents(mine)

    folder = here("mine", mine.index.sha256, fetch)
    assert folder.is_relative_to(tmp_path / "node")
    assert contents(store.read("mine", data_dir=folder) or mine) == contents(mine)
    assert here("mine", mine.index.sha256, fetch) == folder
    assert len(fetched) == 1
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_what_reaches_a_node_damaged_or_not_at_all_is_refused(
    mine: store.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "node"))

    def lost() -> Mapping[str, bytes]:
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match=r"did not reach this node: .*No space left"):
        here("mine", mine.index.sha256, lost)
    halved = {name: content[: len(content) // 2] for name, content in contents(mine).items()}
    with pytest.raises(DataError, match="reached this node damaged"):
        here("mine", mine.index.sha256, lambda: {**contents(mine), store.IMAGES: halved[store.IMAGES]})
