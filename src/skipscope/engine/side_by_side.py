"""How many runs go side by side: as many as there are cores for, and as fit into memory. Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass

from skipscope.engine.autotune import BATCH, Timing

WORKER = 2**28
"""Bytes of a worker that has loaded torch and a data set, without what workers share: 220 MB, measured."""
CONTEXT = 2**29
"""Bytes of an accelerator that a process holds before it has any tensor: a guess, not measured."""
ON_ONE_DEVICE = 4
"""Runs that share one accelerator at most, which each leaves idle at times: a guess, not measured."""
PROBES = 3 * 2**27
"""Bytes that probes need beside the weights, most of them for curvature's graph."""
COPIES = 4
"""Times the weights that training holds: they, their gradients, their velocities and one more."""
HELD = 1.3
"""What a long training holds for each byte that its first steps needed, since freed memory of other sizes is
kept: measured 1.1 for resnet56, 1.3 to 2 for densenet31_k8 (docs/reliability.md)."""


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """How many workers there are, and what memory decided that."""

    jobs: int
    wanted: int
    """As many as there are cores for, or as were asked for."""
    needed: int
    """Bytes that so many workers need, if they train the networks that need most."""
    free: int | None
    """Bytes; None where the system does not tell."""
    largest: int = 0
    """Bytes of the worker that needs most."""

    @property
    def fits(self) -> bool:
        """Whether as many as wanted fit into memory."""
        return self.free is None or self.needed <= self.free


def most_at_once(runs: int, devices: int) -> int:
    """Returns how many runs go side by side: `runs` on cores, few on one device, one on each of several."""
    return min(runs, devices if devices > 1 else ON_ONE_DEVICE) if devices else runs


def worker_bytes(timing: Timing, batch_size: int, alone: int = WORKER) -> int:
    """Estimates what a worker needs to train and measure a network, from what trial steps needed.

    `alone` is what it holds before, in memory or on an accelerator.
    """
    kept = COPIES * timing.weights
    image = max(0, (timing.grown or 0) - kept) / BATCH
    return alone + kept + max(round(HELD * image * batch_size), PROBES)


def side_by_side(workers: Iterable[int], wanted: int, free: int | None, *, asked: bool) -> SideBySide:
    """Chooses how many workers there are: as many as wanted, if these were `asked` for or fit into memory.

    Args:
        workers: the bytes of every run's worker.
        wanted: how many there would be.
        free: bytes; None where the system does not tell.
        asked: whether a person gave this number.
    """
    largest = sorted(workers, reverse=True)[:wanted]
    jobs = wanted
    while not asked and free is not None and jobs > 1 and sum(largest[:jobs]) > free:
        jobs -= 1
    return SideBySide(
        jobs=jobs, wanted=wanted, needed=sum(largest), free=free, largest=max(largest, default=0)
    )
