"""Two processes in one workspace, and in one run."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from injected import Zygote, only_run, study

from skipscope.errors import WorkspaceError
from skipscope.records.lock import HOLDER, LOCK, held, held_run, holder, refuse_if_held
from skipscope.records.store import RunFolder, Workspace


def test_the_second_says_who_holds_the_workspace_and_reading_goes_on(zygote: Zygote, tmp_path: Path) -> None:
    toml, out = study(tmp_path, epochs=5000), tmp_path / "out"
    first = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path)
    assert first.says("cnn s0: step"), first.said
    first.kill(signal.SIGSTOP, group=True)  # it holds what it holds, and leaves the processor to the others
    second = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path).wait()
    assert second.code == 1
    flat = " ".join(second.said.split())
    assert "Another process works in this workspace" in flat
    assert f"process {first.pid} on {socket.gethostname()}" in flat
    assert "skipscope run" in flat
    assert "Traceback" not in flat
    status = zygote.skipscope("status", "-w", out, "--json", cwd=tmp_path).wait()
    assert status.code == 0
    assert [run["state"] for run in json.loads(status.said)["runs"]] == ["unfinished"]
    assert zygote.skipscope("report", "-w", out, "--format", "html", cwd=tmp_path).wait().code == 0
    dry = zygote.skipscope("run", toml, "-w", out, "--dry-run", cwd=tmp_path).wait()
    assert dry.code == 0, dry.said
    first.kill(signal.SIGCONT, group=True)
    first.kill()
    first.wait()
    third = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path)  # the dead one's lock is taken over
    assert third.says("cnn s0: step"), third.said
    third.kill(signal.SIGINT, group=True)
    assert third.wait().code == 1
    assert "saved at step" in third.said
    steps = [json.loads(line)["step"] for line in only_run(out).metrics_file.read_bytes().splitlines()]
    assert steps == sorted(steps)


def test_a_dead_holders_lock_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    (tmp_path / HOLDER).write_text(json.dumps({"doing": "x", "pid": 1, "host": "h", "since": "then"}))
    refuse_if_held(tmp_path)
    with held(tmp_path, doing="skipscope run lab"):
        assert f"skipscope run lab (process {os.getpid()}" in holder(tmp_path)
        with pytest.raises(WorkspaceError, match="Another process works"):
            refuse_if_held(tmp_path)
        with pytest.raises(WorkspaceError, match="skipscope run lab"), held(tmp_path, doing="another"):
            pytest.fail("it was held")
    assert not (tmp_path / HOLDER).exists()


def test_a_workspace_that_stays_empty_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), held(tmp_path / "new", doing="x"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with held(tmp_path / "new", doing="x"):
        (tmp_path / "new" / "runs").mkdir()
    assert (tmp_path / "new" / "runs").exists()


def test_a_run_is_waited_for_as_long_as_one_likes(tmp_path: Path) -> None:
    asked: list[str] = []

    def waits(who: str) -> bool:
        asked.append(who)
        return len(asked) < 3

    with held_run(tmp_path, waits=waits) as mine:
        assert mine
        with held_run(tmp_path, waits=waits) as other:
            assert not other
    assert len(asked) == 3
    assert f"process {os.getpid()}" in asked[0]


def test_drafts_of_killed_processes_are_removed_in_time(tmp_path: Path) -> None:
    old, new = tmp_path / "reports" / ".page.7.draft", tmp_path / ".page.8.draft"
    old.parent.mkdir()
    for draft in (old, new):
        draft.touch()
    os.utime(old, (1e9, 1e9))
    with held(tmp_path, doing="x"):
        assert not old.exists()
        assert new.exists()  # somebody may be writing it


def test_probing_a_run_that_is_being_worked_on_is_refused(zygote: Zygote, tmp_path: Path) -> None:
    toml, out = study(tmp_path), tmp_path / "out"
    assert zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out)).wait().code == 0
    folder = only_run(out)
    assert isinstance(folder, RunFolder)
    before = folder.readings()
    with held_run(folder.path, waits=lambda _: False):
        ended = zygote.skipscope("probe", "cnn", "--only", "answers", "-w", out, cwd=tmp_path).wait()
    assert ended.code == 1
    assert "Another process works on this run" in ended.said
    assert folder.readings().equals(before)
    ended = zygote.skipscope("probe", "cnn", "--only", "answers", "-w", out, cwd=tmp_path).wait()
    assert ended.code == 0, ended.said
    assert folder.damaged() == []
    assert set(Workspace(out).readings()["probe"]) == {*before["probe"], "answers"}
