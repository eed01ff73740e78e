"""Downloading, from servers on this machine: good, wrong, slow, stalling and absent ones."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from skipscope.data import cifar10, fetch
from skipscope.errors import DataError

CONTENT = bytes(range(256)) * 2_000


class Server(ThreadingHTTPServer):
    """Serves `files`; what stands in `stalling` stops in the middle, until the test is over."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/good": CONTENT}
        self.stalling: set[str] = set()
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.over = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        if self.path in self.server.silent:
            self.server.over.wait()
            return
        self.head()

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        data = self.head()
        if self.path in self.server.stalling:
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.server.over.wait()
        else:
            self.wfile.write(data)

    def head(self) -> bytes:
        data = self.server.files.get(self.path)
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        return data or b""

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setitem(
        cifar10.OFFICIAL_MD5, "binary", hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    )
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def offer(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setattr(fetch, "SOURCES", dict.fromkeys(urls, "binary"))


def nothing(*_: object) -> None:
    pass


def test_the_first_source_that_is_there_is_taken(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server.url("/gone"), server.url("/good"), server.url("/never"))
    told: list[tuple[str, int, int]] = []
    path = fetch.download(tmp_path, lambda *progress: told.append(progress))
    assert path.read_bytes() == CONTENT
    assert server.asked == ["/good"]
    assert told[-1] == (server.url("/good"), len(CONTENT), len(CONTENT))
    assert all(done <= total for _, done, total in told)
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_sum_makes_way_for_the_next(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/wrong"] = CONTENT + b"!"
    offer(monkeypatch, server.url("/wrong"), server.url("/good"))
    assert fetch.download(tmp_path, nothing).name == "good"
    assert server.asked == ["/wrong", "/good"]


def test_wrong_sums_only_are_said(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/wrong"] = b"<html>we moved</html>"
    offer(monkeypatch, server.url("/wrong"))
    with pytest.raises(DataError, match=r"No source gave(.|\n)*wrong checksum(.|\n)*data import PATH"):
        fetch.download(tmp_path, nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_stalling_server_makes_way_for_the_next(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "STALL_SECONDS", 0.2)
    server.files["/stalls"] = CONTENT
    server.stalling.add("/stalls")
    offer(monkeypatch, server.url("/stalls"), server.url("/good"))
    assert fetch.download(tmp_path, nothing).name == "good"
    offer(monkeypatch, server.url("/stalls"))
    with pytest.raises(DataError, match="does not answer in time"):
        fetch.download(tmp_path, nothing)
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_a_slow_source_is_taken_last(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr(fetch, "SLOW_BYTES_PER_SECOND", 1e15)
    server.files["/wrong"] = b"wrong"
    offer(monkeypatch, server.url("/wrong"), server.url("/good"))
    assert fetch.download(tmp_path, nothing).read_bytes() == CONTENT
    assert server.asked == ["/wrong", "/good", "/wrong", "/good"]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_no_network_is_said_with_three_ways_out(
    server: Server, closed_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "ANSWER_SECONDS", 0.2)
    server.silent.add("/silent")
    refused = f"http://127.0.0.1:{closed_port}/refused"
    offer(monkeypatch, refused, server.url("/silent"), "http://nowhere.invalid/x")
    with pytest.raises(DataError) as caught:
        fetch.get(data_dir=tmp_path)
    text = str(caught.value)
    assert "is there a network?" in text
    assert f"127.0.0.1:{closed_port}: it refuses connections" in text
    assert f"127.0.0.1:{server.server_address[1]}: it does not answer in time" in text
    assert "nowhere.invalid" in text
    for way in ("data get", "data import PATH", "--data shapes"):
        assert way in text
    assert list(tmp_path.iterdir()) == []


def test_a_name_look_up_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def hang(*_: object, **__: object) -> bool:
        return over.wait()

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", hang)
    monkeypatch.setattr(fetch, "REACH_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(DataError, match=r"is there a network\?(.|\n)*no answer"):
        fetch.download(tmp_path, nothing)
    assert time.monotonic() - began < 2
    over.set()


def test_no_network_is_said_within_ten_seconds() -> None:
    assert fetch.REACH_SECONDS < 10  # all sources are asked at once, and this is all they have
    assert 2 * fetch.ANSWER_SECONDS < fetch.REACH_SECONDS


def test_get_imports_and_tidies_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, bytes, Path | None]] = []

    def import_from(path: Path, *, data_dir: Path | None) -> str:
        given.append((path.name, path.read_bytes(), data_dir))
        return "imported"

    monkeypatch.setattr(cifar10, "import_from", import_from)
    offer(monkeypatch, server.url("/good"))
    assert fetch.get(data_dir=tmp_path / "new") == "imported"
    assert given == [("good", CONTENT, tmp_path / "new")]
    assert list((tmp_path / "new").iterdir()) == []


def test_ctrl_c_while_downloading_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, server.url("/good"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.get(data_dir=tmp_path, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_before_asking(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match=r"The data folder cannot be written(.|\n)*--data-dir"):
        fetch.get(data_dir=tmp_path / "file")


def test_every_source_is_one_of_the_official_archives() -> None:
    assert "cs.toronto.edu" in next(iter(fetch.SOURCES))
    for url, kind in fetch.SOURCES.items():
        assert url.startswith("https://")
        assert kind in url
        assert kind in cifar10.OFFICIAL_MD5


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError("certificate verify failed"), "its certificate is not trusted"),
        (OSError("Failed to resolve 'x'"), "the name cannot be looked up"),
        (OSError("first line\nsecond line"), "first line"),
        (OSError(), "OSError"),
    ],
)
def test_errors_are_made_short(monkeypatch: pytest.MonkeyPatch, error: Exception, text: str) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    assert fetch._short(error, "https://localhost/") == text
