"""Executes a plan on a Ray cluster: what `engine.local.execute` does here, on other machines."""

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from skipscope.data import shapes, store
from skipscope.data.dataset import load, stored
from skipscope.engine.cluster.driver import RemoteWorker
from skipscope.engine.cluster.nodes import (
    Node,
    Roster,
    kind_of,
    kinds_begun,
    refuse_if_stranded,
    refuse_other_versions,
    slots,
)
from skipscope.engine.cluster.relay import Data, describe_node
from skipscope.engine.executor import Worker, carry_out
from skipscope.engine.local import left, prepare
from skipscope.engine.plan import Plan
from skipscope.engine.task_queue import Queue
from skipscope.engine.tasks import Task
from skipscope.errors import MachineError, SkipscopeError
from skipscope.records.schema import Environment, RunRecord
from skipscope.records.store import Workspace
from skipscope.said_once import say_once
from skipscope.training.environment import environment
from skipscope.training.events import EventHandler
from skipscope.training.instruments import keep_sample

STOP_SECONDS = 30.0
"""Checkpoints of all runs travel when all are asked to stop."""
LOOK_SECONDS = 5.0
"""How often the cluster is asked for its nodes."""
LISTEN_SECONDS = 1.0
"""How long an exchange with a worker waits for news, with few workers."""
HEARD_A_SECOND = 200
"""Exchanges a second at most: with more workers, each is heard less often (docs/cluster.md)."""
NODE_SECONDS = 300.0
"""How long a node may take to describe itself: it has to import torch."""
CONNECT_SECONDS = 5.0
"""How long an address may take to answer."""


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """Fetches a data set's files from the object store, which brings them to a node once."""

    files: list[Any]
    """The reference, in a list: as an argument of its own it would be fetched whether it is needed or not."""

    def __call__(self) -> Mapping[str, bytes]:
        """Returns the files' contents by their names."""
        found: Mapping[str, bytes] = ray.get(self.files[0])
        return found


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects to the cluster at this address for as long as the block lasts.

    Raises:
        MachineError: there is none, or its versions of Ray or Python are others.
    """
    hint = "begin one (ray start --head; on the nodes: ray start --address=HOST:6379), or name its --address"
    if not _listens(address):
        raise MachineError(f"Nothing listens at {address}: there is no Ray cluster.", hint=hint)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=True)
    except (OSError, ValueError) as error:
        what = f"There is no Ray cluster at {address}."
        raise MachineError(what, where=str(error).strip().partition("\n")[0], hint=hint) from None
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise MachineError(
            "The cluster has another version of Ray or Python.",
            where=said,
            hint="install the same here and there",
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _listens(address: str) -> bool:
    """Tells whether anything listens at HOST:PORT, where Ray would wait for a minute.

    Other addresses, "auto" among them, are left to Ray, which answers at once.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return True
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_SECONDS):
            return True
    except (OSError, OverflowError, UnicodeError):  # the last two: no port, no name of a host
        return False


@dataclass(kw_only=True)
class Cluster:
    """Knows the nodes of the cluster that this process is connected to."""

    described: dict[str, Environment] = field(default_factory=dict)
    """What each node said of itself."""
    looked: float = 0.0

    def nodes(self, worker_bytes: int = 1) -> list[Node]:
        """Lists the nodes that can train now; waits until each that is new has described itself.

        Raises:
            MachineError: a node has other versions than the driver, or no skipscope.
        """
        self.looked = monotonic()
        there = [each for each in ray.nodes() if each["Alive"] and slots(each["Resources"], worker_bytes)]
        asked = {
            each["NodeID"]: _ask(each["NodeID"]) for each in there if each["NodeID"] not in self.described
        }
        found = []
        for each in there:
            id, address = each["NodeID"], each["NodeManagerAddress"]
            if id in asked:
                self.described[id] = _answer(asked[id], address)
            kind = kind_of(self.described[id].machine)
            gpus = each["Resources"].get("GPU", 0) >= 1
            room = slots(each["Resources"], worker_bytes)
            found.append(Node(id=id, address=address, kind=kind, slots=room, gpus=gpus))
        return found


def _ask(node: str) -> Any:
    """Asks a node to describe itself; many are asked at once, since each has to import torch."""
    there = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(describe_node).options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote()


def _answer(asked: Any, address: str) -> Environment:
    try:
        card: Environment = ray.get(asked, timeout=NODE_SECONDS)
    except ray.exceptions.GetTimeoutError:
        raise MachineError(
            f"The node {address} has not described itself within {NODE_SECONDS:.0f} seconds.",
            hint="see whether it is overloaded, then give the same command again",
        ) from None
    except ray.exceptions.RayError as error:
        why = " ".join(str(error).split())[-300:]
        hint = "install skipscope there, as here"
        raise MachineError(f"The node {address} cannot run skipscope.", where=why, hint=hint) from None
    refuse_other_versions(card, environment(), address)
    return card


@dataclass(kw_only=True)
class RayExecutor:
    """Starts a relay on a node for each task."""

    workspace: Workspace
    cluster: Cluster
    roster: Roster
    data: Data | None
    worker_bytes: int
    cores: int = 0
    stop_seconds: float = STOP_SECONDS

    @property
    def jobs(self) -> int:
        """Counts the workers that the cluster has room for, and at least one: nodes may come back."""
        if monotonic() - self.cluster.looked > LOOK_SECONDS:
            self.look()
        return max(1, self.roster.jobs)

    def look(self) -> None:
        """Learns which nodes there are now; one that cannot train is told of and left out."""
        try:
            self.roster.replace(self.cluster.nodes(self.worker_bytes))
        except SkipscopeError as error:
            say_once(f"{error.what} It is left out.")

    def fits(self, task: Task) -> bool:
        """Tells whether a node of the right kind has room for the task."""
        return self.roster.free(task) is not None

    def start(self, task: Task) -> tuple["Connection[Any, Any]", Worker]:
        """Starts a relay for the task, and returns our end of the pipe of the thread that talks with it."""
        node = self.roster.free(task)
        if node is None:
            raise AssertionError
        self.roster.take(task, node)
        return RemoteWorker(
            task=task,
            node=node,
            workspace=self.workspace,
            data=self.data,
            memory=self.worker_bytes,
            seconds=lambda: max(LISTEN_SECONDS, sum(self.roster.busy.values()) / HEARD_A_SECOND),
            leave=lambda left, gone: self.roster.leave(left, gone=gone),
        ).start()


def execute(
    plan: Plan,
    workspace: Workspace,
    *,
    cluster: Cluster,
    any_kind: bool = False,
    on_event: EventHandler,
    interrupted: Callable[[], object],
    trained: Callable[[float], object] = lambda _seconds: None,
    data_dir: Path | None = None,
) -> list[RunRecord]:
    """Trains what the plan has waiting and measures it on the cluster, as `local.execute` does here.

    Raises:
        DataError: a file of the data set is damaged.
        WorkspaceError: the study's record cannot be written, or a run's is damaged.
        MachineError: no node can train.
        UsageError: a seed was begun on a kind of processor that no node has.
    """
    prepare(plan, workspace, data_dir)
    data = plan.record.study.data
    records = [workspace.run_folder(run.spec.id).read_if_sound() for run in plan.runs]
    executor = RayExecutor(
        workspace=workspace,
        cluster=cluster,
        roster=Roster(any_kind=any_kind, kinds=kinds_begun(records)),
        data=None if data == shapes.NAME or not plan.waiting else _shared(data, data_dir),
        worker_bytes=plan.memory.largest,
    )
    executor.roster.replace(cluster.nodes(executor.worker_bytes))
    refuse_if_stranded(executor.roster, sorted({run.spec.seed for run in plan.waiting}))
    if plan.waiting:
        keep_sample(workspace, load(data, data_dir=data_dir))
    queue = Queue(plan, workspace, trained)
    carry_out(queue, executor, workspace.path, on_event=on_event, interrupted=interrupted)
    return left(plan, workspace)


def _shared(name: str, data_dir: Path | None) -> Data:
    """Puts a data set's files into the object store."""
    found = stored(name, data_dir)
    files = {file: (found.folder / file).read_bytes() for file in (store.IMAGES, store.LABELS, store.INDEX)}
    return name, found.index.sha256, Fetch(files=[ray.put(files)])
