"""Plays `engine.local`'s worker processes by threads: spawning one costs seconds of CPU, importing torch.

Threads work one after the other, since torch's random numbers are the process's. They hear no signals and
cannot be killed: tests of those spawn.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from threading import Lock, Thread
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from skipscope.engine import at_init, local, work

_turn = Lock()


class _Worker(Thread):
    """Stands in for a spawned process with a copy of its end of the pipe, as spawning makes one."""

    exitcode, pid = 0, None

    def __init__(
        self, *, target: Callable[..., None], args: tuple[Any, ...], name: str, daemon: bool
    ) -> None:
        super().__init__(name=name, daemon=daemon)
        *self.given, theirs = args
        self.work, self.theirs = target, Connection(os.dup(theirs.fileno()))

    def run(self) -> None:
        with self.theirs, _turn:
            self.work(*self.given, self.theirs)

    def close(self) -> None:
        """Releases nothing: a thread has nothing to release."""

    def kill(self) -> None:
        """Does nothing: a thread cannot be killed."""


@pytest.fixture
def workers_in_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets `execute` and `measure_starts` work in threads of the test's own process."""
    context = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=_Worker)
    monkeypatch.setattr(local, "mp", SimpleNamespace(get_context=lambda _method: context))
    monkeypatch.setattr(at_init, "ProcessPoolExecutor", _pool)
    for module in (work, at_init):
        monkeypatch.setattr(module, "ignore", lambda *_signals: None)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def _pool(_jobs: int, _context: object, **initial: Any) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, **initial)
