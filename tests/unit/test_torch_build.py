"""tools/torch_build.py: PyTorch without CUDA where that fits and can be had, by pip from made-up indexes."""

import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
BUILD = runpy.run_path(str(ROOT / "tools" / "torch_build.py"), run_name="torch_build")
VERSION = BUILD["pinned"](ROOT / "constraints.txt")
LINUX = {"system": "linux", "gpu": False, "installed": None, "version": VERSION}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def wheel(folder: Path, version: str) -> None:
    """A package called torch without a file of its own."""
    folder.mkdir(parents=True)
    info = f"torch-{version}.dist-info"
    with ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves /cpu, which has the build without CUDA, /pypi, which has the other, and /empty."""
    folder = tmp_path_factory.mktemp("indexes")
    wheel(folder / "cpu" / "torch", f"{VERSION}+cpu")
    wheel(folder / "pypi" / "torch", VERSION)
    (folder / "empty" / "torch").mkdir(parents=True)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def pip(tmp_path: Path, indexes: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A pip for an empty environment, which knows /pypi alone, as a user's settings may say it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    for name, value in {"CONFIG_FILE": "/dev/null", "INDEX_URL": f"{indexes}/pypi"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    for name in ("EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "CONSTRAINT"):
        monkeypatch.delenv(f"PIP_{name}", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return [sys.executable, "-m", "pip", "--python", str(tmp_path / "venv/bin/python")]


def set_up(pip: list[str], index: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Does what `make setup` does, and returns which torch is there then."""
    for name, value in {"has_gpu": lambda: False, "installed_version": absent}.items():
        monkeypatch.setitem(BUILD["main"].__globals__, name, value)
    BUILD["main"]([str(ROOT / "constraints.txt"), "--index", index], pip)
    pinned = ["--constraint", str(ROOT / "constraints.txt"), "torch"]
    subprocess.run([*pip, "install", "--quiet", *pinned], check=True)
    frozen = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    return frozen.strip()


def absent(_: str) -> str:
    raise BUILD["PackageNotFoundError"]


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere pip's own index is used, whatever the other has"
)
@pytest.mark.parametrize(
    ("index", "version", "why"),
    [
        ("cpu", f"{VERSION}+cpu", "the CPU build, from"),
        ("empty", VERSION, "has no build for this machine"),
        ("none", VERSION, "does not answer"),
    ],
)
def test_the_constraints_admit_either_build(
    index: str,
    version: str,
    why: str,
    pip: list[str],
    indexes: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert set_up(pip, f"{indexes}/{index}", monkeypatch) == f"torch=={version}"
    assert why in capfd.readouterr().out


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, None),
        ({"system": "darwin"}, "no CUDA on this system"),
        ({"system": "win32"}, "no CUDA on this system"),
        ({"gpu": True}, "for the NVIDIA GPU"),
        ({"installed": f"{VERSION}+cu130"}, f"{VERSION}+cu130 is installed"),
        ({"installed": "2.9.0"}, None),
    ],
)
def test_the_cpu_build_is_asked_for_on_linux_without_a_gpu(
    changed: dict[str, object], why: str | None
) -> None:
    said = BUILD["why_not"]("http://127.0.0.1", **(LINUX | changed))
    assert (said is None) if why is None else (why in said)
    assert "as asked" in BUILD["why_not"]("", **LINUX)


def test_an_index_that_takes_the_call_and_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not BUILD["answers"](f"http://127.0.0.1:{silent.getsockname()[1]}", patience=0.2)
