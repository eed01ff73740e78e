"""One run from its spec to its record: stopped anywhere, it ends as if it never had been."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from trained_in import rows, train

from skipscope.data.dataset import Dataset, Split
from skipscope.errors import WorkspaceError
from skipscope.models.user import pinned
from skipscope.probes.registry import PROBES
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec
from skipscope.training import trainer as running
from skipscope.training.environment import environment
from skipscope.training.events import Event

RunOf = Callable[..., RunSpec]


@pytest.mark.parametrize("model", ["cnn", "se_resnet8"])
def test_stopped_and_continued_is_bit_for_bit_the_same(
    model: str, checked: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    spec = run_of(model, batch_size=32, augmentation="crop_flip")
    whole = train(spec, checked, tmp_path / "whole")
    stops = [train(spec, checked, tmp_path / "parts", after=steps) for steps in (2, 1, 2)]
    assert [stop.state for stop in stops] == ["unfinished"] * 3
    parts = train(spec, checked, tmp_path / "parts")
    assert whole.state == parts.state == "done"
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert rows(tmp_path / "whole") == rows(tmp_path / "parts")
    assert [row["kind"] for row in rows(tmp_path / "whole")].count("check") == 4
    assert whole.result.test_loss == parts.result.test_loss
    one_reads, other_reads = (
        RunFolder(tmp_path / name).readings().drop("run") for name in ("whole", "parts")
    )
    assert one_reads.height > 100
    assert one_reads.equals(other_reads)


OWN = """
import torch
from torch import nn
from torch.nn.functional import dropout

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 8, stride=8)
        self.head = nn.Linear(128, 10)
        self.twin = self.stem  # the same weights under two names
        self.register_buffer("mean", torch.zeros(128), persistent=False)  # and yet of what comes next
        self.ones = None  # made anew for more images than there were

    def forward(self, x):
        if self.ones is None or len(self.ones) < len(x):
            self.ones = torch.ones(len(x), 1)
        x = self.ones[: len(x)] * self.twin(x).relu().flatten(1)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(0)
        return self.head(dropout(x - self.mean, 0.5, self.training))
"""


def test_dropout_and_shared_weights_of_a_users_network_resume_bit_for_bit(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    spec = run_of(pinned(f"{tmp_path / 'own.py'}:Net"))
    whole = train(spec, tiny, tmp_path / "whole")
    assert train(spec, tiny, tmp_path / "parts", after=2).state == "unfinished"
    torch.manual_seed(5)  # whatever another process' generator stands at
    train(spec, tiny, tmp_path / "parts")
    assert whole.state == "done", whole.failure
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "parts"))
    assert {"stem.weight", "twin.weight"} < one.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert rows(tmp_path / "whole") == rows(tmp_path / "parts")


@pytest.mark.parametrize(
    ("model", "precision"),
    [("cnn", "fp32"), ("cnn", "bf16"), ("se_resnet8", "fp32"), ("densenet10_k4", "fp32")],
)
def test_training_with_and_without_probes_is_bit_for_bit_the_same(
    model: str, precision: str, tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    spec = run_of(model, precision=precision, clip_norm=0.5, augmentation="crop_flip", epochs=1)
    torch.manual_seed(7)
    train(spec, tiny, tmp_path / "with")
    after_probes = torch.rand(1)
    torch.manual_seed(7)
    train(spec, tiny, tmp_path / "without", watched=False)
    assert torch.equal(after_probes, torch.rand(1))  # no probe draws from torch's own generator
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("with", "without"))
    assert all(torch.equal(one[key], other[key]) for key in one)  # BatchNorm's statistics among them
    assert rows(tmp_path / "with") == rows(tmp_path / "without")
    assert {"gradient_flow", "activations", "update_ratio", "learning_order"} <= set(
        RunFolder(tmp_path / "with").readings()["probe"]
    )
    assert RunFolder(tmp_path / "without").readings().is_empty()


def test_a_probe_that_fails_before_the_first_step_ends_no_run(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_view: object) -> Any:
        raise ZeroDivisionError("a bug of ours")

    each = PROBES["activations"]
    monkeypatch.setitem(PROBES, "activations", replace(each, measure=broken, when=each.when - {"step"}))
    events: list[Event] = []
    record = train(run_of(), tiny, tmp_path, on_event=events.append)
    assert [event.state for event in events if event.state != "training"] == ["warned", "done"]
    assert "activations (ZeroDivisionError" in next(e.message for e in events if e.state == "warned")
    assert record.state == "done"
    read = RunFolder(tmp_path).readings()
    assert {"gradient_flow", "shattering"} <= set(read["probe"])
    assert "activations" not in set(read["probe"])


def test_the_sealed_test_set_is_read_once_and_last(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    sealed = Dataset.sealed_test

    def counted(data: Dataset) -> Split:
        read.append(len(rows(tmp_path)))
        return sealed(data)

    monkeypatch.setattr(Dataset, "sealed_test", counted)
    train(run_of(), tiny, tmp_path, after=3)
    assert read == []
    train(run_of(), tiny, tmp_path)
    assert read == [8]  # six steps and two epochs were behind it


def test_the_record_of_a_finished_run(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    events: list[Event] = []
    record = train(run_of(), tiny, tmp_path, on_event=events.append)
    assert RunFolder(tmp_path).read() == record
    assert record.id == run_of().id
    assert record.network.params == 83_126
    assert record.environment == environment()
    epochs = [row for row in rows(tmp_path) if row["kind"] == "epoch"]
    assert record.result.val_accuracy == epochs[-1]["val_accuracy"]
    assert record.result.images_per_second == pytest.approx(96 / record.result.train_seconds)
    assert record.result.train_seconds < record.result.seconds
    assert events[-1].state == "done"
    assert events[-1].accuracy == record.result.test_accuracy
    assert [event.epoch for event in events if event.epoch_ended] == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "SHA256SUMS",
        "metrics.jsonl",
        "model.safetensors",
        "pictures.npz",
        "readings.parquet",
        "run.json",
        "test.npz",
    ]
    right = RunFolder(tmp_path).right()
    assert len(right) == tiny.test_size
    assert right.mean() == record.result.test_accuracy
    # of the weights as they were left, on as many images as validate (of training there are fewer)
    assert record.result.train_accuracy * len(tiny.train) == pytest.approx(
        round(record.result.train_accuracy * len(tiny.train))
    )


def test_a_run_that_diverges_is_recorded_as_failed_with_the_numbers_of_its_step(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    events: list[Event] = []
    record = train(run_of(learning_rate=1e20, epochs=5), tiny, tmp_path, on_event=events.append)
    assert record.state == "failed"
    assert record.failure.kind == "diverged"
    assert record.failure.numbers["step"] == len([row for row in rows(tmp_path) if row["kind"] == "step"]) + 1
    assert record.failure.numbers["loss"] in ("nan", "inf")
    assert "NaN" not in (tmp_path / "run.json").read_text(encoding="utf-8")
    assert events[-1].state == "failed"
    assert RunFolder(tmp_path).read() == record
    assert not (tmp_path / "model.safetensors").exists()


def test_progress_is_told_and_saved_as_time_goes_by(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(running, "CHECKPOINT_SECONDS", 0.0)
    events: list[Event] = []
    train(run_of(), tiny, tmp_path, on_event=events.append)
    training = [event for event in events if event.state == "training"]
    assert [event.step for event in training] == [1, 2, 3, 4, 5, 6]
    assert [event.accuracy is None for event in training] == [True, True, False, False, False, False]
    assert all(event.images_per_second == pytest.approx(16 * event.steps_per_second) for event in training)


def test_a_run_whose_folder_is_deleted_while_it_is_measured_is_not_done(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are gone, and its weights alone are no run."""
    evaluate, run = running.evaluate, tmp_path / "run"

    def evaluated(*given: Any) -> Any:
        if run.exists():
            shutil.rmtree(run)
        return evaluate(*given)

    monkeypatch.setattr(running, "evaluate", evaluated)
    with pytest.raises(WorkspaceError, match="cannot be written: No such file"):
        train(run_of(), tiny, run)
    assert not run.exists()


def test_fewer_images_than_a_batch_are_one_batch(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    few = replace(tiny, train=replace(tiny.train, rows=tiny.train.rows[:10]))
    record = train(run_of(), few, tmp_path)
    assert record.result.images_per_second == pytest.approx(20 / record.result.train_seconds)
