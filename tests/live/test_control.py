"""What a person does from the page: stop, continue, and what a page may not begin."""

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from live_server import browsing, by_command, events, free_port, grow, unfinished, until_known
from PIL import Image

from skipscope.errors import UsageError
from skipscope.live import control
from skipscope.live.control import Control, command_of
from skipscope.live.presence import is_held
from skipscope.live.serve import serving
from skipscope.records.lock import held
from skipscope.records.stop import is_asked_to_stop
from skipscope.records.store import Workspace

LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""
"""No file may grow by a byte: what a full disk does, without one."""
SAYS = "import sys; print(*sys.argv[1:], sep='|'); sys.exit('The data set is missing.')"


def planned(workspace: Workspace, command: str) -> None:
    """Gives the study another command."""
    workspace.write_study(workspace.study("lab").model_copy(update={"command": command}))


def test_a_stop_is_a_request_in_the_workspace_and_is_seen_on_the_page(
    own: httpx.Client, workspace: Workspace
) -> None:
    with held(workspace.path, doing="skipscope run lab"), events(own) as news:
        _, known = until_known(news, 4)
        assert known["works"]
        assert known["holder"].startswith("skipscope run lab (process ")
        assert not known["stopping"]
        assert own.post("/curves/stop", json={}).status_code == 200
        assert is_asked_to_stop(workspace.path)
        assert next(each for _, each in news if "stopping" in each)["stopping"]


def test_a_stop_that_cannot_be_written_says_why(own: httpx.Client, workspace: Workspace) -> None:
    workspace.path.rename(workspace.path.with_name("gone"))
    answer = own.post("/curves/stop", json={})
    assert answer.status_code == 409
    assert answer.json()["what"]["en"] == "This cannot be written: No such file or directory."
    assert answer.json()["what"]["zh"].startswith("无法写入")


def test_a_full_disk_is_said_and_nothing_else_suffers(
    own: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touch(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("pathlib.Path.touch", touch)
        answer = own.post("/curves/stop", json={})
    assert answer.status_code == 409
    assert answer.json()["what"]["en"].startswith("The disk is full: .stop needs 0 bytes")
    with events(own) as news:
        until_known(news, 4)


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit that Linux has")
def test_on_a_full_disk_everything_is_shown_as_before(workspace: Workspace, tmp_path: Path) -> None:
    """The page writes nothing; a picture that is uploaded is in no file."""
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "red").save(picture)
    with by_command(workspace, LIMITED) as (url, _process):
        base = url.partition("/?")[0]
        with httpx.Client(base_url=base, headers={"Origin": base}, follow_redirects=True) as client:
            assert client.get(url).status_code == 200
            seen = client.post("/convolution/picture", content=picture.read_bytes())
            assert seen.json()["size"] == [64, 64]
            with events(client) as news:
                until_known(news, 4)
                grow(unfinished(workspace), first=141, steps=1)
                assert next(each for _, each in news if "lines" in each)
            assert client.get("/claims/board", params={"study": "lab"}).status_code == 200


def test_a_study_is_continued_by_its_own_command_and_what_it_says_is_shown(
    own: httpx.Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PROGRAM", (sys.executable, "-c", SAYS))
    planned(workspace, "skipscope run lab --seeds 2 --budget 1h")
    with events(own) as news:
        until_known(news, 4)
        assert own.post("/curves/continue", json={"study": "lab"}).status_code == 200
        child = next(each["child"] for _, each in news if each.get("child", {}).get("ended"))
    assert child["ended"] == 1
    said = f"--lang|en|run|lab|--seeds|2|--budget|1h|-w|{workspace.path.resolve()}"
    assert child["said"] == f"{said}\nThe data set is missing."


def test_a_study_is_not_continued_while_another_process_works(
    own: httpx.Client, workspace: Workspace
) -> None:
    with events(own) as news:
        until_known(news, 4)
    with held(workspace.path, doing="a test"):
        answer = own.post("/curves/continue", json={"study": "lab"})
    assert answer.status_code == 409
    assert answer.json()["what"]["en"].startswith("Another process works in this workspace: a test")
    assert own.post("/curves/continue", json={"study": "nothing"}).status_code == 404


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /",
        "skipscope run ./sent.toml",
        "skipscope run /tmp/evil/lab.toml",
        "skipscope predict lab",
        "skipscope run lab --data-dir /tmp/evil",
        "skipscope run lab -w elsewhere",
        "skipscope run lab --seeds --live",
        "skipscope run lab --seeds",
        "skipscope run 'lab",
        "skipscope.run(load_study('lab'))",
        "",
    ],
)
def test_a_record_that_was_sent_does_not_choose_what_is_run(workspace: Workspace, command: str) -> None:
    study = workspace.study("lab").model_copy(update={"command": command})
    with pytest.raises(UsageError) as refused:
        command_of(study, named=None)
    assert refused.value.hint == f"type it yourself: {command}"


def test_the_study_that_a_person_named_may_be_a_file(workspace: Workspace) -> None:
    study = workspace.study("lab").model_copy(update={"command": "skipscope run 'my study.toml' --epochs 3"})
    assert command_of(study, named="my study.toml") == ["my study.toml", "--epochs", "3"]
    with pytest.raises(UsageError):
        command_of(study, named="other.toml")


def test_the_program_that_continues_is_ours() -> None:
    done = subprocess.run([*control.PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("skipscope ")


@pytest.mark.parametrize("wait", [0.0, 20.0])
def test_the_server_waits_for_what_it_began(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, wait: float
) -> None:
    monkeypatch.setattr(control, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(1)"))
    planned(workspace, "skipscope run lab")
    began = Control(workspace)
    began.go_on(workspace.study("lab"))
    child = began.child
    began.go_on(workspace.study("lab"))  # a second click
    assert began.child is child
    assert child is not None
    began.end(wait)
    assert (child.poll() is None) == (wait == 0)
    child.wait()


def test_a_page_says_that_a_process_was_killed(workspace: Workspace) -> None:
    """What it left says that it works; the process is gone."""
    holder = workspace.path / ".holder.json"
    said = {"doing": "skipscope run lab", "pid": 2**22 + 1, "host": socket.gethostname(), "since": "now"}
    holder.write_text(json.dumps(said))
    with (
        serving(Control(workspace), language="en", port=free_port()) as page,
        browsing(page) as client,
        events(client) as news,
    ):
        assert until_known(news, 4)[1]["works"] is False
    for damaged in ("{", "[]", '{"host": 3}', '{"pid": "many"}'):
        holder.write_text(damaged)
        for path in workspace.path.glob("runs/*/*.jsonl"):
            os.utime(path, (0, 0))
        assert not is_held(workspace.path)


def test_of_a_process_on_another_machine_only_what_it_writes_is_known(workspace: Workspace) -> None:
    (workspace.path / ".holder.json").write_text('{"doing": "x", "host": "elsewhere", "pid": 1}')
    assert is_held(workspace.path)
    for path in workspace.path.glob("runs/*/*.jsonl"):
        os.utime(path, (0, 0))
    assert not is_held(workspace.path)
