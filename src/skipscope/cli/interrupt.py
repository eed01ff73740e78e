"""Ctrl-C ends the program within seconds, even in the middle of a long call into a library.

Python raises KeyboardInterrupt between two of its own instructions. The backward pass of a large network is
one such instruction, and may take minutes.
"""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, main_thread

SECONDS = 3.0
"""For what KeyboardInterrupt makes the program do on its way out."""
SHOW_CURSOR = b"\x1b[?25h\n"
"""Progress bars hide it."""


@contextmanager
def ended_by_ctrl_c(seconds: float = SECONDS) -> Iterator[None]:
    """Ends the process so long after Ctrl-C, if the block has not ended by then.

    A command that handles Ctrl-C itself, as training does, is let alone. Nothing is lost: files are written
    whole or not at all, and workers notice that their parent is gone.
    """
    if current_thread() is not main_thread():
        yield
        return
    read, write = socket.socketpair()
    write.setblocking(False)  # noqa: FBT003 - as the standard library calls it
    ended = Event()

    def watch() -> None:
        while number := read.recv(1):
            handled = signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            if number[0] == signal.SIGINT and not handled and not ended.wait(seconds):
                if sys.stdout.isatty():
                    os.write(sys.stdout.fileno(), SHOW_CURSOR)
                os._exit(130)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    before = signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        write.close()
        thread.join()
        read.close()
