"""CIFAR-10 as Hugging Face has it, sound or damaged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from packed import png
from pyarrow import parquet as arrow

from skipscope.data import cifar10, copies, parquet
from skipscope.errors import DataError

pytestmark = pytest.mark.usefixtures("taken_for_cifar10")


PNGS = [png(np.full((32, 32, 3), (label, 100, 255 - label), dtype=np.uint8)) for label in range(10)]


def write_parquet(folder: Path, split: str, count: int, column: str = "img", **change: object) -> Path:
    table = {
        column: [{"bytes": PNGS[row % 10], "path": None} for row in range(count)],
        "label": [row % 10 for row in range(count)],
    } | change
    file = folder / f"{split}-00000-of-00001.parquet"
    pl.DataFrame(table).write_parquet(file)
    return file


def test_parquet_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, known = parquet.decoded, {}  # decoding 60,000 takes seconds, and here there are ten

    def once(data: bytes, what: str, where: Path) -> np.ndarray:
        if data not in known:
            known[data] = decode(data, what, where)
        return known[data]

    monkeypatch.setattr(parquet, "decoded", once)
    inner = tmp_path / "plain_text"
    inner.mkdir()
    write_parquet(inner, "train", 50_000)
    write_parquet(inner, "test", 10_000)
    stored = cifar10.import_from(tmp_path)
    assert np.array_equal(stored.labels, np.arange(60_000) % 10)
    assert stored.images[50_003, 5, 6].tolist() == [3, 100, 252]
    assert stored.index.source == "an unofficial copy: parquet files in a folder"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write_parquet(tmp_path, "train", 20)
    write_parquet(tmp_path, "test", 10, column="image")
    return tmp_path


def test_a_single_file_is_read_with_the_one_beside_it(small: Path) -> None:
    found = copies.read(next(small.glob("train-*")))
    assert (found.kind, found.train, len(found.labels)) == ("parquet", 20, 30)


def test_the_names_of_classes_are_those_that_datasets_writes(small: Path) -> None:
    names = [f"style {label}" for label in range(10)]
    about = {"info": {"features": {"label": {"names": names}}}}
    file = next(small.glob("train-*"))
    table = arrow.read_table(file)
    arrow.write_table(table.replace_schema_metadata({"huggingface": json.dumps(about)}), file)
    assert copies.read(small).classes == tuple(names)
    assert copies.read(small).labels.tolist() == [row % 10 for row in range(20)] + [*range(10)]


def test_cifar100_is_named(small: Path) -> None:
    write_parquet(small, "test", 10, fine_label=[0] * 10)
    file = next(small.glob("test-*"))
    pl.read_parquet(file).drop("label").write_parquet(file)
    with pytest.raises(DataError, match="is CIFAR-100's"):
        copies.read(small)


def test_more_rows_than_the_memory_should_hold(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MOST_IMAGES", 29)
    with pytest.raises(DataError, match="have 30 rows"):
        copies.read(small)


BAD_IMAGES = {
    "32 x 31 RGB": png(np.zeros((31, 32, 3), dtype=np.uint8)),
    "32 x 32 L": png(np.zeros((32, 32), dtype=np.uint8)),
    "cannot identify": b"no image",
    "it has no bytes": None,
    "row 1": PNGS[0][:60],
}


@pytest.mark.parametrize(("message", "data"), BAD_IMAGES.items())
def test_parquet_with_what_is_no_such_image(message: str, data: bytes | None, small: Path) -> None:
    rows = [{"bytes": PNGS[0], "path": None}] * 20
    rows[1] = {"bytes": data, "path": None}  # type: ignore[dict-item]
    write_parquet(small, "train", 20, img=rows)
    with pytest.raises(
        DataError, match=rf"row 1 is not a 32 x 32 RGB image(.|\n)*{message}|{message} is not"
    ):
        copies.read(small)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": [*range(9), 10]}, r"test-00000-of-00001\.parquet, row 9 has the label 10"),
        ({"label": [*range(9), None]}, "row 9 has no label"),
        ({"label": ["cat"] * 10}, "cannot be read"),
        ({"img": list(range(10))}, "cannot be read"),
        ({"column": "picture"}, "has the columns picture, label"),
    ],
)
def test_parquet_with_other_columns_or_labels(change: dict[str, Any], message: str, small: Path) -> None:
    write_parquet(small, "test", 10, **change)
    with pytest.raises(DataError, match=message):
        copies.read(small)


def test_parquet_without_a_split(small: Path) -> None:
    next(small.glob("test-*")).unlink()
    with pytest.raises(DataError, match=r"no parquet file of the test images"):
        copies.read(small)


@pytest.mark.parametrize("keep", [0, 4, 0.5])
def test_parquet_that_is_truncated(keep: float, small: Path) -> None:
    file = next(small.glob("train-*"))
    data = file.read_bytes()
    file.write_bytes(data[: int(keep * len(data)) if keep < 1 else int(keep)])
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet cannot be read"):
        copies.read(small)
