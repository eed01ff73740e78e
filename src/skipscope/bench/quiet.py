"""Says whether a machine was quiet while something was timed on it.

Two signs: what other programs took of the cores meanwhile, and how far apart the usual loop's rounds lie.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from skipscope.machine import cores

PROC = Path("/proc")
OTHERS = 0.05
"""The largest share of the cores' time that others may take: more moves ratios as a kernel's gain does."""
SPREAD = 0.1
"""How far apart the usual loop's rounds may lie, over their median."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Seconds of a wall clock, and processor seconds of all programs on our cores and of our own."""

    wall: float
    all: float
    own: float


def clock(proc: Path = PROC) -> Clock | None:
    """Reads the clocks; None on a system that does not tell what all programs take."""
    try:
        everyone, own = _everyone(proc), _own(proc)
    except (OSError, ValueError, IndexError):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Clock(wall=perf_counter(), all=everyone / ticks, own=own / ticks)


def others(before: Clock | None, after: Clock | None) -> float | None:
    """Returns which share of the cores' time other programs took between two readings; None if unknown."""
    if before is None or after is None or after.wall <= before.wall:
        return None
    taken = (after.all - before.all) - (after.own - before.own)
    return max(0.0, taken / ((after.wall - before.wall) * cores()))


def spread(rates: Sequence[float]) -> float:
    """Returns how far apart rounds lie: the fastest minus the slowest, over the median."""
    return (max(rates) - min(rates)) / median(rates)


def was_quiet(others: float | None, spreads: Sequence[float]) -> bool | None:
    """Says whether a run's figures may be quoted; None if it was steady, and who else worked is unknown."""
    if max(spreads, default=0.0) > SPREAD:
        return False
    return None if others is None else others <= OTHERS


def _everyone(proc: Path) -> int:
    """Sums the ticks that our cores were busy, for the host of a virtual machine, too."""
    ours = {f"cpu{number}" for number in _numbers()}
    lines = [line.split() for line in (proc / "stat").read_text().splitlines()]
    busy = [[int(field) for field in line[1:9]] for line in lines if line[0] in ours]
    if not busy:
        raise ValueError(proc)
    # user, nice, system, idle, iowait, irq, softirq, steal
    return sum(sum(fields) - fields[3] - fields[4] for fields in busy)


def _numbers() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _own(proc: Path) -> int:
    """Sums the ticks of this process and its descendants, with those that have ended and were waited for."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in proc.glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        pid = int(path.parent.name)
        parents[pid], ticks[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    family, grown = {os.getpid()}, True
    while grown:
        found = {pid for pid, parent in parents.items() if parent in family} - family
        family |= found
        grown = bool(found)
    return sum(ticks.get(pid, 0) for pid in family)
