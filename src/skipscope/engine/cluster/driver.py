"""On the driver: starts a relay on a node for each task, and keeps what it hears in the workspace.

Retries are the driver's (`executor.carry_out`): Ray begins nothing again by itself, since only the driver has
the newest checkpoint, which travels with the task.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from skipscope.engine.cluster.nodes import Node
from skipscope.engine.cluster.relay import KILL, Data, Order, Parcel, Relay, Reply
from skipscope.engine.cluster.transit import packed, receive
from skipscope.engine.executor import SIGKILL, Worker
from skipscope.engine.tasks import Measuring, Task
from skipscope.errors import SkipscopeError
from skipscope.records.lock import held_run
from skipscope.records.store import Workspace
from skipscope.spec import UserNetwork
from skipscope.training.events import Event
from skipscope.training.measuring import add_readings

CHECKPOINT_SECONDS = 20.0
"""How often a run's checkpoint travels at most; it is written at each epoch's end and each minute."""
GRACE_SECONDS = 10.0
"""How long a node that was told to end its worker may take to say so, and one that is silent to be missed."""


@dataclass(kw_only=True)
class RemoteWorker:
    """Plays a worker's process: a thread that talks with its relay, at the other end of the loop's pipe."""

    task: Task
    node: Node
    workspace: Workspace
    data: Data | None
    memory: int
    """Bytes, declared to Ray."""
    seconds: Callable[[], float]
    """How long an exchange waits for news."""
    leave: Callable[[Node, bool], None]
    """Gives the node's room back, and tells if the node is gone."""
    pid: None = None
    exitcode: int | None = None
    relay: Any = None
    killed: Flag = field(default_factory=Flag)

    def start(self) -> tuple["Connection[Any, Any]", Worker]:
        """Begins, and returns the loop's end of the pipe."""
        ours, self.theirs = Pipe()
        self.worker = Worker(task=self.task, process=self, threads=int(self.task.spec.recipe.threads))
        self.folder = self.workspace.run_folder(self.task.spec.id)
        self.thread = Thread(target=self._run, name=self.task.spec.id, daemon=True)
        self.thread.start()
        return ours, self.worker

    def kill(self) -> None:
        """Ends the worker where it is."""
        self.killed.set()

    def join(self) -> None:
        """Waits for the end."""
        self.thread.join()

    def close(self) -> None:
        """Gives the node's room back."""
        self.leave(self.node, bool(self.worker.lost))

    def _run(self) -> None:
        try:
            with self._held(writing=False) as held:
                self.exitcode = self._serve() if held else 0
        except Exception as error:  # noqa: BLE001 - the other runs go on, and this one says why
            self._ended_by(error)
        finally:
            if self.relay is not None:
                ray.kill(self.relay)
            self.theirs.close()

    @contextmanager
    def _held(self, *, writing: bool) -> Iterator[bool]:
        """Holds the run's folder: while it is trained, and of one that is measured only to write."""
        if writing == isinstance(self.task, Measuring):
            with held_run(self.folder.path, waits=lambda _holder: not self.killed.is_set()) as held:
                yield held
        else:
            yield True

    def _serve(self) -> int:
        """Starts the relay and hears it until its worker has ended; returns how that ended."""
        self.relay = ray.remote(Relay).options(**self._needs()).remote()
        self._answer(self.relay.begin.remote(self._parcel(), self.data))
        sent = monotonic()
        while True:
            due = monotonic() - sent >= CHECKPOINT_SECONDS
            sent = monotonic() if due else sent
            asked = self.relay.exchange.remote(self._orders(), self.seconds(), checkpoint=due)
            reply: Reply = self._answer(asked)
            self.worker.peak = max(self.worker.peak, reply.peak)
            self._keep(reply)
            for event in reply.events:
                self._tell(event)
            if reply.exitcode is not None:
                self._answer(self.relay.end.remote())
                return reply.exitcode

    def _needs(self) -> dict[str, Any]:
        """Tells Ray where the worker is to be and what it needs; it begins nothing again by itself."""
        return {
            "num_cpus": 0 if self.node.gpus else 1,
            "num_gpus": 1 if self.node.gpus else 0,
            "memory": self.memory,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(self.node.id, soft=False),
        }

    def _parcel(self) -> Parcel:
        """Packs the task with what is there of its run."""
        own = UserNetwork.parse(self.task.spec.model)
        network = None
        if own is not None:
            network = os.path.relpath(own.file, self.folder.path), Path(own.file).read_bytes()
        return Parcel(task=self.task, files=packed(self.folder), network=network)

    def _orders(self) -> list[Order]:
        """Takes what the loop has ordered since the last time."""
        orders: list[Order] = []
        with suppress(EOFError, OSError):
            while self.theirs.poll():
                orders.append(self.theirs.recv())
        return [*orders, KILL] if self.killed.is_set() else orders

    def _answer(self, asked: Any) -> Any:
        """Waits for the relay's answer; a worker that is to be ended is not waited for much longer."""
        killed_at: float | None = None
        while not ray.wait([asked], timeout=1.0)[0]:
            if self.killed.is_set():
                killed_at = killed_at or monotonic()
                if monotonic() - killed_at >= GRACE_SECONDS:
                    raise ConnectionError
        return ray.get(asked)

    def _keep(self, reply: Reply) -> None:
        """Writes what came into the workspace."""
        if isinstance(self.task, Measuring):
            if reply.rows:
                with self._held(writing=True) as held:
                    if held:
                        add_readings(self.folder, [*reply.rows], self.task.step)
        else:
            receive(self.folder, reply.pieces, reply.gone)

    def _tell(self, event: Event) -> None:
        with suppress(OSError):  # the loop is gone
            self.theirs.send(event)

    def _ended_by(self, error: Exception) -> None:
        """Reports an error that was raised here or there; tells of a node that is gone."""
        cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else error
        if isinstance(cause, (ray.exceptions.RayError, ConnectionError)):
            self.exitcode = -SIGKILL
            if not self.killed.is_set() and is_gone(self.node):
                self.worker.lost = f"its node {self.node.address} is gone"
            return
        self.exitcode = 0
        said = str(cause).splitlines()[0] if isinstance(cause, SkipscopeError) else repr(cause)
        state = "warned" if isinstance(self.task, Measuring) else "failed"
        message = f"on the node {self.node.address}: {said}"
        self._tell(Event(run=self.task.spec.id, state=state, part=self.task.part, message=message))  # type: ignore[arg-type]


def is_gone(node: Node) -> bool:
    """Tells whether a node from which nothing is heard has left the cluster; Ray needs seconds to notice."""
    until = monotonic() + GRACE_SECONDS
    while any(each["NodeID"] == node.id and each["Alive"] for each in ray.nodes()):
        if monotonic() > until:
            return False
        sleep(0.5)
    return True
