"""Faults that are really injected: what a test needs to run the program, and to kill it."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from skipscope.records.store import RunFolder, Workspace

LONG = bool(os.environ.get("SKIPSCOPE_FAULTS"))
"""Set by `make faults`: the long versions."""
EPOCHS = 20 if LONG else 8
"""How long a run is that is killed, or stopped at a step: three times so many steps."""
HERE = Path(__file__).parent

STUDY = """
data = "shapes"
train_limit = 60
seeds = {seeds}
probes = ["redundancy"]
[recipe]
epochs = {epochs}
batch_size = 20
precision = "fp32"
memory_format = "channels_last"
kernels = "fast"
threads = 1
{arms}
"""
CNN = '[[arm]]\nmodel = "cnn"\n'


def study(folder: Path, *, seeds: int = 1, epochs: int = 2, arms: str = CNN, name: str = "tiny") -> Path:
    """A study's file whose way of computing is pinned."""
    path = folder / f"{name}.toml"
    path.write_text(STUDY.format(seeds=seeds, epochs=epochs, arms=arms), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    code: int
    said: str


class Process:
    """A fork of the zygote."""

    def __init__(self, zygote: "Zygote", pid: int, out: Path) -> None:
        self.zygote, self.pid, self.out = zygote, pid, out
        self.code: int | None = None

    @property
    def said(self) -> str:
        return self.out.read_text(encoding="utf-8", errors="replace") if self.out.exists() else ""

    def kill(self, number: int = signal.SIGKILL, *, group: bool = False) -> None:
        """A signal to it, or to it and its workers as a terminal sends it."""
        (os.killpg if group else os.kill)(self.pid, number)

    @property
    def ended(self) -> bool:
        """Whether it has, without waiting for it."""
        return has_ended(self.pid)

    def wait(self) -> Ended:
        if self.code is None:
            self.code = self.zygote.ask(wait=self.pid)
        return Ended(self.code, self.said)

    def says(self, text: str, seconds: float = 60) -> bool:
        """Whether it does within that time."""
        end = time.monotonic() + seconds
        while text not in self.said:
            if time.monotonic() > end or self.ended:
                return text in self.said
            time.sleep(0.01)
        return True


class Zygote:
    """See `zygote.py`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        # a process that is killed leaves nothing of what coverage counted, a fifth of its time: not counted
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=quiet,
        )

    def ask(self, **asked: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self, do: str, *, cwd: Path, env: dict[str, str] | None = None, spawned: bool = LONG, **arguments: Any
    ) -> Process:
        """A fork that does this. Its workers are forked, too, or `spawned`, which takes seconds for each."""
        self.number += 1
        out = self.folder / f"{self.number}.txt"
        pid = self.ask(do=do, cwd=str(cwd), env=env or {}, out=str(out), spawned=spawned, **arguments)
        return Process(self, pid, out)

    def skipscope(
        self, *argv: str | Path, cwd: Path, env: dict[str, str] | None = None, spawned: bool = LONG
    ) -> Process:
        return self.start("command", cwd=cwd, env=env, spawned=spawned, argv=[str(word) for word in argv])

    def train(self, folder: Path, **arguments: Any) -> Process:
        return self.start("train", cwd=folder.parent, folder=str(folder), **arguments)


TIMED = ("seconds",)
"""Columns of metrics that the clock writes."""


def same(one: RunFolder, other: RunFolder) -> None:
    """Weights, metrics but for the clock's, and readings are the same to the last bit."""
    assert one.model_file.read_bytes() == other.model_file.read_bytes()
    assert rows(one) == rows(other)
    ours, theirs = one.readings().drop("run"), other.readings().drop("run")
    assert ours.height > 0
    assert ours.equals(theirs, null_equal=True)
    first, second = one.read(), other.read()
    assert first.state == second.state == "done"
    assert (first.result.test_loss, first.result.val_loss) == (
        second.result.test_loss,
        second.result.val_loss,
    )
    for name, array in one.pictures().items():
        assert (array == other.pictures()[name]).all()
    left = {path.name for path in other.path.iterdir()} - {path.name for path in one.path.iterdir()}
    assert left <= {".lock"}, left  # no draft, no checkpoint, no half of anything


def rows(folder: RunFolder) -> list[dict[str, Any]]:
    """The metrics, line by line."""
    lines = [json.loads(line) for line in folder.metrics_file.read_bytes().splitlines()]
    return [{key: value for key, value in line.items() if key not in TIMED} for line in lines]


def only_run(workspace: Path) -> RunFolder:
    """The folder of the workspace's one run."""
    (path,) = (workspace / "runs").iterdir()
    return RunFolder(path)


def readings(workspace: Path) -> pl.DataFrame:
    return Workspace(workspace).readings()


def children(parent: int) -> list[int]:
    """Worker processes: those of the parent's group that do not only keep multiprocessing's books."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            group = int(status.read_text().rpartition(")")[2].split()[2])
            if group == parent and b"resource_tracker" not in (status.parent / "cmdline").read_bytes():
                found.append(int(status.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != parent]


def has_ended(pid: int) -> bool:
    """Whether the process has: nobody may have asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
