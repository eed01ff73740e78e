"""Where the page is served, and what the command line says of it."""

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from live_server import browsing, free_port
from typer.testing import CliRunner

from skipscope.cli import app
from skipscope.errors import UsageError
from skipscope.language.sentences import chinese
from skipscope.live import serve
from skipscope.live.control import Control
from skipscope.live.serve import Served, serving
from skipscope.records.store import Workspace

live = import_module("skipscope.cli.live")  # the package's own `live` is the command
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""A shell begins what it runs in the background deaf to Ctrl-C, and so are the children of that."""
PROGRAM = (sys.executable, "-c", HEARS_CTRL_C + "from skipscope.cli import main; main()")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def test_the_first_curve_waits_for_no_library_that_it_does_not_need() -> None:
    program = "import sys, skipscope.live.serve, skipscope.live.control; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout.split()
    assert not {b"torch", b"altair", b"scipy", b"jinja2"} & {*loaded}


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(workspace: Workspace, taken: int) -> None:
    with pytest.raises(UsageError, match=f"at 127.0.0.1, port {taken}: ") as refused:
        serving(Control(workspace), language="en", port=taken).__enter__()
    assert "--port 0" in refused.value.hint
    assert chinese(refused.value.hint).startswith("该端口已被占用")


def test_a_port_that_the_system_keeps_for_itself_is_an_error(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests as root may use low ports, so the refusal is invented."""

    class Refusing(socket.socket):
        def bind(self, _address: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serve.socket, "socket", Refusing)
    with pytest.raises(UsageError, match="port 80: Permission denied") as refused:
        serving(Control(workspace), language="en", port=80).__enter__()
    assert "above 1023" in refused.value.hint
    assert "1023" in chinese(refused.value.hint)


def test_port_0_is_any_that_is_free(workspace: Workspace) -> None:
    with serving(Control(workspace), language="en", port=0) as page:
        assert page.port > 0
        assert httpx.get(page.url).status_code == 303


def test_another_is_found_if_the_usual_one_is_taken(
    workspace: Workspace, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "PORT", taken)
    with serving(Control(workspace), language="en") as page:
        assert page.port != taken
        assert page.is_local
        assert httpx.get(page.url).status_code == 303


def test_a_host_that_is_not_this_machine_is_an_error(workspace: Workspace) -> None:
    for host in ("203.0.113.1", "no-such-host.invalid"):
        with pytest.raises(UsageError, match=f"cannot be served at {host}") as refused:
            serving(Control(workspace), language="en", host=host, port=free_port()).__enter__()
        assert refused.value.hint.startswith("--host must be an address of this machine")
        assert chinese(refused.value.hint).startswith("--host 必须是本机的地址")


def test_other_machines_need_the_token_too_and_a_name_of_this_one(workspace: Workspace) -> None:
    with serving(Control(workspace), language="en", host="0.0.0.0", port=free_port()) as page:
        assert not page.is_local
        base = page.url.partition("/?")[0]
        own = f"{socket.gethostname()}:{page.port}"
        assert httpx.get(f"{base}/about", headers={"Host": own}).status_code == 403
        assert httpx.get(f"{base}/about", headers={"Host": "evil.example"}).status_code == 421
        with browsing(page) as client:
            assert client.get("/about", headers={"Host": own, "Origin": f"http://{own}"}).status_code == 200


def test_the_address_is_alone_on_its_line_as_soon_as_it_answers(workspace: Workspace) -> None:
    command = [*PROGRAM, "live", "-w", str(workspace.path), "--no-open", "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"LANG": "C"}) as page:
        assert page.stdout is not None
        line = page.stdout.readline()
        assert urlsplit(line.strip()).hostname == "127.0.0.1"
        assert httpx.get(line.strip()).status_code == 303
        assert page.stdout.readline().startswith("From another machine: ssh -L ")
        page.send_signal(signal.SIGINT)
        try:
            assert page.wait(20) == 0
        finally:
            page.kill()  # or a page that stays would be waited for without an end


def test_a_page_for_others_comes_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    monkeypatch.setattr(live, "wait_for_ctrl_c", lambda: None)
    options = [
        "live",
        "-w",
        str(workspace.path),
        "--host",
        "0.0.0.0",
        "--port",
        str(free_port()),
        "--no-open",
    ]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0
    assert "Anybody who reaches 0.0.0.0" in done.output
    assert "ssh -L" in done.output


@pytest.mark.parametrize(
    ("environ", "platform", "screen"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "1"}, "linux", False),
        ({}, "linux", False),
        ({}, "darwin", True),
    ],
)
def test_a_browser_is_opened_only_where_there_is_a_screen(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], platform: str, screen: bool
) -> None:
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr(sys, "platform", platform)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    live.announce(Served(url="http://127.0.0.1:1/?token=x", port=1, host="127.0.0.1"), no_open=False)
    assert bool(opened) == screen


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_study_is_run_with_the_page_beside_it(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It ends with the study, as nobody is at the terminal; a study that fails keeps its exit code."""
    seen: list[int] = []

    def run_one(_study: str, *_: object, **_how: object) -> None:
        url = next(word for word in said if word.startswith("http"))
        seen.append(httpx.get(url).status_code)
        raise live.typer.Exit(1)

    said: list[str] = []
    monkeypatch.setattr(live.typer, "echo", said.append)
    monkeypatch.setattr(import_module("skipscope.cli.run"), "_run_one", run_one)
    monkeypatch.setattr(live, "has_screen", lambda: False)
    words = [command, *(["demo"] if command == "run" else []), "--live", "-w", str(tmp_path / "ws")]
    assert CliRunner().invoke(app, words).exit_code == 1
    assert seen == [303]
