"""Simulates how long studies take on clusters, from recorded run times; writes the tables of docs/cluster.md.

    python tools/cluster_scaling.py

A node here trains one run at a time. Runs go in rounds to the first free node, as `engine/task_queue.py`
hands them out. The driver is one processor: a run's beginning and end queue there, beside what the runs that
train ask of it all the time. What it costs was measured by `python benchmarks/ray_driver.py` (`DRIVER`).
"""

import heapq
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cluster.md"
REFERENCE = ROOT / "docs" / "reference"
NODES = (1, 2, 8, 64, 1000)


@dataclass(frozen=True, kw_only=True)
class Driver:
    """Says what runs cost the driver, in seconds of its processor."""

    run: float
    """A run's beginning and end."""
    call: float
    """A call that asks a worker for news."""
    megabyte: float
    """A megabyte of a checkpoint."""
    start: float
    """Seconds on the wall from a run's beginning to its first step."""


DRIVER = Driver(run=0.547, call=0.00083, megabyte=0.00182, start=10.0)
"""Measured on a machine with much other work; the start, 140 s there, is a guess."""
CALLS_A_SECOND, MOST_CALLS = 1.0, 200.0
"""How often each worker is asked for news, and all of them together (`engine/cluster/execute.py`)."""
CHECKPOINT_SECONDS = 60.0
"""Between two checkpoints at most; an epoch that is shorter ends with one."""
LEAST_SECONDS = 20.0
"""Between two that travel, at least (`engine/cluster/driver.py`)."""
MOST_BUSY = 0.5
"""Where runs in training ask for more of the driver, they wait: checkpoints then travel less often."""
LINK = 125.0
"""Megabytes a second that leave and reach the driver: a gigabit."""
DATA = 184.4
"""Megabytes of CIFAR-10 as it is stored."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Holds what a record tells of a run."""

    seed: int
    seconds: float
    """Its training, validation and test."""
    checkpoint: float
    """Megabytes: weights and momentum in fp32."""
    between: float
    """Seconds between two checkpoints that travel."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Says how a study went on so many nodes."""

    seconds: float
    busy: float
    """The highest share of the driver's processor that the runs in training ask for."""
    traffic: float
    """The most megabytes a second that their checkpoints bring."""


def run_of(record: Mapping[str, Any]) -> Run:
    """Reads a run's record."""
    seconds, epochs = record["result"]["seconds"], record["spec"]["recipe"]["epochs"]
    between = max(LEAST_SECONDS, min(CHECKPOINT_SECONDS, seconds / epochs))
    size = record["network"]["params"] * 8 / 1e6
    return Run(seed=record["spec"]["seed"], seconds=seconds, checkpoint=size, between=between)


def recorded() -> Iterator[tuple[str, list[Run]]]:
    """Yields studies: what they are, and their runs."""
    first = [run for run in runs_of("lab") if run.seed == 0]
    for seeds in (5, 250):
        yield f"`lab`, {seeds} seeds", [replace(run, seed=seed) for seed in range(seeds) for run in first]
    yield "`evening`", runs_of("evening")


def runs_of(study: str) -> list[Run]:
    """Reads the runs of a reference study: a complete one lies in an archive."""
    files = dict(_files(study))
    members = json.loads(files[f"studies/{study}.json"])["members"]
    names = sorted({f"runs/{member['run']}/run.json" for member in members} & files.keys())
    return [run_of(json.loads(files[name])) for name in names]


def _files(study: str) -> Iterator[tuple[str, bytes]]:
    archive = REFERENCE / f"{study}.tar.xz"
    if not archive.exists():
        for path in (*REFERENCE.glob("studies/*.json"), *REFERENCE.glob("runs/*/run.json")):
            yield path.relative_to(REFERENCE).as_posix(), path.read_bytes()
        return
    with tarfile.open(archive) as opened:
        for each in opened:
            if each.name.endswith(".json") and (file := opened.extractfile(each)) is not None:
                yield each.name, file.read()


def simulate(runs: Sequence[Run], nodes: int, driver: Driver, *, passed_on: bool = False) -> Outcome:
    """Carries the runs out, the first that waits on the first node that is free.

    The driver sends the data set to each node over its one link, or nodes that have it pass it on.
    """
    order = sorted(runs, key=lambda run: (run.seed, -run.seconds))
    busy, traffic = asked_of(order[:nodes], driver)
    half = driver.run / 2 / (1 - min(busy, MOST_BUSY))
    free = [(0.0, node) for node in range(nodes)]
    at_driver, have_data, end = 0.0, set[int](), 0.0
    for run in order:
        when, node = heapq.heappop(free)
        at_driver = begins = max(at_driver, when) + half  # the other half after its last step
        if node not in have_data:
            have_data.add(node)
            copies = (len(have_data)).bit_length() if passed_on else len(have_data)
            begins = max(begins, copies * DATA / LINK)
        done = begins + driver.start + run.seconds + half
        heapq.heappush(free, (done, node))
        end = max(end, done)
    return Outcome(seconds=end, busy=busy, traffic=traffic)


def asked_of(together: Sequence[Run], driver: Driver) -> tuple[float, float]:
    """Returns the share of the driver's processor that these runs take, and their megabytes a second."""
    traffic = sum(run.checkpoint / run.between for run in together)
    calls = min(len(together) * CALLS_A_SECOND, MOST_CALLS)
    return calls * driver.call + traffic * driver.megabyte, traffic


def written(seconds: float) -> str:
    """Formats a duration."""
    whole = round(seconds)
    if whole < 600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole / 3600:.1f} h" if whole >= 7200 else f"{round(whole / 60)} min"


def table(name: str, runs: Sequence[Run]) -> str:
    """Tabulates one study."""
    whole, longest = sum(run.seconds for run in runs), max(run.seconds for run in runs)
    lines = [
        f"{name}: {len(runs):,} runs, {written(whole)} of one core, the longest run {written(longest)}",
        "",
        "| nodes | time | times as fast | at most | data passed on | driver's load | checkpoints, MB/s |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for nodes in NODES:
        found = simulate(runs, nodes, DRIVER)
        passed_on = simulate(runs, nodes, DRIVER, passed_on=True)
        # no order of the runs is faster: the longest has to be trained, and the nodes share the sum
        bound = whole / max(longest, whole / nodes)
        cells = (
            f"{nodes:,}",
            written(found.seconds),
            f"{whole / found.seconds:.1f}",
            f"{bound:.1f}",
            written(passed_on.seconds),
            f"{100 * found.busy:.1f} %",
            f"{found.traffic:.1f}",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def page(tables: Iterable[str]) -> str:
    """Returns docs/cluster.md with these tables."""
    text = "\n\n".join(tables)
    before = PAGE.read_text(encoding="utf-8")
    return re.sub(
        r"(<!-- scaling -->\n).*?(\n<!-- end -->)",
        lambda found: found[1] + text + found[2],
        before,
        flags=re.DOTALL,
    )


def main() -> None:
    """Writes the tables and prints them."""
    tables = [table(name, runs) for name, runs in recorded()]
    PAGE.write_text(page(tables), encoding="utf-8")
    print("\n\n".join(tables))


if __name__ == "__main__":
    main()
