"""`status` as it is typed, on workspaces of which something is damaged."""

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.engine.trained import finished
from skipscope.errors import WorkspaceError
from skipscope.records.store import Workspace


def test_a_damaged_run_hides_no_other(trained: Workspace) -> None:
    ids = [record.id for record in trained.runs()]
    damaged = ids[0]
    before = _status(trained)[1]["runs"]
    trained.run_folder(damaged).record_file.write_text('{"schema": 1', encoding="utf-8")
    code, found, told = _status(trained)
    assert code == 1
    assert found["runs"][1:] == before[1:]
    first = found["runs"][0]
    assert list(first) == list(before[0])
    assert (first["id"], first["arm"], first["state"]) == (damaged, before[0]["arm"], "unreadable")
    assert {first[key] for key in ("seed", "epochs", "params", "test_accuracy")} == {None}
    assert "This file is damaged" in told
    assert "a damaged run is trained again" in told
    table = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["status", "-w", str(trained.path)])
    assert all(id in table.stdout for id in ids)
    assert "unreadable" in table.stdout
    assert "minutes" not in table.stdout  # a short run took seconds, not 0.0 minutes
    assert re.search(r"\d s +[\d,]+$", table.stdout, re.MULTILINE)


def test_runs_are_shown_without_what_takes_long_to_import(trained: Workspace) -> None:
    program = (
        "import sys\nfrom skipscope.cli.status import status\n"
        "status(sys.argv[1])\n"
        "sys.exit(', '.join({'numpy', 'polars', 'pyarrow', 'torch'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", program, str(trained.path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == ""
    assert all(record.id in ended.stdout for record in trained.runs())


def test_a_damaged_study_hides_no_run(trained: Workspace) -> None:
    (trained.path / "studies" / "small.json").write_text("{", encoding="utf-8")
    code, found, told = _status(trained)
    assert code == 1
    assert [run["id"] for run in found["runs"]] == [record.id for record in trained.runs()]
    assert "small.json" in told


def test_a_damaged_run_is_named_where_it_is_asked_for_and_nowhere_else(trained: Workspace) -> None:
    one, other = [record.id for record in trained.runs() if record.state == "done"][:2]
    trained.run_folder(one).record_file.write_text("{", encoding="utf-8")
    assert finished(trained, other).id == other
    with pytest.raises(WorkspaceError, match="damaged"):
        finished(trained, one)


def _status(place: Workspace) -> tuple[int, dict[str, list[dict[str, object]]], str]:
    """Exit code, what machines read, and what is said beside it."""
    result = CliRunner().invoke(app, ["status", "-w", str(place.path), "--json"])
    return result.exit_code, json.loads(result.stdout or "{}"), result.stderr
