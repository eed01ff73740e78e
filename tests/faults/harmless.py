"""What reading a hostile file may come to: success or an error of ours, soon."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from skipscope.errors import SkipscopeError

HANG_SECONDS = 60
"""Many times what any of these files takes."""


@contextmanager
def harmless() -> Iterator[None]:
    """Lets an error of ours pass, and fails a hang."""

    def hang(*_: object) -> None:
        raise AssertionError(f"it takes more than {HANG_SECONDS} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(HANG_SECONDS)
    try:
        with suppress(SkipscopeError):
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
