"""fp16: a scaled loss, the same gradients, and steps that overflow changing nothing; on a processor."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.records.store import Workspace
from skipscope.spec import RunSpec
from skipscope.training import optimizer, trainer
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.loop import train_steps
from skipscope.training.optimizer import SGD

RunOf = Callable[..., RunSpec]
CPU = torch.device("cpu")
HALF = {"precision": "fp16", "kernels": "stock"}


def steps_of(model: nn.Module, updates: SGD, spec: RunSpec, data: Dataset) -> Iterator[float]:
    """The losses, step by step."""
    parts = (BatchMaker(data, spec.recipe, CPU), spec.recipe, data, Progress())
    for (row,), _ in train_steps(model, updates, *parts, seed=spec.seed):
        yield row.loss


def losses(spec: RunSpec, data: Dataset) -> list[float]:
    model = build(spec.model, seed=spec.seed)
    return list(steps_of(model, SGD(model, spec.recipe), spec, data))


def test_it_trains_on_nearly_the_same_loss(tiny: Dataset, run_of: RunOf) -> None:
    single, half = losses(run_of(kernels="stock"), tiny), losses(run_of(**HALF), tiny)
    # float16 keeps 11 bits: its rounding is 2^-12 of each value, and losses here are near ln 10
    assert half == pytest.approx(single, abs=0.01)
    assert half != single


def test_a_step_that_overflows_changes_nothing_and_halves_the_scale(
    tiny: Dataset, run_of: RunOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer, "SCALE", 2.0**40)
    spec = run_of(epochs=20, **HALF, weight_decay=0.01)
    model = build(spec.model, seed=0)
    before = [weight.detach().clone() for weight in model.parameters()]
    updates = SGD(model, spec.recipe)
    steps = steps_of(model, updates, spec, tiny)
    next(steps)
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), before, strict=True))
    assert updates.scaler.get_scale() == 2.0**39
    assert not any(velocity.any() for velocity in updates.velocities.values())
    for _ in steps:  # until it fits
        if not torch.equal(before[0], next(model.parameters())):
            break
    assert 2.0**4 < updates.scaler.get_scale() < 2.0**39
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert all(velocity.isfinite().all() for velocity in updates.velocities.values())


def test_a_run_goes_on_with_its_scale(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer, "SCALE", 2.0**22)  # too much: some first steps overflow
    spec = run_of(**HALF, epochs=6)

    def trained(name: str, after: int) -> bytes | None:
        run, left = Workspace(tmp_path / name).run_folder(spec.id), iter([False] * (after - 1))
        asked = partial(next, left, True)
        trainer.train(spec, tiny, run, on_event=lambda _: None, stop=asked, watched=False)
        path = run.path / "model.safetensors"
        if not path.exists():
            kept = torch.load(run.state_file, weights_only=True)["optimizer"]["scaler"]
            assert 2.0 < kept["scale"] < optimizer.SCALE
            assert kept["_growth_tracker"] > 0
        return path.read_bytes() if path.exists() else None

    whole = trained("whole", 100)
    assert trained("parts", 14) is None
    assert trained("parts", 100) == whole


def test_what_probes_read_of_a_step_is_not_scaled(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    found = []
    for recipe in ({"kernels": "stock"}, HALF):
        spec = run_of(epochs=1, **recipe)
        run = Workspace(tmp_path).run_folder(spec.id)
        trainer.train(spec, tiny, run, on_event=lambda _: None, stop=lambda: False)
        found.append(run.readings().filter(probe="gradient_flow", step=1).drop("run"))
    single, half = found
    assert len(single) > 4
    assert half.drop("value").equals(single.drop("value"))
    assert half["value"].to_list() == pytest.approx(single["value"].to_list(), rel=0.05)


def test_the_processors_other_formats_have_no_scale(run_of: RunOf) -> None:
    updates = SGD(build("cnn"), run_of().recipe)
    loss = torch.tensor(2.0, device=CPU)
    assert updates.scaler.scale(loss) is loss
    assert "scaler" not in updates.state_dict()
