"""What a trained network leaves for the report: readings, pictures, and the sample once a data set."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor, nn

from skipscope.data.dataset import Dataset, load
from skipscope.errors import ProbeError, WorkspaceError
from skipscope.kernels.fast import KERNELS, convolution
from skipscope.models.registry import build
from skipscope.probes.base import Reading, View
from skipscope.probes.measure import view_of
from skipscope.probes.pictures import pictures
from skipscope.probes.registry import PROBES
from skipscope.records.readings import READINGS
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import RunSpec
from skipscope.training import instruments
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import keep_sample, measure_trained, sample

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


def network() -> nn.Module:
    return build("cnn", seed=0)


def folder_at(path: Path) -> RunFolder:
    folder = RunFolder(path)
    folder.make()
    return folder


def measured(folder: RunFolder, data: Dataset, run_of: RunOf, **how: object) -> bool:
    batches = BatchMaker(data, run_of().recipe, CPU)
    usual = {"recipe": run_of().recipe, "step": 6, "probes": ("answers",), "go_on": lambda _: True}
    chosen = usual | {"start": network} | how
    return measure_trained(folder, network(), data, batches, **chosen)  # type: ignore[arg-type]


def test_pictures_of_one_image_lie_beside_the_readings(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "run")
    assert measured(folder, tiny, run_of)
    found = folder.pictures()
    images, labels = tiny.validation.take(np.arange(1))
    assert np.array_equal(found.pop("image"), images[0])
    assert found.pop("image_label") == labels[0]
    view = view_of(network(), *sample(tiny, BatchMaker(tiny, run_of().recipe, CPU)))
    expected = pictures(view)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert set(folder.readings()["probe"]) == {"answers"}


def test_a_probe_that_compares_with_the_start_is_given_it(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[View] = []

    def keep(view: View) -> list[Reading]:
        given.append(view)
        return [Reading(quantity="accuracy", value=0.5)]

    for name in ("answers", "reinitialisation"):
        monkeypatch.setitem(PROBES, name, replace(PROBES[name], measure=keep))
    start = build("cnn", seed=4)
    folder = folder_at(tmp_path / "run")
    assert measured(folder, tiny, run_of, probes=("answers", "reinitialisation"), start=lambda: start)
    without, with_start = given
    assert without.start is None
    assert with_start.start is not None
    assert all(torch.equal(with_start.start[name], value) for name, value in start.state_dict().items())


def test_what_other_probes_read_is_kept(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "run")
    rows = [("answers", 6, 5.0), ("answers", 3, 6.0), ("gates", 6, 7.0)]
    before = pl.DataFrame(
        [
            {"run": "run", "probe": probe, "step": step, "quantity": "accuracy", "value": value}
            for probe, step, value in rows
        ],
        schema=READINGS,
    )
    folder.write_readings(before)
    assert measured(folder, tiny, run_of)
    after = folder.readings()
    assert after.head(2).equals(before.tail(2))
    now = after.filter(probe="answers", step=6, quantity="accuracy")["value"]
    assert len(now) == 1
    assert 0 <= now[0] <= 1


@pytest.mark.parametrize("kernels", ["fast", "stock"])
def test_it_computes_in_fp32_with_the_recipes_operators(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernels: str
) -> None:
    seen = []

    def ours(x: Tensor, *rest: Any, **named: Any) -> Tensor:
        y = convolution(x, *rest, **named)
        seen.append(y.dtype)
        return y

    monkeypatch.setitem(KERNELS, torch.conv2d, ours)
    recipe = run_of().recipe.model_copy(update={"precision": "bf16", "kernels": kernels})
    assert measured(folder_at(tmp_path / "run"), tiny, run_of, recipe=recipe)
    assert set(seen) == ({torch.float32} if kernels == "fast" else set())


def test_asked_to_stop_it_keeps_what_probes_have_read(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    folder = folder_at(tmp_path / "run")
    asked: list[str] = []

    def first_only(probe: str) -> bool:
        asked.append(probe)
        return len(asked) < 2

    assert not measured(folder, tiny, run_of, probes=("answers", "redundancy"), go_on=first_only)
    assert asked == ["answers", "redundancy"]
    assert set(folder.readings()["probe"]) == {"answers"}
    assert not folder.pictures()


def test_what_cannot_be_written_leaves_the_readings_as_they_were(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_at(tmp_path / "run")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skipscope.records.files.os.fsync", full)
    with pytest.raises(WorkspaceError, match="The disk is full"):
        measured(folder, tiny, run_of)
    assert not folder.readings_file.exists()
    assert folder.pictures() == {}


def test_what_a_probe_cannot_read_is_named_and_the_others_are_kept(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_view: object) -> Any:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setitem(PROBES, "redundancy", replace(PROBES["redundancy"], measure=broken))
    folder = folder_at(tmp_path / "run")
    for probes, kept in ((("redundancy",), set()), (("redundancy", "answers"), {"answers"})):
        with pytest.raises(ProbeError, match=r"redundancy \(ZeroDivisionError: a bug of ours\)") as caught:
            measured(folder, tiny, run_of, probes=probes)
        assert set(folder.readings()["probe"]) == kept
        assert "image" in folder.pictures()
    told = "".join(traceback.format_exception(caught.value))
    assert "in broken" in told  # where it happened
