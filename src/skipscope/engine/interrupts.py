"""Hears Ctrl-C and SIGTERM while workers run, which never hear them (`skipscope.interrupts`)."""

import multiprocessing as mp
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import current_thread, main_thread

from skipscope.interrupts import INTERRUPTS


@contextmanager
def interrupts_heard() -> Iterator[tuple[Callable[[], bool], "Connection[int, int]", Callable[[], object]]]:
    """Yields whether Ctrl-C was pressed (or SIGTERM sent), and a pipe with a number for each time: 1, 2, ...

    They are heard in the main thread alone: in another one, whoever called us hears them there. What is
    yielded last does as Ctrl-C does.

    A signal may arrive in the middle of a print or of a message to a worker, so whoever reads the pipe acts.
    """
    times = 0
    read, write = mp.Pipe(duplex=False)

    def handle(_number: int = 0, _frame: object = None) -> None:
        nonlocal times
        times += 1
        write.send(times)

    heard = INTERRUPTS if current_thread() is main_thread() else ()
    before = [signal.signal(number, handle) for number in heard]
    try:
        yield lambda: times > 0, read, handle
    finally:
        for number, handler in zip(heard, before, strict=True):
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not Python's own
        read.close()
        write.close()
