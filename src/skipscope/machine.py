"""What a process may use of this machine: cores and memory, within the limits of its control groups.

A container sees all cores and all memory of its host; what it may use is in Linux's control groups (cgroups),
of which a process has a path of nested ones, each with limits of its own. Other systems have none of this.
"""

import os
from collections.abc import Iterator
from math import floor, inf
from pathlib import Path, PurePosixPath

ROOT = Path("/")
"""Above `proc` and `sys`."""


def cores(root: Path = ROOT) -> int:
    """Counts the cores that this process can keep busy: those it may run on, within its groups' quota.

    A quota of two and a half cores counts as two: a third worker would stand still for half of its time.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, floor(min(allowed, cpu_quota(root))))


def cpu_quota(root: Path = ROOT) -> float:
    """Returns the least quota of this process's control groups, in cores; infinite if there is none."""
    return min((quota for group in _groups("cpu", root) for quota in _quotas(group)), default=inf)


def memory_limit(root: Path = ROOT) -> int | None:
    """Returns the bytes that this process and its children may hold in all; None where that is unknown."""
    limits = [_meminfo("MemTotal", root) or _physical(), *(limit for limit, _ in _memory(root))]
    return min((limit for limit in limits if limit is not None), default=None)


def free_memory(root: Path = ROOT) -> int | None:
    """Returns the bytes that can still be allocated without swapping; None where that is unknown."""
    free = [_meminfo("MemAvailable", root), *(limit - used for limit, used in _memory(root))]
    return max(0, min(known)) if (known := [each for each in free if each is not None]) else None


def resident_memory(process: int | str = "self", root: Path = ROOT) -> tuple[int, int] | None:
    """Returns the bytes in memory of a process, now and at most so far; None where that is unknown."""
    status = root / "proc" / str(process) / "status"
    now, most = (_named(status, key) * 1024 for key in ("VmRSS:", "VmHWM:"))
    return (now, most) if most else None


def _quotas(group: Path) -> Iterator[float]:
    """Yields a group's quota in cores: of version 2, then of version 1; "max" and -1 are none."""
    quota, period = [*_words(group / "cpu.max"), "", ""][:2]
    older = [*_words(group / "cpu.cfs_quota_us"), *_words(group / "cpu.cfs_period_us"), "", ""][:2]
    for micros, of in ((quota, period), older):
        if micros.isdecimal() and of.isdecimal() and int(of):
            yield int(micros) / int(of)


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    """Yields limit and use of the groups that have a limit; files that are only cached do not count."""
    for group in _groups("memory", root):
        for limit, use, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, used = ([*_words(group / name), ""][0] for name in (limit, use))
            if most.isdecimal() and used.isdecimal():
                yield int(most), int(used) - _named(group / "memory.stat", cached)


def _meminfo(key: str, root: Path) -> int | None:
    return _named(root / "proc/meminfo", f"{key}:") * 1024 or None


def _physical() -> int | None:
    """Asks a system without `/proc`."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not a POSIX system
        return None


def _named(file: Path, key: str) -> int:
    """Returns the number behind a key in a file of one a line; 0 if it is not there."""
    words = _words(file)
    value = words[words.index(key) + 1] if key in words[:-1] else ""
    return int(value) if value.isdecimal() else 0


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """Yields the folders of this process's control groups, the outermost that can be seen first.

    Version 1 has a tree for each controller, version 2 one for all. In a container a tree may be mounted from
    its own group on, while its path still begins at the host's.
    """
    own = [line.split(":", 2) for line in _words(root / "proc/self/cgroup", by_line=True)]
    for line in _words(root / "proc/self/mountinfo", by_line=True):
        mount, _, kind = line.partition(" - ")
        for _, names, path in own:
            second = kind.startswith("cgroup2 ") and not names
            first = kind.startswith("cgroup ") and controller in {*names.split(",")} & {*kind.split(",")}
            if first or second:
                _, _, _, mounted, at, *_ = mount.split()
                yield from _down(root / at.lstrip("/"), PurePosixPath(path), PurePosixPath(mounted))


def _down(folder: Path, path: PurePosixPath, mounted: PurePosixPath) -> Iterator[Path]:
    yield folder
    for part in path.relative_to(mounted).parts if path.is_relative_to(mounted) else ():
        folder /= part
        yield folder


def _words(file: Path, *, by_line: bool = False) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.splitlines() if by_line else text.split()
