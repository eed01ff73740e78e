"""What a worker's C library does with freed memory, where that is glibc."""

import ctypes
import os
import sys

KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
"""A worker's environment. Freed memory stays with it: giving it back costs a page fault a page at every step.
Pieces above 32 MiB are longer than the maps of a step (checkpoints, say): kept, they would leave holes."""
MEASURING = 2**23
"""Bytes from which on a piece is given back when it is freed, once a network is measured."""
MMAP_THRESHOLD = -3
"""`M_MMAP_THRESHOLD` in glibc's malloc.h."""


def keep_less() -> None:
    """Gives a worker's freed memory back, and from now on that of longer pieces as they are freed.

    Measuring takes memory in other pieces than training did, so that what is kept of both adds up. A piece
    that finds room in the middle of what training left is taken there, and kept: until this is called again.
    """
    if sys.platform != "linux" or not KEEP_MEMORY.items() <= os.environ.items():
        return  # somebody's own process
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
        libc.mallopt(MMAP_THRESHOLD, MEASURING)
        libc.malloc_trim(0)
