"""Checkpoints: the rows beside them, damage, and folders that are gone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from trained_in import rows, train

from skipscope.data.dataset import Dataset
from skipscope.errors import WorkspaceError
from skipscope.spec import RunSpec

RunOf = Callable[..., RunSpec]


def test_what_was_written_after_the_checkpoint_is_written_again_not_twice(
    tiny: Dataset, run_of: RunOf, tmp_path: Path
) -> None:
    train(run_of(), tiny, tmp_path, after=4)
    state = (tmp_path / "state.pt").read_bytes()
    train(run_of(), tiny, tmp_path, after=1)
    (tmp_path / "state.pt").write_bytes(state)  # as if the process had died before it saved again
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"kind": "step", "step"')  # and in the middle of a line
    train(run_of(), tiny, tmp_path)
    assert [row["step"] for row in rows(tmp_path) if row["kind"] == "step"] == [1, 2, 3, 4, 5, 6]
    assert [row["epoch"] for row in rows(tmp_path) if row["kind"] == "epoch"] == [1, 2]


def test_a_damaged_checkpoint_says_what_to_do(tiny: Dataset, run_of: RunOf, tmp_path: Path) -> None:
    train(run_of(), tiny, tmp_path, after=2)
    (tmp_path / "state.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(WorkspaceError) as caught:
        train(run_of(), tiny, tmp_path)
    assert caught.value.where == str(tmp_path / "state.pt")
    assert "from its start" in caught.value.hint
    assert train(run_of(), tiny, tmp_path).state == "done"  # the same command again


def test_a_checkpoint_makes_no_folder_that_was_deleted(
    tiny: Dataset, run_of: RunOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted after the rows were written and before it is: it would know of rows that are gone."""
    save, run = torch.save, tmp_path / "run"

    def saved_late(*given: Any) -> None:
        save(*given)
        shutil.rmtree(run)

    monkeypatch.setattr(torch, "save", saved_late)
    with pytest.raises(WorkspaceError, match="cannot be written: No such file"):
        train(run_of(), tiny, run, after=2)
    assert not run.exists()
