"""Leak test: memory and open files of the program and its workers, over many runs or one long run.

    python benchmarks/endurance.py --runs 200            many short runs in one workspace
    python benchmarks/endurance.py --minutes 30          one run of about that length
    python benchmarks/endurance.py --pid 1234            a running `skipscope run`, until it ends

All sample `/proc` (Linux): resident memory and open files of the parent, as long as it has workers, and of
the workers. Prints the slope of a line fitted to the second half of the samples, with its standard error;
over many runs also the median peak of the first and of the last quarter of the workers.
"""

import argparse
import os
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.records.lock import held
from skipscope.records.store import Workspace
from skipscope.spec import parse_study

SAMPLE_SECONDS = 0.5
LONG_SECONDS = 60
"""Workers that live less than this get no slope."""


@dataclass
class Samples:
    """Samples of one process: seconds since the start, MiB, open files."""

    rows: list[tuple[float, float, int]] = field(default_factory=list)

    def take(self, pid: int, now: float) -> bool:
        """Take a sample; False if the process has ended."""
        status = Path(f"/proc/{pid}/status")
        try:
            kib = int(status.read_text(encoding="utf-8").partition("VmRSS:")[2].split()[0])
            files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except (OSError, IndexError, ValueError):
            return False
        self.rows.append((now, kib / 1024, files))
        return True

    def slope(self) -> str:
        """MiB per hour over the second half, with its standard error, and the range of open files."""
        half = np.array(self.rows[len(self.rows) // 2 :])
        hours, memory = half[:, 0] / 3600, half[:, 1]
        (rate, _), covariance = np.polyfit(hours, memory, 1, cov=True)
        error = float(np.sqrt(covariance[0, 0]))
        return (
            f"{rate:+.1f} MiB/h (standard error {error:.1f}) around {memory.mean():.0f} MiB, "
            f"files {half[:, 2].min():.0f} to {half[:, 2].max():.0f}"
        )


def workers_of(pid: int) -> list[int]:
    """Living training workers of a `skipscope run`; helper processes do not count."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in task.read_text(encoding="utf-8").split()]
    return [child for child in found if b"spawn_main" in _command(child)]


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


class ProcessSampler:
    """Samples a process and its workers in a thread, until `end` is called."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.parent = Samples()
        self.workers: dict[int, Samples] = {}
        self.start, self.over = time.monotonic(), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            now = time.monotonic() - self.start
            if not Path(f"/proc/{self.pid}").exists():
                return  # it has ended
            workers = workers_of(self.pid)
            if workers:
                self.parent.take(self.pid, now)
            for worker in workers:
                self.workers.setdefault(worker, Samples()).take(worker, now)

    def end(self) -> None:
        """Stop sampling."""
        self.over.set()
        self.thread.join()


def study(runs: int, epochs: int) -> dict[str, object]:
    """The smallest network on a few of the embedded images."""
    way = {"precision": "fp32", "memory_format": "channels_last", "kernels": "fast", "threads": 1}
    return {
        "name": "endurance",
        "data": "shapes",
        "train_limit": 60,
        "seeds": runs,
        "probes": ["redundancy"],
        "recipe": {"epochs": epochs, "batch_size": 20, **way},
        "arm": [{"model": "cnn"}],
    }


def main(runs: int, minutes: float, jobs: int) -> None:
    """Train, and print the growth."""
    epochs = 2
    if minutes:
        runs = 1
        epochs = max(2, round(minutes * 60 / seconds_an_epoch()))
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        planned = plan(
            parse_study(study(runs, epochs), where="endurance.py"),
            workspace,
            command="endurance.py",
            jobs=jobs,
        )
        watch = ProcessSampler(os.getpid())
        with held(workspace.path, doing="endurance.py"):
            records = execute(planned, workspace, on_event=lambda _event: None, interrupted=lambda: None)
        watch.end()
        seconds = time.monotonic() - watch.start
        print(f"{len(records)} runs of {epochs} epochs, {seconds:.0f} s, {jobs} side by side")
        print(f"states: {dict(Counter(record.state for record in records))}")
    said(watch)


def said(watch: ProcessSampler) -> None:
    """Print slopes and peaks."""
    print(f"parent: {watch.parent.slope()}")
    for pid, samples in watch.workers.items():
        if len(samples.rows) * SAMPLE_SECONDS >= LONG_SECONDS:
            print(f"worker {pid}, {samples.rows[-1][0] - samples.rows[0][0]:.0f} s: {samples.slope()}")
    peaks = [
        max(memory for _, memory, _ in samples.rows) for samples in watch.workers.values() if samples.rows
    ]
    files = [max(opened for *_, opened in samples.rows) for samples in watch.workers.values() if samples.rows]
    quarter = max(1, len(peaks) // 4)
    first, last = np.median(peaks[:quarter]), np.median(peaks[-quarter:])
    print(f"workers seen: {len(peaks)}; in the first quarter of them and in the last:")
    print(f"  median peak {first:.0f} and {last:.0f} MiB")
    print(f"  open files at most {max(files[:quarter])} and {max(files[-quarter:])}")


def seconds_an_epoch() -> float:
    """Seconds per epoch, measured on a run of a hundred."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        planned = plan(
            parse_study(study(1, 100), where="endurance.py"), workspace, command="endurance.py", jobs=1
        )
        (record,) = execute(planned, workspace, on_event=lambda _event: None, interrupted=lambda: None)
        if record.result is None:
            raise SystemExit("the run that was to be timed failed")
        return record.result.seconds / 100


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=0.0, help="one long run instead of many")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--pid", type=int, help="watch this process and those it starts, until it ends")
    given = parser.parse_args()
    if given.pid:
        watching = ProcessSampler(given.pid)
        watching.thread.join()
        said(watching)
    else:
        main(given.runs, given.minutes, given.jobs)
