"""Ctrl-C and the like: the parent hears them and decides, its workers do not, from their first moment on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def signals_blocked(*signals: int) -> Iterator[None]:
    """A process that is started inside never hears these; this one does, as soon as it is outside."""
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
    """What a worker does first: not every system can hold them back."""
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
