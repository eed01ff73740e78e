"""Workers that are forked of the zygote, and not spawned: as clean, and there at once.

A server of multiprocessing's own (`forkserver`) is forked before anything else and forks each worker on
demand, so a worker inherits no lock, pipe or thread of the study it works for, as if it had been spawned.
"""

import multiprocessing as mp
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import forkserver, resource_tracker, util
from types import SimpleNamespace
from typing import Any

from skipscope.engine import local
from skipscope.interrupts import INTERRUPTS


def serve() -> None:
    """Starts the server as a fork of this process, which has imported everything."""
    resource_tracker.ensure_running()
    forkserver.set_forkserver_preload([])
    spawn, util.spawnv_passfds = util.spawnv_passfds, _forked
    try:
        forkserver.ensure_running()
    finally:
        util.spawnv_passfds = spawn


def _forked(_path: bytes, command: list[str], passed: list[int]) -> int:
    """Runs a command of Python's in a fork, which keeps the files that are passed and no other."""
    child = os.fork()
    if not child:
        try:
            for number in map(int, os.listdir("/proc/self/fd")):
                if number > 2 and number not in passed:
                    with suppress(OSError):  # the folder's own
                        os.close(number)
            exec(command[-1], {})
        finally:
            os._exit(1)
    return child


def fork_workers(out: str) -> None:
    """Lets this process, which was forked of the zygote, start its workers so; `out` gets what they say."""
    forkserver._forkserver.ensure_running = lambda: None  # it runs, and is no child of this process
    context = mp.get_context("forkserver")

    def process(*, target: Callable[..., object], args: tuple[Any, ...], **more: Any) -> Any:
        like = (os.getpgrp(), dict(os.environ), out)
        return context.Process(target=_as_spawned, args=(*like, target, args), **more)

    made = SimpleNamespace(Pipe=context.Pipe, Process=process)
    local.mp = SimpleNamespace(get_context=lambda _method: made)  # type: ignore[assignment]


def _as_spawned(
    group: int, environment: dict[str, str], out: str, target: Callable[..., object], args: tuple[Any, ...]
) -> None:
    """Does what a process of this group and environment would do whose signals were blocked as it began."""
    signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
    with suppress(ProcessLookupError, PermissionError):  # the study was killed meanwhile
        os.setpgid(0, group)
    os.environ.update(environment)
    time.tzset()
    said = os.open(out, os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(said, number)
    target(*args)
