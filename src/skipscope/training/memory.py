"""Memory that is not needed any more, given back to the system.

glibc keeps what is freed for what is asked for next. A probe asks for other sizes than training did: between
the two, what is kept is of no use to this worker, and others beside it may want it.
"""

import ctypes
import gc


def give_back() -> None:
    """Gives freed memory back, where the system's C library can; elsewhere it does so by itself or never."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return  # another C library
    trim(0)
