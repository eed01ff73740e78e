"""An accelerator that computes the same bits each time, and what a record says where it cannot."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from skipscope.data.dataset import Dataset
from skipscope.records.store import Workspace
from skipscope.spec import RunSpec
from skipscope.training import loop, trainer
from skipscope.training.determinism import LOOSE, deterministic

WARNS = "loose_op does not have a deterministic implementation, but you set 'torch.use_deterministic..."


def flags() -> tuple[bool, bool, bool, bool]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cudnn.allow_tf32,
    )


def test_torch_is_told_and_then_left_as_it_was(accelerator: list[str]) -> None:
    before = flags()
    with deterministic() as loose:
        assert flags() == (True, True, False, False)
    assert flags() == before
    assert not loose


def test_a_processor_needs_nothing_of_it() -> None:
    before = flags()
    with deterministic() as loose:
        assert flags() == before
        with pytest.warns(UserWarning, match="loose_op"):
            warnings.warn(WARNS, stacklevel=1)
    assert not loose


def test_what_torch_itself_warns_of_is_heard_each_time(accelerator: list[str]) -> None:
    """`put_` has no deterministic form on any device."""
    for _ in range(2):
        with deterministic() as loose:
            torch.zeros(3).put_(torch.tensor([0]), torch.ones(1))
        assert loose == {"put_"}


def test_other_warnings_are_shown(accelerator: list[str]) -> None:
    with pytest.warns(UserWarning, match="something else"), deterministic():
        warnings.warn("something else", stacklevel=1)


def test_cublas_without_its_workspace_is_named() -> None:
    said = (
        "Deterministic behavior was enabled, but this operation is not deterministic because it uses CuBLAS"
    )
    assert LOOSE.search(said)[2] == "CuBLAS"


@pytest.mark.parametrize("loose", [True, False])
def test_a_record_names_operators_that_resume_otherwise(
    tiny: Dataset,
    run_of: Callable[..., RunSpec],
    tmp_path: Path,
    accelerator: list[str],
    monkeypatch: pytest.MonkeyPatch,
    loose: bool,
) -> None:
    reseed = loop.reseed

    def warning(*parts: object) -> None:
        if loose:
            warnings.warn(WARNS, stacklevel=1)
        reseed(*parts)

    monkeypatch.setattr(loop, "reseed", warning)
    spec = run_of(epochs=1)
    run = Workspace(tmp_path).run_folder(spec.id)
    trainer.train(spec, tiny, run, on_event=lambda _: None, stop=lambda: False)
    machine = json.loads(run.record_file.read_text())["environment"]["machine"]
    assert machine.get("nondeterministic") == ("loose_op" if loose else None)
    assert machine["device"] == "fake"
    assert machine["accelerators"] == 1
