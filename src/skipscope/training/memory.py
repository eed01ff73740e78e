"""How glibc, where it is the C library, treats a worker's freed memory."""

import ctypes
import os
import sys

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
    if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.mallopt(MMAP_THRESHOLD, MEASURING)
        libc.malloc_trim(0)
