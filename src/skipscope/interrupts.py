"""Keeps Ctrl-C from the processes that we start: their parent hears it and decides."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_blocked(*signals: int) -> Iterator[None]:
    """Blocks the signals in processes started inside, for good; this one hears them once it is outside."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start lets them through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore(*signals: int) -> None:
    """Ignores the signals in a worker: not every system can block them."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
