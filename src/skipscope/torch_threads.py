"""The number of threads that torch computes on, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from skipscope.machine import cores


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Computes on `count` threads; whatever the block sets, the number is then what it was before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def threads_for_cores() -> Iterator[None]:
    """Computes on no more threads than this process has cores: torch counts those of a container's host."""
    with torch_threads(min(torch.get_num_threads(), cores())):
        yield
