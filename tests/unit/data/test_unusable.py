"""What is no data set the program can use is named; what is hostile is refused."""

import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packed import INNER, zipped

from skipscope.data import archive, copies, own
from skipscope.errors import DataError

UNUSABLE = {
    "empty.tar.gz": (b"", "file is empty: a download that never began"),
    "cifar-10-python.tar.gz": (b"\n<!DOCTYPE html><html>", "saved web page"),
    "page.zip": (b"<HTML>", "saved web page"),
    "data.tar.gz": (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS(.|\n)*git lfs pull"),
    "data_batch_1.mat": (b"MATLAB 5.0 MAT-file", "the MATLAB version"),
    "cifar.h5": (b"\x89HDF\r\n", "HDF5"),
    "x.npy": (b"\x93NUMPY", "arrays? of numpy's"),
    "train.7z": (b"7z\xbc\xaf\x27\x1c", "(7-Zip|packed in a way)(.|\n)*unpack it"),
    "cifar10-train.tfrecord-00000-of-00001": (b"\x1b\x0c", "TFRecord"),
    "cifar-10-python.tar.gz.crdownload": (b"sea", "half a download"),
    "half.zip": (b"PK\x03\x04\x14", "truncated or damaged: its end is missing"),
    "notes.txt": (b"sea", "no copy of CIFAR-10 in a known format(.|\n)*zip archive"),
}


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_not_usable_is_named(name: str, inside: bool, tmp_path: Path) -> None:
    data, message = UNUSABLE[name]
    (tmp_path / name).write_bytes(data)
    if inside and not any(each in name for each in ("cifar", "mat", "npy", "7z")):
        message = "no copy of CIFAR-10"
    with pytest.raises(DataError, match=message) as caught:
        copies.read(tmp_path if inside else tmp_path / name)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar-100-python/train", "CIFAR-100, a hundred classes"),
        ("fine_label_names.txt", "CIFAR-100"),
        ("train/1.png", "not in a folder for each of ten classes(.|\n)*train/airplane"),
        ("x_train.npy", "arrays of numpy's"),
        ("cifar10-train.arrow", "Arrow files(.|\n)*huggingface/hub"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_in_a_folder_or_archive_is_named(
    name: str, message: str, packed: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(b"sea")
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder)) if packed else folder
    with pytest.raises(DataError, match=message):
        copies.read(path)


@pytest.mark.parametrize("name", ["../data_batch_1", "/etc/passwd", "a\\..\\..\\b", "C:\\x"])
def test_a_zip_archive_whose_names_leave_it_is_refused(name: str, few: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Nothing of it was used"):
        copies.read(zipped(few, tmp_path, more={name: b"x"}))


def test_a_zip_archive_with_a_link_is_refused(few: Any, tmp_path: Path) -> None:
    path = zipped(few, tmp_path)
    with zipfile.ZipFile(path, "a") as made:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="a link or device: 'link'"):
        copies.read(path)


@pytest.mark.parametrize("limit", ["MEMBER_BYTES", "TOTAL_BYTES"])
def test_a_zip_archive_that_would_fill_the_memory(
    limit: str, few: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(few, tmp_path)
    monkeypatch.setattr(archive, limit, 100_000 if limit == "TOTAL_BYTES" else 10_000)
    with pytest.raises(DataError, match=r"too large|unpacks to more than 100,000"):
        copies.read(path)


def test_a_size_that_a_zip_archive_lies_about(few: Any, tmp_path: Path) -> None:
    path = zipped(few, tmp_path, more={"data_batch_1": b"\0" * 1_000_000})
    data = path.read_bytes()
    path.write_bytes(data.replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    found = copies.read(path)  # another one is there, and whole
    assert np.array_equal(found.labels, few.labels)
    with archive.opened(archive.Source(path=path)) as files, pytest.raises(zipfile.BadZipFile):
        files["data_batch_1"]()


def test_an_encrypted_zip_archive(few: Any, tmp_path: Path) -> None:
    path = zipped(few, tmp_path)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)
    with pytest.raises(DataError, match="is encrypted"):
        copies.read(path)


@pytest.mark.parametrize("spoilt", ["index.json", "labels.npy", "images.npy"])
def test_an_imported_data_set_that_is_damaged(spoilt: str, few: Any, tmp_path: Path) -> None:
    source = few.write(tmp_path / INNER)
    folder = own.import_from(source, "mine").folder
    (folder / spoilt).write_bytes(b"sea")
    with pytest.raises(DataError, match="imported data set is damaged"):
        copies.read(folder)
    (folder / spoilt).unlink()
    with pytest.raises(DataError, match=r"missing|no copy|arrays of numpy"):
        copies.read(folder)


def test_a_folder_of_everything(few: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few.write(tmp_path / INNER)
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    with pytest.raises(DataError, match="more than 3 files"):
        copies.read(tmp_path)
