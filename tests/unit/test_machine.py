"""What a process may use of a machine, from made-up files of Linux."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import skipscope
from skipscope import machine, torch_threads
from skipscope.machine import cores, cpu_quota, free_memory, memory_limit, resident_memory

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 {at} /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
    "32 23 0:29 {at} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "33 23 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
)
MEMINFO = "MemTotal:       16777216 kB\nMemFree:         1000 kB\nMemAvailable:    8388608 kB\n"
GIB = 2**30


def system(root: Path, files: dict[str, object]) -> Path:
    for name, content in ({"proc/meminfo": MEMINFO} | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n" if not str(content).endswith("\n") else str(content))
    return root


def of_version_2(root: Path, path: str, files: dict[str, object]) -> Path:
    return system(root, {"proc/self/cgroup": f"0::{path}", "proc/self/mountinfo": V2} | files)


def of_version_1(root: Path, path: str, files: dict[str, object], at: str = "/") -> Path:
    groups = f"4:cpu,cpuacct:{path}\n3:memory:{path}\n1:name=systemd:{path}\n0::{path}"
    return system(root, {"proc/self/cgroup": groups, "proc/self/mountinfo": V1.format(at=at)} | files)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"a.slice/b.scope/cpu.max": "150000 100000"}, 1.5),
        ({"a.slice/cpu.max": "400000 100000", "a.slice/b.scope/cpu.max": "max 100000"}, 4),
        ({"a.slice/cpu.max": "50000 100000", "a.slice/b.scope/cpu.max": "800000 100000"}, 0.5),
        ({"cpu.max": "200000 100000"}, 2),
        ({"other.slice/cpu.max": "100000 100000"}, float("inf")),
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu.max": "damaged"}, float("inf")),
    ],
    ids=["own", "above", "least", "a container's root", "another's", "none", "damaged"],
)
def test_the_least_quota_on_the_way_to_the_group_counts(
    tmp_path: Path, files: dict[str, object], quota: float
) -> None:
    named = {f"sys/fs/cgroup/{name}": content for name, content in files.items()}
    assert cpu_quota(of_version_2(tmp_path, "/a.slice/b.scope", named)) == quota


@pytest.mark.parametrize(
    ("path", "at", "folder"),
    [
        ("/docker/abc", "/", "docker/abc/"),
        ("/docker/abc", "/docker/abc", ""),
        ("/docker/abc/inner", "/docker/abc", "inner/"),
        ("/", "/", ""),
    ],
    ids=["on the host", "in its container", "below a container's", "in a namespace"],
)
def test_quotas_and_limits_of_the_first_version(tmp_path: Path, path: str, at: str, folder: str) -> None:
    cpu, memory = "sys/fs/cgroup/cpu,cpuacct", f"sys/fs/cgroup/memory/{folder}memory"
    files = {
        f"{cpu}/{folder}cpu.cfs_quota_us": 250_000,
        f"{cpu}/{folder}cpu.cfs_period_us": 100_000,
        f"{memory}.limit_in_bytes": 4 * GIB,
        f"{memory}.usage_in_bytes": 3 * GIB,
        f"{memory}.stat": f"cache 5\ntotal_inactive_file {GIB}",
    }
    root = of_version_1(tmp_path, path, files, at)
    assert cpu_quota(root) == 2.5
    assert memory_limit(root) == 4 * GIB
    assert free_memory(root) == 2 * GIB


def test_no_quota_is_minus_one_in_the_first_version(tmp_path: Path) -> None:
    cpu = "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_"
    root = of_version_1(tmp_path, "/", {f"{cpu}quota_us": -1, f"{cpu}period_us": 100_000})
    assert cpu_quota(root) == float("inf")


def test_memory_is_the_least_of_the_system_s_and_of_each_group_s(tmp_path: Path) -> None:
    group = "sys/fs/cgroup/a.slice/memory"
    assert (memory_limit(of_version_2(tmp_path, "/a.slice", {})), free_memory(tmp_path)) == (
        16 * GIB,
        8 * GIB,
    )
    limited = {f"{group}.max": 2 * GIB, f"{group}.current": 3 * GIB // 2}
    limited |= {f"{group}.stat": f"anon {GIB}\ninactive_file {GIB // 2}"}
    of_version_2(tmp_path, "/a.slice", limited)
    assert (memory_limit(tmp_path), free_memory(tmp_path)) == (2 * GIB, GIB)
    of_version_2(tmp_path, "/a.slice", {f"{group}.max": "max"})
    assert (memory_limit(tmp_path), free_memory(tmp_path)) == (16 * GIB, 8 * GIB)


def test_another_system_has_no_such_files(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) == float("inf")
    assert free_memory(tmp_path) is None
    assert resident_memory(root=tmp_path) is None
    assert cores(tmp_path) >= 1


@pytest.mark.parametrize(
    ("allowed", "quota", "count"), [(8, "250000", 2), (2, "800000", 2), (8, "50000", 1), (3, "max", 3)]
)
def test_cores_are_those_that_affinity_and_quota_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int, quota: str, count: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _self: set(range(allowed)), raising=False)
    assert cores(of_version_2(tmp_path, "/", {"sys/fs/cgroup/cpu.max": f"{quota} 100000"})) == count


NEEDS_MEMORY = """
import mmap
input()
held = mmap.mmap(-1, 128 * 2**20)
for page in range(0, len(held), mmap.PAGESIZE):
    held[page] = 1
print("held", flush=True)
input()
"""


def test_a_process_that_needs_memory_is_seen_to_need_it() -> None:
    """Another process, since this one may return memory meanwhile; pages straight from the system."""
    child = subprocess.Popen(
        [sys.executable, "-c", NEEDS_MEMORY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        before = resident_memory(child.pid)
        if before is None:
            pytest.skip("this system has no /proc")
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "held\n"
        after = resident_memory(child.pid)
        assert after[0] - before[0] > 100 * 2**20
        assert after[1] >= after[0] > 128 * 2**20
    finally:
        child.kill()
        child.communicate()
    assert resident_memory() is not None


def test_python_computes_on_no_more_threads_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch counts the cores of a container's host: under a quota its threads would wait for one another."""
    seen = []

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return self.last(x.mean((2, 3)))

    monkeypatch.setattr(torch_threads, "cores", lambda: 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        skipscope.probe(Net(), torch.randn(4, 3, 8, 8), torch.arange(4) % 2, probes=["answers"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}
    assert machine.cores() >= 1
