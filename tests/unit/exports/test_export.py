"""`skipscope export` and `Workspace.export`, on the zoo's trained networks."""

import json
from pathlib import Path

import onnx
import onnxruntime
import polars as pl
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

import skipscope
from skipscope.cli import app
from skipscope.engine.trained import network
from skipscope.errors import SkipscopeError, UnknownName, UsageError, WorkspaceError
from skipscope.exports.export import export
from skipscope.exports.network import TOLERANCE, images
from skipscope.models.registry import build
from skipscope.records.schema import RunRecord, Snapshot
from skipscope.records.store import Workspace
from skipscope.training.snapshots import packed_weights


def typed(*words: object) -> str:
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


@pytest.fixture
def run(trained: Workspace) -> RunRecord:
    return next(run for run in trained.runs() if run.id.startswith("resnet8-s1"))


@pytest.fixture
def kept(trained: Workspace, run: RunRecord) -> RunRecord:
    """The run, with the weights of another network kept after its second step."""
    folder = trained.run_folder(run.id)
    folder.write_snapshot(2, packed_weights(build("resnet8", seed=7), run.id))
    record = run.model_copy(update={"snapshots": (Snapshot(step=2, epoch=1, smoothed=2.0),)})
    folder.write(record)
    return record


def test_the_network_is_written_with_what_one_needs_to_use_it(trained: Workspace, run: RunRecord) -> None:
    said = typed("export", "resnet8-s1", "--to", "onnx", "-w", trained.path)
    file = trained.path / "exports" / f"{run.id}.onnx"
    assert str(file) in said.replace("\n", "")
    assert "Loaded again" in said
    assert "disc, ring, square" in said
    props = {each.key: json.loads(each.value) for each in onnx.load(file).metadata_props}
    data = trained.study().data
    assert props == {
        "run": run.id, "step": None, "network": "resnet8", "data": "shapes",
        "classes": list(data.classes), "mean": list(data.mean or ()), "std": list(data.std or ()),
    }  # fmt: skip
    (logits,) = onnxruntime.InferenceSession(file).run(None, {"images": images(4).numpy()})
    with torch.no_grad():
        own = network(trained, run)(images(4))
    assert (torch.from_numpy(logits) - own).abs().max() <= TOLERANCE * own.abs().max()


def test_weights_that_were_kept_are_exported_by_their_step(
    trained: Workspace, kept: RunRecord, tmp_path: Path
) -> None:
    said = typed("export", kept.id, "--to", "torchscript", "--step", 2, "-o", tmp_path, "-w", trained.path)
    file = tmp_path / f"{kept.id}-step-000002.pt"
    assert "to the last bit" in said
    with pytest.warns(DeprecationWarning, match="torch.jit.load"):
        loaded = torch.jit.load(str(file))
    with torch.no_grad():
        assert torch.equal(loaded(images(3)), build("resnet8", seed=7).eval()(images(3)))


def test_tensorboard_draws_the_run_s_curves(trained: Workspace, run: RunRecord) -> None:
    said = typed("export", run.id, "--to", "tensorboard", "-w", trained.path)
    folder = trained.path / "exports" / "tensorboard" / run.id
    assert f"tensorboard --logdir {folder.parent}" in said
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    metrics = trained.metrics([run.id])
    steps = metrics.filter(pl.col("kind") == "step")
    losses = found.Scalars("loss/batch")
    assert [event.step for event in losses] == [*steps["step"]]
    assert [event.value for event in losses] == pytest.approx([*steps["loss"]])
    (validation,) = found.Scalars("accuracy/validation")
    assert validation.value == pytest.approx(metrics["val_accuracy"].max())
    (last,) = found.Scalars("accuracy/test")
    assert run.result is not None
    assert (last.step, last.value) == (validation.step, pytest.approx(run.result.test_accuracy))
    assert last.wall_time - found.FirstEventTimestamp() == pytest.approx(metrics["seconds"].max(), abs=1e-3)
    assert len(found.Scalars("gradient_flow/weight_l2/conv1")) > 1


def test_a_second_export_replaces_the_first(trained: Workspace, run: RunRecord) -> None:
    first, again = (export(trained, run.id, "tensorboard").path for _ in range(2))
    assert first == again
    assert len([*first.iterdir()]) == 1


def test_csv_has_every_row_and_reading(trained: Workspace, run: RunRecord, tmp_path: Path) -> None:
    workspace = skipscope.Workspace(trained.path)
    folder = workspace.export(run.id, "csv", path=tmp_path / "numbers")
    curves, readings = (
        pl.read_csv(folder / name, infer_schema=False) for name in ("curves.csv", "readings.csv")
    )
    own = trained.metrics([run.id])
    assert curves.cast(dict(own.schema)).equals(own)
    own = trained.readings([run.id], with_place=False)
    assert readings.cast(dict(own.schema)).equals(own)


def test_mistakes_are_told(trained: Workspace, run: RunRecord, kept: RunRecord, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no export format 'onyx'"):
        export(trained, run.id, "onyx")
    with pytest.raises(UnknownName, match="no run 'vgg'"):
        export(trained, "vgg", "csv")
    with pytest.raises(WorkspaceError, match="not finished"):
        export(trained, "cnn-s0", "onnx")
    with pytest.raises(UsageError, match="did not keep its weights after step 3") as refused:
        export(trained, run.id, "onnx", step=3)
    assert "after the steps 2;" in refused.value.hint
    with pytest.raises(UsageError, match="has all its steps"):
        export(trained, run.id, "csv", step=2)
    with pytest.raises(UsageError, match="it kept none"):
        export(trained, "cnn-s1", "onnx", step=3)


@pytest.mark.parametrize("to", ["torchscript", "csv"])
def test_a_path_that_cannot_be_written_is_told(trained: Workspace, run: RunRecord, to: str) -> None:
    with pytest.raises(SkipscopeError, match="This cannot be written") as refused:
        export(trained, run.id, to, path=trained.run_folder(run.id).record_file / "below")
    assert "--output" in refused.value.hint
