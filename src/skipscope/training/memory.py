"""What memory is needed, and how glibc, where it is the C library, treats a worker's freed memory."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from skipscope.machine import resident_memory
from skipscope.training.backend import device

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
"""A worker's environment: freed memory stays with the process, since returning it costs page faults at every
step. Allocations above 32 MiB are larger than the maps of a step (checkpoints, say): they are returned."""
MEASURING = 2**23
"""Bytes: larger allocations are returned as soon as they are freed, once a network is being measured."""
MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` in glibc's malloc.h."""


def keep_less() -> None:
    """Returns a worker's freed memory to the system, and from now on large allocations as they are freed.

    Measuring allocates other sizes than training did, so that memory kept for both would add up. Small
    allocations inside what training left are kept until this is called again.
    """
    if sys.platform != "linux" or not KEEP_MEMORY.items() <= os.environ.items():
        return  # not a worker: a user's process
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, MEASURING)
    _return_freed()


@contextmanager
def growth_watched() -> Iterator[Callable[[], int | None]]:
    """Yields what returns by how many bytes this process has grown at most, since the block began.

    It returns None where the system does not tell, or does not let a process forget its last peak. Where an
    accelerator computes, the bytes are the accelerator's.
    """
    if device().type != "cpu":
        held = None
        with suppress(AttributeError, RuntimeError):  # an older torch, or an accelerator that does not count
            torch.accelerator.reset_peak_memory_stats()
            held = torch.accelerator.memory_allocated()
        yield lambda: None if held is None else torch.accelerator.max_memory_allocated() - held
        if held is not None:
            torch.accelerator.empty_cache()  # workers need it
        return
    _return_freed()  # else what is needed next would be taken from it, and not be seen
    before = None
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is what there is now
        before = resident_memory()

    def grown() -> int | None:
        now = resident_memory()
        return max(0, now[1] - before[0]) if now and before else None

    yield grown


def _return_freed() -> None:
    """Returns memory that was freed to the system."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
