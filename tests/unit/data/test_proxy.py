"""Downloads through proxies that are dead, want a password, or speak what nobody here understands."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from requests.exceptions import InvalidSchema

from skipscope.data import fetch
from skipscope.data.proxy import failing_proxy
from skipscope.errors import DataError

URL = "https://data.invalid/cifar-10-binary.tar.gz"


class Refusing(BaseHTTPRequestHandler):
    """Plays a proxy that lets nobody through; the path of its address says how."""

    def do_CONNECT(self) -> None:
        self.send_error(self.server.code)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def through(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No proxy but the test's own, and one source, which is not there."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for variable in (name, name.upper()):
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(fetch, "SOURCES", {URL: "binary"})
    monkeypatch.setattr(fetch, "REACH_SECONDS", 3.0)
    return monkeypatch


def said(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        fetch.download(folder, lambda *_: None)
    assert "skipscope data import" in caught.value.hint
    return caught.value.what


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (407, "asks for a name and a password (407): write it as http://NAME:PASSWORD@HOST:PORT."),
        (403, "does not let downloads through: ask those who run it."),
    ],
)
def test_a_proxy_that_lets_nobody_through(
    proxy: ThreadingHTTPServer, through: pytest.MonkeyPatch, tmp_path: Path, code: int, sentence: str
) -> None:
    proxy.code = code  # type: ignore[attr-defined]
    address = f"127.0.0.1:{proxy.server_address[1]}"
    through.setenv("HTTPS_PROXY", f"http://me:secret@{address}")
    assert said(tmp_path) == f"The proxy {address} that HTTPS_PROXY names {sentence}"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_dead_proxy_is_named_with_its_variable(
    through: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    through.setenv(variable, f"http://127.0.0.1:{port}")
    assert said(tmp_path) == (
        f"The proxy http://127.0.0.1:{port} that {variable} names refuses connections: "
        f"correct or unset {variable}."
    )


def test_socks_without_its_package(through: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(*_: object, **__: object) -> None:
        raise InvalidSchema("Missing dependencies for SOCKS support.")

    through.setattr(requests.adapters, "SOCKSProxyManager", missing)
    through.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert said(tmp_path) == (
        "The proxy socks5://127.0.0.1:1080 that ALL_PROXY names speaks SOCKS, for which a package is "
        'missing: install it with pip install "requests[socks]".'
    )


def test_no_address_at_all(through: pytest.MonkeyPatch, tmp_path: Path) -> None:
    through.setenv("HTTPS_PROXY", "ftp://127.0.0.1:1080")
    assert said(tmp_path).endswith("is no address of a proxy: write it as http://HOST:PORT.")


def test_what_lies_behind_a_proxy_is_no_fault_of_its(through: pytest.MonkeyPatch) -> None:
    through.setenv("HTTPS_PROXY", "http://127.0.0.1:1080")
    assert failing_proxy(URL, ValueError("hash of downloaded file")) is None
    assert failing_proxy("http://data.invalid/", OSError("Connection refused")) is None  # it needs none
    through.setenv("NO_PROXY", "data.invalid")
    assert failing_proxy(URL, OSError("Connection refused")) is None
