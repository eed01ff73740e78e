"""Memory that is given back."""

import ctypes
import sys
from pathlib import Path

import pytest
import torch

from skipscope.training.memory import give_back


def resident() -> int:
    """MiB of this process that are in memory."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc's own call"
)
def test_what_was_freed_is_given_back() -> None:
    """Half of 256 MiB, in pieces too small for maps of their own, between others that are still used."""
    pieces = [torch.ones(16 * 1024) for _ in range(4096)]
    kept = pieces[::2]
    del pieces

    before = resident()
    give_back()

    assert before - resident() >= 64  # of 128: pages that a kept piece shares stay
    assert all(bool((piece == 1).all()) for piece in kept)


def test_another_c_library_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())

    give_back()
