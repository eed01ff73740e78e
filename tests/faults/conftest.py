"""Fixtures of all injected faults."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from injected import Zygote

from skipscope.records.store import RunFolder


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """The program, ready to be forked."""
    made = Zygote(tmp_path_factory.mktemp("said"))
    yield made
    made.process.stdin.close()
    made.process.stdout.close()
    made.process.wait()


@pytest.fixture(scope="session")
def undisturbed(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], RunFolder]:
    """`undisturbed(epochs)`: the run as it comes out if nothing happens to it."""
    there: dict[int, RunFolder] = {}

    def run(epochs: int) -> RunFolder:
        if epochs not in there:
            folder = tmp_path_factory.mktemp("undisturbed") / "run"
            ended = zygote.train(folder, epochs=epochs).wait()
            assert ended.code == 0, ended.said
            there[epochs] = RunFolder(folder)
        return there[epochs]

    return run


@pytest.fixture
def bounded_memory() -> Iterator[None]:
    """The most this process held while a test ran is less than a gigabyte above what it held before."""
    status = Path("/proc/self/status")
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    before = _kib(status, "VmRSS")
    yield
    assert (_kib(status, "VmHWM") - before) << 10 < 1 << 30


def _kib(status: Path, key: str) -> int:
    return int(status.read_text().partition(f"{key}:")[2].split()[0])
