"""Weights that are kept while a run trains: which, whole, and without a trace in the training."""

from collections.abc import Callable
from hashlib import sha256
from math import isclose
from pathlib import Path
from subprocess import run as command

import pytest
import torch
from safetensors.torch import load_file
from trained_in import rows, train

from skipscope.data.dataset import Dataset
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec, Snapshots
from skipscope.training import checkpoint
from skipscope.training.checkpoint import SMOOTHING, Progress

RunOf = Callable[..., RunSpec]
EVERYTHING = Snapshots(losses=(2.4, 2.3, 2.25, 2.2, 2.0, 0.001), epochs=True)
LONG = {"epochs": 4, "learning_rate": 0.2, "warmup_epochs": 0.0, "clip_norm": 0.5}


def smoothed(losses: list[float]) -> list[float]:
    """The reference: a sum over all steps so far, written out."""
    return [
        sum(SMOOTHING ** (n - k) * losses[k] for k in range(n + 1))
        / sum(SMOOTHING ** (n - k) for k in range(n + 1))
        for n in range(len(losses))
    ]


def kept(folder: Path) -> dict[str, str]:
    """Every file that was kept, by its content."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in (folder / "snapshots").iterdir()}


def test_weights_are_kept_where_the_smoothed_loss_falls_below_each_level_and_at_epochs_ends(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    record = train(run_of(**LONG), tiny, tmp_path, snapshots=EVERYTHING)
    losses = smoothed([row["loss"] for row in rows(tmp_path) if row["kind"] == "step"])
    expected: dict[int, tuple[float, ...]] = {}
    for level in EVERYTHING.losses:
        below = [step for step, loss in enumerate(losses, start=1) if loss < level]
        if below:
            expected[below[0]] = (*expected.get(below[0], ()), level)
    assert 1 < len(expected) < len(EVERYTHING.losses)  # some at a step of their own, one together, one never
    for end in (3, 6, 9):  # the last epoch's weights are the run's own
        expected.setdefault(end, ())
    assert {each.step: each.losses for each in record.snapshots} == expected
    assert [each.step for each in record.snapshots] == sorted(expected)
    assert {each.step for each in record.snapshots if each.epoch_end} == {3, 6, 9}
    for each in record.snapshots:
        assert each.epoch == (each.step - 1) // 3 + 1
        assert isclose(each.smoothed, losses[each.step - 1], rel_tol=1e-12)  # sums in another order
    assert isclose(record.result.lowest_loss, min(losses), rel_tol=1e-12)
    assert sorted(kept(tmp_path)) == [f"step-{step:06}.safetensors" for step in sorted(expected)]
    assert RunFolder(tmp_path).read() == record


def test_what_is_kept_is_the_network_at_that_step_in_fp32(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    """A run of one epoch at the same rates, of which the longer one's first epoch is a copy."""
    rates = {"milestones": (0.999,), "warmup_epochs": 0.0, "precision": "bf16"}
    train(run_of(epochs=2, **rates), tiny, tmp_path / "two", snapshots=EVERYTHING)
    train(run_of(epochs=1, **rates), tiny, tmp_path / "one")
    first = load_file(RunFolder(tmp_path / "two").snapshot_file(3))
    last = load_file(tmp_path / "one" / "model.safetensors")
    assert first.keys() == last.keys()
    assert all(torch.equal(first[name], last[name]) for name in first)
    assert {weight.dtype for weight in first.values() if weight.is_floating_point()} == {torch.float32}


def test_training_with_and_without_snapshots_is_bit_for_bit_the_same(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    spec = run_of("resnet8", augmentation="crop_flip", **LONG | {"epochs": 2})
    one = train(spec, tiny, tmp_path / "with", snapshots=EVERYTHING)
    other = train(spec, tiny, tmp_path / "without")
    assert one.id == other.id
    assert one.snapshots
    assert not other.snapshots
    for name in ("model.safetensors", "test.npz"):
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    assert rows(tmp_path / "with") == rows(tmp_path / "without")
    assert one.result.test_loss == other.result.test_loss


def test_stopped_and_killed_anywhere_it_leaves_the_same_files_and_list(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, path = run_of(**LONG), tmp_path / "parts"
    whole = train(spec, tiny, tmp_path / "whole", snapshots=EVERYTHING)
    crossing = whole.snapshots[0].step

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "save", killed)  # the file is there, and no checkpoint knows of it
        train(spec, tiny, path, after=crossing, snapshots=EVERYTHING)
    assert RunFolder(path).snapshot_file(crossing).exists()
    for steps in (1, 3):
        assert train(spec, tiny, path, after=steps, snapshots=EVERYTHING).state == "unfinished"
    parts = train(spec, tiny, path, snapshots=EVERYTHING)
    assert parts.snapshots == whole.snapshots
    assert kept(path) == kept(tmp_path / "whole")
    same, other = (RunFolder(tmp_path / name).readings().drop("run") for name in ("whole", "parts"))
    assert same.equals(other)


def test_the_step_after_a_crossing_is_recorded(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    spec = run_of(batch_size=4, **LONG)
    crossed = train(spec, tiny, tmp_path / "with", snapshots=EVERYTHING).snapshots
    train(spec, tiny, tmp_path / "without")
    looked, without = (
        set(RunFolder(tmp_path / name).readings().filter(probe="update_ratio")["step"])
        for name in ("with", "without")
    )
    after = {each.step + 1 for each in crossed if each.losses}
    assert after - without  # some would not have been measured
    assert looked == without | {step for step in after if step <= 48}


def test_snapshots_have_checksums_and_may_be_deleted(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    train(run_of(**LONG), tiny, tmp_path, snapshots=EVERYTHING)
    listed = (tmp_path / "SHA256SUMS").read_text(encoding="ascii")
    assert all(f"{digest}  snapshots/{name}\n" in listed for name, digest in kept(tmp_path).items())
    assert command(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path, check=False).returncode == 0
    for path in (tmp_path / "snapshots").iterdir():
        path.unlink()
    assert not RunFolder(tmp_path).damaged()  # they are lost, and the run is not


def test_files_that_no_checkpoint_knows_are_removed(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    """As where a level is taken out of the study between a kill and the next start."""
    spec = run_of(**LONG)
    train(spec, tiny, tmp_path, after=2)
    folder = RunFolder(tmp_path)
    folder.write_snapshot(5, b"of a killed process")
    record = train(spec, tiny, tmp_path, snapshots=Snapshots(losses=()))
    assert not record.snapshots
    assert not folder.snapshots.exists()
    assert "snapshots" not in (tmp_path / "SHA256SUMS").read_text(encoding="ascii")


def test_a_checkpoint_of_an_older_version_goes_on_and_reaches_no_level_first(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = run_of(**LONG)
    whole = train(spec, tiny, tmp_path / "whole")
    added = {"loss_mean", "loss_weight", "lowest_loss", "lowest_before", "snapshots"}
    saved = torch.save

    def older(state: dict, file: object) -> None:
        progress = {key: value for key, value in state["progress"].items() if key not in added}
        saved(state | {"progress": progress}, file)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.torch, "save", older)
        train(spec, tiny, tmp_path / "parts", after=5)
    record = train(spec, tiny, tmp_path / "parts", snapshots=EVERYTHING)
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert record.result.test_loss == whole.result.test_loss
    assert not any(each.losses for each in record.snapshots)
    assert {each.step for each in record.snapshots} == {6, 9}
    assert record.result.lowest_loss is None


def test_a_level_that_is_reached_within_a_window_of_steps_is_seen_at_its_end() -> None:
    """Where an accelerator's losses are fetched together."""
    progress = Progress()
    progress.count([2.0, 1.0, 9.0], 0, 1, 0.0)
    assert progress.fell_below((1.9, 1.4)) == (1.9,)
    progress.count([9.0, 9.0], 0, 1, 0.0)
    assert progress.fell_below((1.9, 1.4)) == ()
    assert progress.step == 5


def test_a_level_is_reached_once() -> None:
    progress = Progress()
    reached = []
    for loss in (2.0, 1.0, 9.0, 0.1, 0.1):
        progress.count([loss], 0, 1, 0.0)
        reached.append(progress.fell_below((1.9, 1.4)))
    assert reached == [(), (1.9,), (), (), ()]
    assert isclose(progress.smoothed, smoothed([2.0, 1.0, 9.0, 0.1, 0.1])[-1])
