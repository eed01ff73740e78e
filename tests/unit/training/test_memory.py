"""What a worker keeps of freed memory, seen from its resident size."""

import os
import platform
import subprocess
import sys

import pytest

from skipscope.training.memory import KEEP_MEMORY

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is told")
MEBIBYTE = 2**20
PIECES, PIECE = 20, 16 * MEBIBYTE
SCRIPT = f"""
from skipscope.training.memory import keep_less
import torch

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

def taken_and_freed():
    before = resident()
    pieces = [torch.zeros({PIECE} // 4) + 1 for _ in range({PIECES})]
    last = torch.zeros(1000)  # the heap's end is in use, as it always is
    del pieces
    kept = resident() - before
    return kept, last

def given_back():
    before = resident()
    keep_less()
    return before - resident()

start = resident()
while_training, last = taken_and_freed()
given = given_back()
taken_and_freed()
given_back()
print(while_training, given, resident() - start)
"""


def sizes(variables: dict[str, str]) -> list[int]:
    """Kept after 320 MiB came and went, given back then, left after the same again; in bytes."""
    run = [sys.executable, "-c", SCRIPT]
    said = subprocess.run(run, env=os.environ | variables, check=True, capture_output=True, text=True)
    return [int(number) for number in said.stdout.split()]


@glibc
def test_a_worker_keeps_what_it_frees_until_it_measures() -> None:
    while_training, given, left = sizes(KEEP_MEMORY)
    whole = PIECES * PIECE
    # torch's own small pieces, of some MiB, come and go with them
    assert while_training > 0.9 * whole
    assert given > 0.9 * whole
    assert left < 0.1 * whole


@glibc
def test_somebodys_own_process_is_left_as_it_is() -> None:
    _, given, _ = sizes({"MALLOC_MMAP_THRESHOLD_": str(2**25)})
    assert given < MEBIBYTE  # a page or two come and go by themselves
