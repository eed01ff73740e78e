"""Training on an accelerator, on a fake one that computes as the processor does: the same bytes, unasked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import RunSpec, Snapshots
from skipscope.training import loop, trainer
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.optimizer import SGD

RunOf = Callable[..., RunSpec]


def trained(spec: RunSpec, data: Dataset, folder: Path, *, windows: int = 10**6) -> RunFolder:
    run, left = Workspace(folder).run_folder(spec.id), iter(range(windows - 1))
    trainer.train(spec, data, run, on_event=lambda _: None, stop=lambda: next(left, None) is None)
    return run


def rows(run: RunFolder) -> list[dict]:
    """The metrics, but for seconds."""
    lines = run.metrics_file.read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]


@pytest.fixture
def steps(tiny: Dataset, accelerator: list[str]) -> Callable[[RunSpec], tuple]:
    """The loop on the accelerator, without instruments."""

    def of(spec: RunSpec) -> tuple:
        model = to_device(build(spec.model, seed=spec.seed), spec.recipe, device())
        batches, progress = BatchMaker(tiny, spec.recipe, device()), Progress()
        parts = (model, SGD(model, spec.recipe), batches, spec.recipe, tiny, progress)
        return loop.train_steps(*parts, seed=spec.seed), model, batches, progress

    return of


@pytest.mark.parametrize("kernels", ["stock", "fast"])
def test_a_run_leaves_the_same_numbers_there_and_here(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, request: pytest.FixtureRequest, kernels: str
) -> None:
    recipe = {"batch_size": 4, "clip_norm": 1.0, "kernels": kernels}
    here = trained(run_of("resnet8", **recipe | {"kernels": "stock"}), tiny, tmp_path / "here")
    request.getfixturevalue("accelerator")
    there = trained(run_of("resnet8", **recipe), tiny, tmp_path / "there")
    assert there.read().environment.machine["device"] == "fake"
    assert rows(there) == rows(here)
    assert there.readings().drop("run").equals(here.readings().drop("run"))
    mine, theirs = (load_file(run.path / "model.safetensors") for run in (there, here))
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs | mine)
    assert there.read().result.test_loss == here.read().result.test_loss


def test_nothing_in_a_step_waits_for_the_device(
    steps: Callable[[RunSpec], tuple], run_of: RunOf, accelerator: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window's losses are fetched at its end, and its hits: two fetches, however many steps it has."""
    monkeypatch.setattr(loop, "WINDOW", 5)
    going, *_ = steps(run_of("resnet8", batch_size=4, clip_norm=1.0))  # 12 steps an epoch
    next(going)  # the images are uploaded once
    accelerator.clear()
    counted = []
    for rows, epoch in going:
        counted.append((len(rows), len(accelerator), epoch is not None))
        accelerator.clear()
    # an epoch's end has its validation: losses, and which images are right
    assert counted == [(5, 2, False), (2, 4, True), (5, 2, False), (5, 2, False), (2, 4, True)]


def test_a_run_that_stops_there_goes_on_to_the_same_bytes(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, accelerator: list[str]
) -> None:
    spec = run_of("cnn", batch_size=4)
    whole = trained(spec, tiny, tmp_path / "whole")
    parts = trained(spec, tiny, tmp_path / "parts", windows=3)
    assert parts.read().state == "unfinished"
    parts = trained(spec, tiny, tmp_path / "parts")
    assert rows(parts) == rows(whole)
    assert parts.readings().equals(whole.readings())
    weights = (run.path / "model.safetensors" for run in (whole, parts))
    assert len({path.read_bytes() for path in weights}) == 1


def test_a_level_is_seen_at_the_end_of_its_window(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, accelerator: list[str]
) -> None:
    spec, run = run_of("cnn", batch_size=4), Workspace(tmp_path).run_folder(run_of("cnn", batch_size=4).id)
    snapshots = Snapshots(losses=(2.2,))
    kept = trainer.train(
        spec, tiny, run, on_event=lambda _: None, stop=lambda: False, snapshots=snapshots
    ).snapshots
    smoothed = [row for row in rows(run) if row["kind"] == "step"]
    mean = weight = 0.0
    below = []
    for row in smoothed:
        mean, weight = 0.98 * mean + 0.02 * row["loss"], 0.98 * weight + 0.02
        below.append(mean / weight < 2.2)
    first = below.index(True) + 1
    ends = [10, 12, 22, 24]
    assert [each.step for each in kept] == [next(end for end in ends if end >= first)]


def test_losses_before_one_that_is_not_finite_are_kept(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    spec = run_of("cnn", batch_size=4, learning_rate=1e20, epochs=5, warmup_epochs=0)
    here = trained(spec, tiny, tmp_path / "here")
    request.getfixturevalue("accelerator")
    there = trained(spec, tiny, tmp_path / "there")
    assert there.read().failure == here.read().failure
    assert rows(there) == rows(here)
    assert len(rows(there)) > 0


def test_a_checkpoint_from_there_is_read_where_the_device_is_not(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint of a GPU names it beside each tensor."""
    spec = run_of("cnn", batch_size=4)
    whole = trained(spec, tiny, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda _: "cuda:0")
        parts = trained(spec, tiny, tmp_path / "parts", windows=3)
    assert b"cuda:0" in parts.state_file.read_bytes()
    assert rows(trained(spec, tiny, tmp_path / "parts")) == rows(whole)
