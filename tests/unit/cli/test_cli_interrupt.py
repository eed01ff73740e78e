"""Ctrl-C in the middle of a call that does not come back."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from skipscope.cli.interrupt import ended_by_ctrl_c

BLOCK = """
import hashlib, os, signal, threading, time
from skipscope.cli.interrupt import ended_by_ctrl_c
signal.signal(signal.SIGINT, signal.default_int_handler)
with ended_by_ctrl_c(0.1):
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    {what}
print("went on")
"""
DEEP_IN_C = 'hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)'
OWN_HANDLER = "signal.signal(signal.SIGINT, lambda *_: None); time.sleep(1)"


@pytest.fixture(autouse=True)
def interrupts_heard() -> Iterator[None]:
    """What runs in the background of a script is begun deaf to Ctrl-C."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.parametrize(("what", "code", "says"), [(DEEP_IN_C, 130, ""), (OWN_HANDLER, 0, "went on\n")])
def test_the_program_ends_unless_a_command_handles_it(what: str, code: int, says: str) -> None:
    command = [sys.executable, "-c", BLOCK.format(what=what)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, says, "")


def test_an_ordinary_interrupt_is_python_s_and_nothing_stays() -> None:
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), ended_by_ctrl_c(60):
        signal.raise_signal(signal.SIGINT)
    assert threading.active_count() == threads
    assert signal.set_wakeup_fd(-1) == -1
