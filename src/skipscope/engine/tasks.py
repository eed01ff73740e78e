"""What a worker does: it trains one run, or measures the network that one has left. Pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from skipscope.spec import RunSpec, Snapshots

ALONE_SECONDS = 20.0
"""A probe that takes longer is a task of its own; shorter ones share tasks of about this length, since a
worker needs seconds before it can begin (`estimate.START_SECONDS`)."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """Trains a run to its end, from wherever it is."""

    spec: RunSpec
    steps: int
    """Training steps in all."""
    snapshots: Snapshots | None = None
    """Weights that are kept on the way."""
    part = ""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Measures the network that a run had after one of its steps, with some probes."""

    spec: RunSpec
    steps: int
    """Training steps in all."""
    step: int
    """The last one, or one after which the run kept its weights."""
    probes: tuple[str, ...]
    seconds: float
    """Estimated, with the worker's start."""

    @property
    def part(self) -> str:
        """Tells it from other tasks on the same run."""
        return f"{self.step}: {', '.join(self.probes)}"


Task = Training | Measuring


def grouped(seconds: Mapping[str, float], alone: float = ALONE_SECONDS) -> list[tuple[str, ...]]:
    """Groups probes into tasks of about `alone` seconds at most, longer ones by themselves.

    Within a task they keep their order.
    """
    groups: list[tuple[float, tuple[str, ...]]] = []
    for name in sorted(seconds, key=lambda each: -seconds[each]):
        fits = [index for index, (taken, _) in enumerate(groups) if taken + seconds[name] <= alone]
        if fits:
            taken, names = groups[fits[0]]
            groups[fits[0]] = taken + seconds[name], (*names, name)
        else:
            groups.append((seconds[name], (name,)))
    return [tuple(name for name in seconds if name in names) for _, names in groups]


def longest_first(tasks: Iterable[Measuring]) -> list[Measuring]:
    """Sorts tasks, so that no long one is left when the others have ended."""
    return sorted(tasks, key=lambda task: -task.seconds)
