"""The forms in which people have a data set: whatever is around it, it is found."""

import gzip
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from packed import INNER, png, tarred, zipped
from PIL import Image

from skipscope.data import copies, layouts
from skipscope.data.layouts import BATCHES
from skipscope.errors import DataError

Make = Callable[[Any, Path], Path]


def macos(few: Any, folder: Path) -> Path:
    doubles = {f"__MACOSX/{INNER}/._{batch}": b"Mac OS X" for batch in BATCHES}
    return zipped(few, folder, more=doubles | {f"{INNER}/.DS_Store": b"x", f"{INNER}/": b""})


def tar_in_a_zip(few: Any, folder: Path) -> Path:
    packed = tarred(few, folder / "x")
    with zipfile.ZipFile(folder / "outer.zip", "w") as made:
        made.write(packed, "data/cifar-10-python.tar.gz")
    shutil.rmtree(folder / "x")
    return folder / "outer.zip"


def beside_a_damaged_one(few: Any, folder: Path) -> Path:
    tarred(few, folder, "mine.tar.gz")
    (folder / "a.zip").write_bytes(b"PK\x03\x04")
    (folder / "cifar-10-old.tar.gz").write_bytes(b"\x1f\x8b")
    return folder


def torchvision(few: Any, folder: Path) -> Path:
    tarred(few, folder)
    few.write(folder / INNER)
    (folder / "MNIST" / "raw").mkdir(parents=True)
    (folder / "MNIST" / "raw" / "train-images.gz").write_bytes(gzip.compress(b"x"))
    return folder


def hugging_face(few: Any, folder: Path) -> Path:
    """The hub's cache: names in snapshots, which are links to blobs."""
    cache = folder / "datasets--uoft-cs--cifar10"
    names = cache / "snapshots" / "0b2714987fa478483af9968de7c934580d0bb9a2" / "plain_text"
    names.mkdir(parents=True)
    (cache / "blobs").mkdir()
    for number, (split, rows) in enumerate((("train", slice(0, 100)), ("test", slice(100, 120)))):
        blob = parquet(few, cache / "blobs" / f"{number}", rows)
        (names / f"{split}-00000-of-00001.parquet").symlink_to(os.path.relpath(blob, names))
    return cache


def convert(few: Any, folder: Path) -> Path:
    """`refs/convert/parquet`, in two files a split."""
    for split, start, end in (("train", 0, 50), ("train", 50, 100), ("test", 100, 120)):
        inner = folder / "plain_text" / split
        inner.mkdir(parents=True, exist_ok=True)
        parquet(few, inner / f"{start // 50:04}.parquet", slice(start, end))
    return folder


def single_files(few: Any, folder: Path) -> Path:
    parquet(few, folder / "cifar10-test.parquet", slice(100, 120))
    return parquet(few, folder / "cifar10-train.parquet", slice(0, 100))


def parquet(few: Any, file: Path, rows: slice) -> Path:
    import polars as pl

    pictures = [{"bytes": png(image), "path": None} for image in few.images[rows]]
    file.parent.mkdir(exist_ok=True)
    pl.DataFrame({"img": pictures, "label": few.labels[rows].tolist()}).write_parquet(file)
    return file


FORMS: dict[str, Make] = {
    "a zip archive, as Kaggle's": lambda few, folder: zipped(few, folder, prefix=""),
    "macOS's zip archive": macos,
    "tar": lambda few, folder: tarred(few, folder, "cifar.tar"),
    "bzip2": lambda few, folder: tarred(few, folder, "cifar.tar.bz2"),
    "xz": lambda few, folder: tarred(few, folder, "cifar.tar.xz"),
    "./ before names": lambda few, folder: tarred(few, folder, inner=f"./{INNER}"),
    "an archive in a folder": lambda few, folder: tarred(few, folder / "got").parent,
    "an archive in a zip archive": tar_in_a_zip,
    "that in a folder": lambda few, folder: tar_in_a_zip(few, folder).parent,
    "beside a damaged one": beside_a_damaged_one,
    "folders deeper": lambda few, folder: few.write(folder / "a" / "b" / INNER).parents[1],
    "torchvision's root": torchvision,
    "Keras 2": lambda few, folder: few.write(folder / "datasets" / INNER).parent,
    "Keras 3": lambda few, folder: few.write(folder / "datasets" / f"{INNER}-target" / INNER).parents[1],
    "Keras 3's archive": lambda few, folder: tarred(few, folder, f"{INNER}-target_archive").parent,
    "the hub's cache": hugging_face,
    "the hub's root": lambda few, folder: hugging_face(few, folder).parent,
    "refs/convert": convert,
    "one parquet file a split": single_files,
}


@pytest.mark.parametrize("form", FORMS)
def test_it_is_found(form: str, few: Any, tmp_path: Path) -> None:
    found = copies.read(FORMS[form](few, tmp_path))
    assert np.array_equal(found.images, few.images)
    assert np.array_equal(found.labels, few.labels)
    assert found.train == 100


def test_the_checksum_is_the_inner_archives(few: Any, tmp_path: Path) -> None:
    alone = copies.read(tarred(few, tmp_path))
    found = copies.read(tar_in_a_zip(few, tmp_path))
    assert found.md5 == alone.md5
    assert found.described() == f"python files in cifar-10-python.tar.gz, md5 {alone.md5}"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("labels", ["list", "<i8", ">i4", "u1", "column", "numbers"])
def test_every_protocol_and_labels_as_arrays(protocol: int, labels: str, few: Any, tmp_path: Path) -> None:
    folder = few.write(tmp_path / "b")
    given: Any = few.labels[:20].tolist()
    if labels == "numbers":
        given = list(few.labels[:20].astype(np.int64))
    elif labels == "column":
        given = np.array(given)[:, None]
    elif labels != "list":
        given = np.array(given, dtype=labels)
    (folder / BATCHES[0]).write_bytes(few.pickled(0, protocol, given))
    found = copies.read(folder)
    assert np.array_equal(found.labels, few.labels)
    assert np.array_equal(found.images, few.images)


@pytest.mark.parametrize(
    "labels", [np.zeros(20), np.zeros((4, 5), int), np.zeros(19, int), np.zeros(20, "U1")]
)
def test_arrays_that_are_no_labels(labels: np.ndarray, few: Any, tmp_path: Path) -> None:
    folder = few.write(tmp_path / "b")
    (folder / BATCHES[0]).write_bytes(few.pickled(0, 5, labels))
    with pytest.raises(DataError, match=r"no `labels`|asks for"):
        copies.read(folder)


def test_the_names_of_classes_are_read(few: Any, tmp_path: Path) -> None:
    folder, names = few.write(tmp_path / "b"), [f"style {label}" for label in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({b"label_names": [name.encode() for name in names]}))
    assert copies.read(folder).classes == tuple(names)
    for spoilt in (b"", pickle.dumps({"label_names": names[1:]}), pickle.dumps([1])):
        (folder / "batches.meta").write_bytes(spoilt)
        assert copies.read(folder).classes == ()


CLASSES = ["bird", "car", "cat", "deer", "dog", "frog", "horse", "plane", "ship", "truck"]
LABELS = [2, 1, 3, 4, 5, 6, 7, 0, 8, 9]
"""CIFAR-10's numbers of these names, in which cars and planes come first."""


def pictures(few: Any, folder: Path, *, numbered: bool, test: str = "test", suffix: str = "png") -> Path:
    """An ImageFolder: files numbered through the split, as fast.ai's, or anew in each class."""
    seen = dict.fromkeys(range(10), 0)
    for row, (image, label) in enumerate(zip(few.images, few.labels, strict=True)):
        split, number = ("train", row) if row < 100 else (test, row - 100)
        seen[label] += 1
        name = f"{number}_x.{suffix}" if numbered else f"{seen[label]:04}.{suffix}"
        file = folder / "cifar10" / split / CLASSES[LABELS.index(label)] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return folder


@pytest.mark.parametrize("test", ["test", "val"])
def test_pictures_numbered_through_come_in_their_order(test: str, few: Any, tmp_path: Path) -> None:
    found = copies.read(pictures(few, tmp_path, numbered=True, test=test))
    assert np.array_equal(found.images, few.images)
    assert np.array_equal(found.labels, few.labels)
    assert (found.kind, found.train, found.classes[:2]) == ("picture", 100, ("plane", "car"))


def test_other_pictures_come_class_by_class(few: Any, tmp_path: Path) -> None:
    found = copies.read(pictures(few, tmp_path, numbered=False, suffix="jpg"))
    assert found.labels.tolist() == sorted(few.labels[:100]) + sorted(few.labels[100:])
    first = few.images[few.labels == 0][0].astype(int)
    assert np.abs(found.images[0] - first).mean() < 60  # JPEG of noise


def test_further_images_for_validation_train(few: Any, tmp_path: Path) -> None:
    folder = pictures(few, tmp_path, numbered=False) / "cifar10"
    shutil.copytree(folder / "test", folder / "val")
    assert copies.read(tmp_path).train == 120


def test_a_class_without_pictures_and_one_of_another_size(few: Any, tmp_path: Path) -> None:
    folder = pictures(few, tmp_path, numbered=True) / "cifar10"
    Image.new("RGB", (31, 32)).save(folder / "train" / "cat" / "9999.png")
    with pytest.raises(DataError, match=r"cat/9999\.png is not a 32 x 32 RGB image: it is 31 x 32"):
        copies.read(tmp_path)
    shutil.rmtree(folder / "test" / "frog")
    with pytest.raises(DataError, match="no pictures in test/frog"):
        copies.read(tmp_path)


def test_a_single_file_is_the_one_that_is_read(few: Any, tmp_path: Path) -> None:
    few.write(tmp_path / INNER)
    assert copies.read(single_files(few, tmp_path)).kind == "parquet"
    assert copies.read(convert(few, tmp_path) / "plain_text" / "train" / "0000.parquet").train == 100


def test_a_single_file_alone_says_what_is_missing(few: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no other beside it for the other split"):
        copies.read(parquet(few, tmp_path / "x" / "train.parquet", slice(0, 10)))


def test_of_many_data_sets_cifar10_is_preferred() -> None:
    roots = ("hub/datasets--cifar100/a", "hub/datasets--uoft-cs--cifar10/a/b")
    names = [f"{root}/{split}-0.parquet" for root in roots for split in ("train", "test")]
    assert [each.folder for each in layouts.find(names)] == [f"{root}/" for root in reversed(roots)]


def test_a_complete_one_is_preferred() -> None:
    names = ["a/data_batch_1.bin", *(f"b/c/{batch}" for batch in BATCHES), "train/0.parquet"]
    found = layouts.find(names)
    assert [(each.kind, each.folder) for each in found] == [
        ("python", "b/c/"),
        ("parquet", ""),
        ("binary", "a/"),
    ]
    assert found[1].missing == ("test",)
