"""Workspaces in unusual folders: read-only, deleted in use, with odd names, locales and clocks."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from injected import LONG, Zygote, only_run, same, study

from skipscope.engine.plan import plan
from skipscope.errors import WorkspaceError
from skipscope.records.schema import StudyRecord
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import load_study

NOBODY = 65534


def complained(said: str, *words: str) -> bool:
    """An error of ours with these words, and no traceback."""
    flat = " ".join(said.split())
    return "skipscope:" in flat and "Traceback" not in flat and all(word in flat for word in words)


def test_a_read_only_workspace(zygote: Zygote, tmp_path: Path) -> None:
    out, toml = tmp_path / "out", study(tmp_path)
    out.mkdir()
    bound = subprocess.run(["mount", "--bind", out, out], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("needs the right to mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", out], check=True)
        ended = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path).wait()
    finally:
        subprocess.run(["umount", out], check=True)
    assert ended.code == 1
    assert complained(ended.said, "cannot be written: Read-only file system", str(out.name), "--workspace")


def test_without_the_rights(tmp_path: Path) -> None:
    """As a user who may not write there; as one who may not read what is there."""
    if os.getuid():
        pytest.skip("needs to be another user for a moment")
    (tmp_path / "out" / "runs" / "a-s0-0").mkdir(parents=True)
    (tmp_path / "out" / "studies").mkdir()
    secret = tmp_path / "out" / "studies" / "x.json"
    secret.write_text("{}")
    secret.chmod(0o600)
    for folder in (tmp_path, *tmp_path.parents[:3]):
        with suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from skipscope.records.store import Workspace\n"
        "from skipscope.records.lock import held\n"
        "from skipscope.errors import WorkspaceError\n"
        f"os.setuid({NOBODY})\n"
        "workspace = Workspace(sys.argv[1])\n"
        "for what in (workspace.studies, lambda: held(workspace.path, doing='x').__enter__(),\n"
        "             workspace.run_folder('b-s0-0').make,\n"
        "             lambda: workspace.run_folder('a-s0-0').write_pictures({})):\n"
        "    try:\n"
        "        what()\n"
        "    except WorkspaceError as error:\n"
        "        print(error.what)\n"
    )
    # the other user cannot write what coverage measures, and would complain of that as well
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    if "No module named" in done.stderr:
        pytest.skip("the other user cannot read this Python's packages")
    assert done.stderr == ""
    assert done.stdout.count("Permission denied") == 4, done.stdout


def test_the_folder_deleted_under_the_run(zygote: Zygote, tmp_path: Path) -> None:
    toml, out = study(tmp_path, epochs=5000), tmp_path / "out"
    process = zygote.start("study", cwd=tmp_path, study=str(toml), workspace=str(out))
    assert process.says("epoch 2/"), process.said
    while (out / "runs").exists():  # the worker may be writing there at this moment
        shutil.rmtree(out / "runs", ignore_errors=True)
    ended = process.wait()
    assert "RunFailed" in ended.said
    assert "cannot be written: No such file or directory" in " ".join(ended.said.split())
    assert Workspace(out).runs() == []
    assert not list(out.glob("runs/*/state.pt"))  # nothing that a later run would take for a checkpoint


@pytest.mark.skipif(not LONG, reason="a study through the command line; `make faults` does")
def test_the_workspace_deleted_under_the_command(zygote: Zygote, tmp_path: Path) -> None:
    out, toml = tmp_path / "out", study(tmp_path, epochs=5000)
    process = zygote.skipscope("run", toml, "-w", out, cwd=tmp_path)
    assert process.says("cnn s0: step"), process.said
    shutil.rmtree(out)
    ended = process.wait()
    assert ended.code == 1
    assert "Traceback" not in ended.said
    assert "cannot be written" in ended.said


LOCALES = [
    {"LC_ALL": "zh_CN.UTF-8", "TZ": "Asia/Shanghai"},
    {"PYTHONIOENCODING": "gbk", "LC_ALL": "zh_CN.GBK", "TZ": "America/St_Johns"},
    {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
]


@pytest.mark.parametrize("environment", LOCALES if LONG else LOCALES[2:])
def test_names_locales_and_time_zones(
    environment: dict[str, str], zygote: Zygote, undisturbed: object, tmp_path: Path
) -> None:
    """Not ASCII, with spaces, quotes and an emoji, 250 characters long; where output knows none of it."""
    here = tmp_path / "我 的 'study' \N{SPOUTING WHALE} & $HOME"
    here.mkdir()
    out = here / "x"
    out = out.with_name("x" * (250 - len(str(out)) + 1)) if len(str(out)) < 240 else out
    assert len(str(out)) >= 240
    toml = study(here, epochs=4, name="研究").rename(here / "tiny.toml")
    ended = zygote.skipscope("run", toml, "-w", out, "--dry-run", cwd=here, env=environment).wait()
    assert ended.code == 0, ended.said
    there = {"study": str(toml), "workspace": str(out)}
    ended = zygote.start("study", cwd=here, env=environment, spawned=True, **there).wait()
    assert ended.code == 0, ended.said
    same(undisturbed(4), only_run(out))
    ended = zygote.skipscope("status", "-w", out, cwd=here, env=environment).wait()
    assert ended.code == 0, ended.said
    ended = zygote.skipscope("status", "-w", here / "nothing", cwd=here, env=environment).wait()
    assert ended.code == 0, ended.said
    ended = zygote.skipscope("report", "-w", here / "nothing", cwd=here, env=environment).wait()
    assert ended.code == 1
    assert complained(ended.said, "skipscope demo")  # the rest is in the locale's language
    if LONG:
        ended = zygote.skipscope("report", "-w", out, cwd=here, env=environment).wait()
        assert ended.code == 0, ended.said


def test_a_name_that_is_no_text_at_all(zygote: Zygote, tmp_path: Path) -> None:
    """Bytes that no encoding gives: on Linux, a name may have them."""
    toml = study(tmp_path)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    Path(odd).mkdir()
    for words in (["status", "-w", odd], ["run", toml, "-w", odd, "--dry-run"], ["report", "-w", odd]):
        ended = zygote.start("command", cwd=tmp_path, argv=[str(word) for word in words]).wait()
        assert "Traceback" not in ended.said, ended.said
        assert ended.code == (1 if words[0] == "report" else 0), ended.said


def test_a_clock_that_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was planned last is what was planned last, whatever the clock says; runs go on."""
    spec, workspace = load_study(study(tmp_path)), Workspace(tmp_path / "out")
    for name, year in (("first", 2030), ("second", 2020), ("third", 2010)):
        monkeypatch.setattr("skipscope.engine.plan.now", lambda year=year: f"{year}-01-01T00:00:00+00:00")
        planned = plan(spec.model_copy(update={"name": name}), workspace, command="x")
        workspace.write_study(planned.record)
        assert workspace.study().study.name == name
    assert isinstance(workspace.study("first"), StudyRecord)


def test_a_run_whose_clock_goes_back_between_two_processes(
    zygote: Zygote, undisturbed: object, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    assert zygote.train(folder.path, epochs=4, stop_after=5).wait().code == 3
    for file in folder.path.iterdir():
        os.utime(file, (4e9, 4e9))  # from the year 2096, seen from now
    assert zygote.train(folder.path, epochs=4).wait().code == 0
    same(undisturbed(4), folder)
    rows = map(json.loads, folder.metrics_file.read_text().splitlines())
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert len(epochs) == 4
    assert all(row["seconds"] > 0 for row in epochs)


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workspace = Workspace(tmp_path / "file")
    assert workspace.runs() == []
    with pytest.raises(WorkspaceError, match="cannot be written"):
        workspace.run_folder("cnn-s0-0").write_pictures({})


@pytest.mark.parametrize(
    ("before", "words", "says", "code"),
    [
        ("cd gone && rmdir ../gone", "run demo --dry-run", "The current directory no longer exists", 2),
        ("true", f"status -w {'a' * 5000}", "File name too long", 1),
    ],
    ids=["no folder to stand in", "a name too long"],
)
def test_what_the_system_refuses_is_said(
    tmp_path: Path, before: str, words: str, says: str, code: int
) -> None:
    (tmp_path / "gone").mkdir()
    program = f"{sys.executable} -P -c 'from skipscope.cli import main; main()' {words}"
    ended = subprocess.run(
        ["/bin/sh", "-c", f"{before} && exec {program}"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert complained(ended.stderr, says), ended.stderr
    assert ended.returncode == code
