"""The store: a failure leaves it as it was, damage is named."""

import json
import os
import shutil
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from skipscope.data import cifar10, store
from skipscope.errors import DataError

IMAGES = np.arange(4 * 3072, dtype=np.uint32).astype(np.uint8).reshape(4, 32, 32, 3)
LABELS = np.array([0, 1, 2, 3], dtype=np.uint8)


def write(folder: Path, images: np.ndarray = IMAGES) -> store.Store:
    return store.write("tiny", images, LABELS, train=3, source="made up", data_dir=folder)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    written = write(tmp_path)
    found = store.read("tiny", data_dir=tmp_path)
    assert found is not None
    assert found.index == written.index
    assert (found.index.train, found.index.test, found.index.source) == (3, 1, "made up")
    assert np.array_equal(found.images, IMAGES)
    assert np.array_equal(found.labels, LABELS)
    assert json.loads((tmp_path / "tiny" / "index.json").read_text())["schema"] == store.SCHEMA
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny"]
    store.check(found)


def test_a_data_sets_checksum_is_of_planes_as_the_official_files_have_them() -> None:
    """It is part of every run's id, whatever order the store keeps its bytes in."""
    planes = IMAGES.transpose(0, 3, 1, 2).tobytes()
    assert store.content_sha256(IMAGES, LABELS) == sha256(planes + LABELS.tobytes()).hexdigest()


def test_nothing_there_is_none(tmp_path: Path) -> None:
    assert store.read("tiny", data_dir=tmp_path) is None


def test_the_folder_is_the_argument_else_the_variable_else_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPSCOPE_DATA", str(tmp_path / "set"))
    assert store.data_folder(tmp_path / "given") == tmp_path / "given"
    assert store.data_folder() == tmp_path / "set"
    monkeypatch.setenv("SKIPSCOPE_DATA", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    assert store.data_folder().name == "skipscope"
    monkeypatch.chdir(tmp_path)
    assert store.data_folder(Path("here")) == tmp_path / "here"


def test_statistics_are_those_of_numpy() -> None:
    mean, std = store.channel_statistics(IMAGES)
    assert mean == pytest.approx((IMAGES / 255).mean(axis=(0, 1, 2)))
    assert std == pytest.approx((IMAGES / 255).std(axis=(0, 1, 2)))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("call", [1, 2])
def test_an_interrupted_swap_leaves_the_old_one(
    stop: object, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    rename, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == call:
            raise stop  # type: ignore[misc]
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises((KeyboardInterrupt, DataError)):
        write(tmp_path, 255 - IMAGES)
    monkeypatch.undo()
    found = store.read("tiny", data_dir=tmp_path)
    assert found is not None
    assert np.array_equal(found.images, IMAGES)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, array: object) -> None:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(DataError, match=r"No space left on device(.|\n)*--data-dir"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match="cannot be written"):
        write(tmp_path / "file")


def test_a_disk_that_forgets_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = iter(["a" * 64, "b" * 64])
    monkeypatch.setattr(store, "content_sha256", lambda *_: next(sums))
    with pytest.raises(DataError, match="does not read back"):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_import_left_is_cleared_away_once_it_is_old(tmp_path: Path) -> None:
    old, new = tmp_path / ".tiny-old", tmp_path / ".tiny-new"
    for folder in (old, new):
        folder.mkdir()
    long_ago = time.time() - 2 * store.STALE_SECONDS
    os.utime(old, (long_ago, long_ago))
    write(tmp_path)
    assert not old.exists()
    assert new.exists()  # somebody may be importing just now


def replace(file: Path, data: bytes) -> None:
    file.unlink()
    file.write_bytes(data)


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "index.json"])
def test_a_missing_file_is_named(name: str, own: Path) -> None:
    (own / "cifar10" / name).unlink()
    with pytest.raises(DataError, match=rf"{name} is damaged: it is missing(.|\n)*data import"):
        cifar10.open_store(own)


def test_a_short_file_is_named(own: Path) -> None:
    replace(own / "cifar10" / "labels.npy", b"short")
    with pytest.raises(DataError, match=r"labels\.npy is damaged: it has 5 bytes"):
        cifar10.open_store(own)


def test_a_header_that_says_something_else_is_named(own: Path) -> None:
    file = own / "cifar10" / "labels.npy"
    data = file.read_bytes()
    replace(file, data.replace(b"|u1", b"|i1"))
    with pytest.raises(DataError, match=r"labels\.npy is damaged: it holds int8"):
        cifar10.open_store(own)


def test_a_file_that_is_no_array_is_named(own: Path) -> None:
    file = own / "cifar10" / "labels.npy"
    replace(file, b"x" * file.stat().st_size)
    with pytest.raises(DataError, match=r"labels\.npy is damaged: it is no \.npy file"):
        cifar10.open_store(own)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": "many"}, "it is no index"),
        ({"schema": 99}, "it has the layout 99"),
        ({"files": {}}, "not what the index says"),
        ({"sha256": "0" * 64}, None),
    ],
)
def test_an_index_that_is_wrong_is_named(change: dict[str, object], message: str | None, own: Path) -> None:
    file = own / "cifar10" / "index.json"
    replace(file, json.dumps(json.loads(file.read_text()) | change).encode())
    if message:
        with pytest.raises(DataError, match=message):
            cifar10.open_store(own)
    else:  # only reading every byte finds it
        with pytest.raises(DataError, match=r"index\.json is damaged"):
            store.check(cifar10.open_store(own))


def test_check_finds_one_changed_byte(own: Path) -> None:
    file = own / "cifar10" / "images.npy"
    copy = shutil.copy(file, own / "copy")
    with Path(copy).open("r+b") as stream:
        stream.seek(1_000_000)
        stream.write(b"\x07")
    Path(copy).replace(file)
    with pytest.raises(DataError, match=r"images\.npy is damaged: its checksum"):
        store.check(cifar10.open_store(own))


def test_no_right_to_read_is_said(imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(DataError, match=r"Permission denied(.|\n)*index\.json"):
        cifar10.open_store(imported)
