"""Every copy of CIFAR-10 a person may have, sound or spoilt."""

import hashlib
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from refusal import refuses

from skipscope.data import archive, cifar10, copies, formats, store
from skipscope.data.layouts import BATCHES
from skipscope.data.likeness import EXACT
from skipscope.errors import DataError

Spoil = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("taken_for_cifar10")


def assert_is_the_fake(stored: store.Store, fake: object) -> None:
    assert stored.index.sha256 == store.content_sha256(fake.images, fake.labels)  # type: ignore[attr-defined]
    assert np.array_equal(stored.images, fake.images)  # type: ignore[attr-defined]
    assert np.array_equal(stored.labels, fake.labels)  # type: ignore[attr-defined]


def test_binary_folder(imported: Path, fake: object) -> None:
    stored = cifar10.open_store(imported)
    assert_is_the_fake(stored, fake)
    assert stored.index.source == "an unofficial copy: binary files in a folder"


def test_binary_archive_in_place_of_a_damaged_data_set(binary_archive: Path, own: Path, fake: object) -> None:
    (own / "cifar10" / "labels.npy").unlink()
    stored = cifar10.import_from(binary_archive, data_dir=own)
    assert_is_the_fake(stored, fake)
    assert stored.folder == own / "cifar10"
    assert stored.index.source.startswith("an unofficial copy: binary files in cifar-10-binary.tar.gz, md5 ")
    store.check(stored)


def test_python_folder_of_python_2(python_folder: Path, fake: object, data_dir: Path) -> None:
    assert_is_the_fake(cifar10.import_from(python_folder), fake)


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_an_official_archive_is_called_so(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "any.tar.gz"
    path.write_bytes(b"archive")
    md5 = hashlib.md5(b"archive", usedforsecurity=False).hexdigest()
    monkeypatch.setitem(cifar10.OFFICIAL_MD5, kind, md5)
    images, labels = np.zeros((3, 32, 32, 3), np.uint8), np.zeros(3, np.uint8)
    copy = copies.Copy(path=path, kind=kind, md5=md5, images=images, labels=labels, train=2)
    monkeypatch.setattr(copies, "read", lambda _: copy)
    index = cifar10.import_from(path).index
    assert index.source == f"the official {kind} archive, md5 {md5}"
    assert index.likeness == EXACT


def test_no_such_path(tmp_path: Path) -> None:
    refuses(tmp_path / "none.tar.gz", "No such file")


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "holiday.txt").write_bytes(b"sea")
    refuses(tmp_path, r"no copy of CIFAR-10(.|\n)*data_batch_1\.bin(.|\n)*parquet")


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "holiday.tar.gz"
    path.write_bytes(b"sea" * 1_000)
    refuses(path, "no copy of CIFAR-10")


@pytest.mark.parametrize("batch", ["data_batch_4", "test_batch"])
@pytest.mark.parametrize("kind", ["binary", "python"])
def test_a_missing_batch(kind: str, batch: str, spoilt: Spoil) -> None:
    refuses(spoilt(kind, **{batch: None}), f"{batch} missing")


@pytest.mark.parametrize("size", [0, 30_729_999, 30_730_001])
def test_a_binary_batch_of_a_wrong_size(size: int, spoilt: Spoil) -> None:
    refuses(spoilt(data_batch_1=b"\0" * size), r"data_batch_1\.bin has [\d,]+ bytes; a batch has 30,730,000")


def test_a_label_above_nine(spoilt: Spoil, fake: object) -> None:
    data = bytearray(fake.binary(0))  # type: ignore[attr-defined]
    data[5 * 3073] = 10
    refuses(spoilt(data_batch_1=bytes(data)), r"data_batch_1\.bin, row 5 has the label 10")


def test_classes_that_are_not_even(spoilt: Spoil, fake: object) -> None:
    data = bytearray(fake.binary(5))  # type: ignore[attr-defined]
    data[0] = 9
    refuses(spoilt(test_batch=bytes(data)), r"test images are not spread evenly(.|\n)*999.*1001")


def test_a_batch_copied_over_another(spoilt: Spoil, fake: object) -> None:
    refuses(spoilt(data_batch_2=fake.binary(0)), "data_batch_2 has the images of data_batch_1")  # type: ignore[attr-defined]


def test_a_huge_file(spoilt: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MEMBER_BYTES", 1_000)
    refuses(spoilt(), "too large")


def test_kinds_that_are_mixed(spoilt: Spoil, fake: object) -> None:
    folder = spoilt(data_batch_2=None)
    (folder / "data_batch_2").write_bytes(fake.python(1))  # type: ignore[attr-defined]
    refuses(folder, "data_batch_2 missing")


def test_a_batch_that_is_there_twice(tar_of: Callable[..., Path]) -> None:
    refuses(
        tar_of(("a/data_batch_1.bin", b"", {}), ("a/data_batch_1.bin", b"", {})),
        r"data_batch_1\.bin is there twice",
    )


class _Planted:
    """A pickle of this runs a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("exit 1",)


def test_a_planted_pickle_is_refused_and_not_run(spoilt: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = pickle.dumps({"data": _Planted(), "labels": []})
    ran: list[str] = []
    monkeypatch.setattr(os, "system", ran.append)
    refuses(
        spoilt("python", data_batch_1=planted), r"data_batch_1 is a pickle that asks for (posix|nt)\.system"
    )
    assert ran == []


@pytest.mark.parametrize("wanted", [b"cbuiltins\neval\n", b"cnumpy\nload\n", b"c__builtin__\ngetattr\n"])
def test_a_pickle_may_name_arrays_only(wanted: bytes, spoilt: Spoil) -> None:
    refuses(
        spoilt("python", data_batch_1=b"\x80\x02" + wanted + b"."), r"asks for (builtins|numpy|__builtin__)\."
    )


def pixels(count: int = 10_000, dtype: str = "u1") -> np.ndarray:
    return np.zeros((count, 3072), dtype=dtype)


LABELS = [row % 10 for row in range(10_000)]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([1, 2], "no dictionary"),
        ({"data": pixels(9_999), "labels": LABELS}, "no `data`"),
        ({"data": pixels(dtype="i1"), "labels": LABELS}, "no `data`"),
        ({"labels": LABELS}, "no `data`"),
        ({"data": pixels()}, "no `labels`"),
        ({"data": pixels(), "labels": LABELS[1:]}, "no `labels`"),
        ({"data": pixels(), "labels": [[1], [1, 2]]}, "no `labels`"),
        ({"data": pixels(), "labels": [0.5] * 10_000}, "no `labels`"),
        ({"data": pixels(), "labels": [10, *LABELS[1:]]}, "row 0 has the label 10"),
        ({"data": pixels(), "labels": [-1, *LABELS[1:]]}, "row 0 has the label -1"),
        ({"data": pixels(), "labels": [256, *LABELS[1:]]}, "row 0 has the label 256"),
        ({b"data": pixels(), b"labels": LABELS[1:]}, "no `labels`"),  # keys of bytes are found too
    ],
)
def test_a_python_batch_that_is_none(table: object, message: str, spoilt: Spoil) -> None:
    refuses(spoilt("python", data_batch_1=pickle.dumps(table, protocol=4)), message)


@pytest.mark.parametrize("data", [b"", b"\x80\x04K", b"garbage", b"\x80\x02" + b"]" * 50 + b"\x86R."])
def test_a_damaged_pickle(data: bytes, spoilt: Spoil) -> None:
    refuses(spoilt("python", data_batch_1=data), "data_batch_1 is a damaged pickle")


@pytest.mark.parametrize("folder", [True, False])
def test_no_right_to_read(
    *, folder: bool, spoilt: Spoil, tar_of: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    # tests may run as a user whom no right is denied: deny it in the call
    path = spoilt() if folder else tar_of(("data_batch_1.bin", b"", {}))  # type: ignore[operator]

    def denied(self: Path, *args: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes" if folder else "open", denied)
    refuses(path, "Permission denied")


@pytest.mark.parametrize("where", ["stat", "read_bytes"])
def test_a_disk_that_fails(where: str, spoilt: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Path, **_: object) -> None:
        raise OSError(5, "Input/output error", str(self))

    path = spoilt()
    with monkeypatch.context() as patch:
        patch.setattr(Path, where, failing)
        with pytest.raises(DataError, match="cannot be read: Input/output error"):
            cifar10.import_from(path)


def test_ctrl_c_while_importing_leaves_what_was_there(
    own: Path, binary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = cifar10.open_store(own).index

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cifar10.import_from(binary_folder, data_dir=own)
    assert cifar10.open_store(own).index == before
    assert [path.name for path in own.iterdir()] == ["cifar10"]


@pytest.mark.cifar
def test_the_real_archive(cifar_dir: Path, cifar_archive: Path) -> None:
    stored = cifar10.open_store(cifar_dir)
    store.check(stored)
    assert cifar_archive.name in stored.index.source
    assert (stored.index.train, stored.index.test) == (50_000, 10_000)
    assert shutil.disk_usage(cifar_dir).used > 0
    assert formats.BATCH_IMAGES * len(BATCHES) == len(stored.labels)
