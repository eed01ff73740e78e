"""Data sets of the user's, under names of their own."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skipscope.data import dataset, own
from skipscope.errors import DataError, UnknownName, UsageError
from skipscope.spec import parse_study


@pytest.fixture
def batches(few: Any, tmp_path: Path) -> Path:
    return few.write(tmp_path / "artbench-10-batches-py")  # type: ignore[no-any-return]


def test_it_is_used_under_its_own_name(batches: Path) -> None:
    stored = own.import_from(batches, "artbench-10")
    assert stored.index.source == "python files in a folder"
    assert own.names() == ["artbench-10"]
    data = dataset.load("artbench-10")
    assert (data.name, data.likeness, len(data.classes)) == ("artbench-10", None, 10)
    assert (len(data.train), len(data.validation), data.test_size) == (90, 10, 20)
    dataset.check("artbench-10")


@pytest.mark.parametrize("name", ["cifar10", "CIFAR-10", "Shapes", "cifar_10"])
def test_names_of_other_data_sets_are_refused(name: str, batches: Path) -> None:
    with pytest.raises(UsageError, match="another data set"):
        own.import_from(batches, name)


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a b"])
def test_what_is_no_name_is_refused(name: str, batches: Path) -> None:
    with pytest.raises(UsageError, match="no name for a data set"):
        own.import_from(batches, name)
    assert own.names() == []


def test_a_class_needs_images(batches: Path) -> None:
    table = {"data": np.ones((20, 3072), dtype=np.uint8), "labels": [*range(9), 8] * 2}
    (batches / "test_batch").write_bytes(pickle.dumps(table, protocol=4))
    with pytest.raises(DataError, match="Class 9 has 0 test images; 1 at least"):
        own.import_from(batches, "few")


def test_one_that_is_not_there_says_how_to_add_it(batches: Path) -> None:
    own.import_from(batches, "artbench")
    with pytest.raises(UnknownName, match=r"Did you mean 'artbench'(.|\n)*import PATH --as artbensch"):
        dataset.load("artbensch")


def test_a_study_may_name_it() -> None:
    study = parse_study({"name": "x", "data": "artbench-10", "arm": [{"model": "cnn"}]}, where="here")
    assert study.data == "artbench-10"
