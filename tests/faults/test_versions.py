"""Workspaces of an older skipscope are read; a newer one's are refused by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from injected import Zygote, rows, same

from skipscope.analysis.tables import gather
from skipscope.errors import WorkspaceError
from skipscope.records.schema import SCHEMA
from skipscope.records.store import RunFolder, Workspace

OLD = Path(__file__).parent / "old"
"""What commit cbf511c wrote, without weights: before kernels, threads, probes, checksums, mean and std."""


def test_the_first_skipscopes_workspace_is_read_as_it_was_meant(tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(OLD, tmp_path / "old"))
    (record,) = workspace.runs()
    assert record.spec.recipe.kernels == "stock"
    assert record.spec.recipe.threads == 1
    assert record.result.test_accuracy == pytest.approx(0.119)
    assert record.result.probe_seconds == 0
    assert workspace.metrics().height == 4
    assert workspace.readings().is_empty()
    assert workspace.study().data.mean is None
    tables = gather(workspace, None)
    assert [entry.state for entry in tables.entries] == ["done"]
    assert workspace.run_folder(record.id).damaged() == []  # it has no checksums: it is believed


def test_a_run_that_an_older_skipscope_began_goes_on(
    zygote: Zygote, undisturbed: Callable[[int], RunFolder], tmp_path: Path
) -> None:
    """Its checkpoint has no seal and no marks, its folder no checksums; rows after the checkpoint are cut."""
    folder = RunFolder(tmp_path / "run")
    assert zygote.train(folder.path, epochs=4, stop_after=7).wait().code == 3
    state = torch.load(folder.state_file, weights_only=True)
    del state["marks"]
    torch.save(state, folder.state_file)
    folder.state_before.unlink(missing_ok=True)
    (folder.path / "SHA256SUMS").unlink()
    for file, row in (
        (folder.metrics_file, {"kind": "step", "step": 8, "epoch": 3, "loss": 1.0, "learning_rate": 0.1}),
        (folder.readings_draft, {"probe": "x", "step": 8, "place": "", "quantity": "y", "value": 1.0}),
    ):
        with file.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(row) + "\n")
    assert zygote.train(folder.path, epochs=4).wait().code == 0
    same(undisturbed(4), folder)
    assert rows(folder) == rows(undisturbed(4))


def test_what_is_written_again_says_the_present_schema(tmp_path: Path) -> None:
    """An older skipscope then says that it is too old, not that the readings are damaged."""
    workspace = Workspace(shutil.copytree(OLD, tmp_path / "old"))
    (record,) = workspace.runs()
    assert record.schema_ == 1
    workspace.run_folder(record.id).write(record.model_copy(update={"state": "unfinished"}))
    assert [run.schema_ for run in workspace.runs()] == [SCHEMA]


@pytest.mark.parametrize("schema", [SCHEMA + 1, 99])
def test_a_newer_one_is_refused_by_name(schema: int, zygote: Zygote, tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(OLD, tmp_path / "new"))
    for path in workspace.path.rglob("*.json"):
        table = json.loads(path.read_bytes()) | {"schema": schema, "what is this": 1}
        path.write_text(json.dumps(table), encoding="utf-8")
    for read in (workspace.runs, workspace.studies):
        with pytest.raises(WorkspaceError, match=f"newer skipscope wrote this .schema {schema}"):
            read()
    for command in ("status", "report"):
        ended = zygote.skipscope(command, "-w", workspace.path, cwd=tmp_path).wait()
        assert ended.code == 1
        assert "pip install --upgrade skipscope" in ended.said
        assert "Traceback" not in ended.said


@pytest.mark.parametrize("schema", [0, -1, True, 1.5, "2", None, [], {}])
def test_a_schema_that_never_was_is_damage(schema: object, tmp_path: Path) -> None:
    workspace = Workspace(shutil.copytree(OLD, tmp_path / "odd"))
    for path in workspace.path.rglob("*.json"):
        table = json.loads(path.read_bytes()) | {"schema": schema}
        path.write_text(json.dumps(table), encoding="utf-8")
    for read in (workspace.runs, workspace.studies):
        with pytest.raises(WorkspaceError, match="damaged"):
            read()
