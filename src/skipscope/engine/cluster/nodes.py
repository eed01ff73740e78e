"""Which nodes a cluster has, of which kind they are, and on which of them a task may be carried out.

Processors of two kinds round differently, so the arms of a seed stay on nodes of one kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from skipscope.engine.tasks import Task
from skipscope.errors import MachineError, UsageError
from skipscope.records.schema import Environment, RunRecord

MUST_AGREE = ("python", "skipscope", "torch")
"""Versions that a node and the driver share: what is sent is theirs, and so is rounding."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """Describes a node that may train."""

    id: str
    address: str
    kind: str
    slots: int
    """Workers at once: one a GPU where it has any, else one a core, as memory allows."""
    gpus: bool = False


def kind_of(machine: Mapping[str, str | int | float]) -> str:
    """Names a kind of processor or accelerator, as a run's record tells it: equal kinds round alike."""
    device = str(machine.get("accelerator", machine.get("device", "cpu")))
    parts = [str(machine.get("processor", "unknown")), str(machine.get("instructions", "unknown"))]
    return ", ".join(parts if device == "cpu" else [*parts, device])


def slots(resources: Mapping[str, float], worker_bytes: int) -> int:
    """Counts the workers that a node has room for, from the resources that it declares."""
    units = int(resources.get("GPU", 0)) or int(resources.get("CPU", 0))
    memory = resources.get("memory")
    return units if memory is None else min(units, int(memory // max(worker_bytes, 1)))


def refuse_other_versions(node: Environment, driver: Environment, address: str) -> None:
    """Refuses a node whose programs are of other versions than the driver's.

    Raises:
        MachineError: they are; names the first.
    """
    for name in MUST_AGREE:
        mine, theirs = driver.versions.get(name), node.versions.get(name)
        if mine != theirs:
            raise MachineError(
                f"The node {address} has {name} {theirs}, and this machine has {mine}.",
                hint="install the same versions on both: equal runs are equal only then",
            )


@dataclass(kw_only=True)
class Roster:
    """Counts which nodes are free, and remembers on which kind each seed is trained."""

    any_kind: bool
    kinds: dict[int, str] = field(default_factory=dict)
    """The kind of processor of each seed that was begun."""
    nodes: dict[str, Node] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)

    @property
    def jobs(self) -> int:
        """Counts the workers that all nodes have room for."""
        return sum(node.slots for node in self.nodes.values())

    def replace(self, nodes: Iterable[Node]) -> None:
        """Learns which nodes there are now."""
        self.nodes = {node.id: node for node in nodes}

    def free(self, task: Task) -> Node | None:
        """Returns a node for the task now, the one with most room; None where it has to wait."""
        kind = None if self.any_kind else self.kinds.get(task.spec.seed)
        room = {node.id: node.slots - self.busy.get(node.id, 0) for node in self.nodes.values()}
        able = [node for node in self.nodes.values() if room[node.id] > 0 and kind in (None, node.kind)]
        return max(able, key=lambda node: room[node.id], default=None)

    def take(self, task: Task, node: Node) -> None:
        """Remembers that the task is carried out there."""
        self.kinds.setdefault(task.spec.seed, node.kind)
        self.busy[node.id] = self.busy.get(node.id, 0) + 1

    def leave(self, node: Node, *, gone: bool = False) -> None:
        """Remembers that a task has left the node, and if that itself is gone."""
        self.busy[node.id] -= 1
        if gone:
            self.nodes.pop(node.id, None)


def kinds_begun(records: Iterable[RunRecord | None]) -> dict[int, str]:
    """Maps seeds to the kind of processor that their first run was begun on."""
    kinds: dict[int, str] = {}
    for record in records:
        if record is not None:
            kinds.setdefault(record.spec.seed, kind_of(record.environment.machine))
    return kinds


def refuse_if_stranded(roster: Roster, seeds: Iterable[int]) -> None:
    """Refuses to begin where runs were begun on a kind of processor that no node has.

    Raises:
        UsageError: such a seed waits; names the kind.
        MachineError: no node has room for a worker.
    """
    if not roster.jobs:
        raise MachineError(
            "No node of the cluster has room for a worker.", hint="each needs a core, and memory for one run"
        )
    there = {node.kind for node in roster.nodes.values()}
    for seed in () if roster.any_kind else seeds:
        if (kind := roster.kinds.get(seed)) not in {None, *there}:
            raise UsageError(
                f"Seed {seed} was begun on another kind of processor ({kind}) than the cluster has "
                f"({'; '.join(sorted(there))}).",
                hint="finish it there, or give --any-kind: comparisons that this confounds are then withheld",
            )
