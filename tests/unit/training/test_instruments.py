"""The sample that probes look at, kept once a data set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from skipscope.data.dataset import Dataset, load
from skipscope.errors import WorkspaceError
from skipscope.records.store import Workspace
from skipscope.spec import RunSpec
from skipscope.training import instruments
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import keep_sample, sample

RunOf = Callable[..., RunSpec]
CPU = torch.device("cpu")


def test_the_workspace_keeps_the_images_that_probes_look_at(tmp_path: Path, run_of: RunOf) -> None:
    data, workspace = load("shapes"), Workspace(tmp_path / "my 实验")
    keep_sample(workspace, data)
    kept = workspace.sample(data.sha256)
    assert sorted(kept) == ["images", "labels", "positions"]
    count = min(instruments.SAMPLE, len(data.validation))
    assert kept["images"].shape == (count, 32, 32, 3)
    assert kept["images"].dtype == np.uint8
    # image and class by their place in the validation split, as the order of learning names them
    images, labels = data.validation.take(kept["positions"])
    assert np.array_equal(images, kept["images"])
    assert np.array_equal(labels, kept["labels"])
    # and they are what the probes are given
    batches = BatchMaker(data, run_of().recipe, CPU)
    seen, classes = sample(data, batches)
    assert torch.equal(seen, batches.normalise(kept["images"]))
    assert np.array_equal(classes.numpy(), kept["labels"])


def test_of_a_large_split_a_stratified_part_is_kept(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instruments, "SAMPLE", 10)
    workspace = Workspace(tmp_path)
    keep_sample(workspace, tiny)
    kept = workspace.sample(tiny.sha256)
    assert len(kept["labels"]) == len(set(kept["positions"].tolist())) == 10
    assert np.array_equal(tiny.validation.take(kept["positions"])[1], kept["labels"])
    assert len(set(kept["labels"].tolist())) == 10  # one of each class, of which two have two


def test_it_is_written_once_and_whole(tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("skipscope.records.files.os.fsync", full)
        with pytest.raises(WorkspaceError, match="The disk is full"):
            keep_sample(workspace, tiny)
    path = workspace.sample_file(tiny.sha256)
    assert list(path.parent.iterdir()) == []
    keep_sample(workspace, tiny)
    written = path.stat().st_mtime_ns
    keep_sample(workspace, tiny)
    assert path.stat().st_mtime_ns == written
    assert [each.name for each in path.parent.iterdir()] == [path.name]
