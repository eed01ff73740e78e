"""On a node: one worker process as the local engine starts it, and what the driver hears of it.

Nothing here knows Ray: a `Relay` is an object whose methods are called from the driver.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from time import monotonic
from typing import Any, Literal

import polars as pl
from platformdirs import user_cache_path

from skipscope.data import store
from skipscope.engine.cluster.transit import Outbox, Piece, unpack
from skipscope.engine.local import start_worker
from skipscope.engine.tasks import Measuring, Task
from skipscope.engine.trust import trust
from skipscope.errors import DataError
from skipscope.machine import resident_memory
from skipscope.records.schema import Environment
from skipscope.records.store import Workspace
from skipscope.spec import UserNetwork
from skipscope.training.environment import environment
from skipscope.training.events import Event

KILL: Literal["kill"] = "kill"
Data = tuple[str, str, Callable[[], Mapping[str, bytes]]]
"""A data set's name, its checksum, and what fetches its files."""
Order = int | None | Literal["kill"]
"""A number offers threads, None asks to save and stop, "kill" ends the worker where it is."""


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Holds what a node needs for a task and does not have."""

    task: Task
    files: Mapping[str, bytes]
    """The run's files, as far as they are written."""
    network: tuple[str, bytes] | None = None
    """A user's file: its path as seen from the run's folder, and its text."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Holds what is new of a worker."""

    events: tuple[Event, ...]
    pieces: Sequence[Piece] = ()
    gone: Sequence[str] = ()
    rows: Sequence[dict[str, Any]] = ()
    """Readings, from a worker that measures."""
    exitcode: int | None = None
    """How the worker ended; None while it works."""
    peak: int = 0
    """The most bytes that it was seen to hold."""


@dataclass(kw_only=True)
class Relay:
    """Holds one worker process."""

    room: TemporaryDirectory[str] = field(
        default_factory=lambda: TemporaryDirectory(prefix="skipscope-", ignore_cleanup_errors=True)
    )
    peak: int = 0
    training: bool = False
    """Whether the worker has restored its run and trains it."""
    sent: set[str] = field(default_factory=set)
    """Probes whose readings the driver has."""
    looked: int = 0
    """When the file of readings was written that was looked at last."""

    def begin(self, parcel: Parcel, data: Data | None) -> None:
        """Starts the worker; `data` is the data set, unless it is drawn.

        Raises:
            DataError: the data set cannot be had here.
        """
        # as deep as the driver's is: a user's network is named relative to the run
        ups = len(Path(parcel.network[0]).parts) if parcel.network else 0
        workspace = Workspace(Path(self.room.name, *["w"] * ups, "workspace"))
        folder = workspace.run_folder(parcel.task.spec.id)
        unpack(parcel.files, folder)
        folder.path.mkdir(parents=True, exist_ok=True)
        self.task = _with_network(parcel, folder.path)
        self.outbox = Outbox(folder, parcel.files)
        data_dir = None if data is None else here(*data)
        self.ours, self.worker = start_worker(self.task, workspace.path, data_dir)

    def exchange(self, orders: Sequence[Order], seconds: float, *, checkpoint: bool) -> Reply:
        """Hands on orders, waits so long for the worker's end, and returns what is new of it."""
        for order in orders:
            if order == KILL:
                self.worker.process.kill()
            else:
                with suppress(OSError):  # it has just ended
                    self.ours.send(order)
        events, exitcode = self._hear(seconds)
        self.training = self.training or any(e.state == "training" and e.loss is not None for e in events)
        _, most = resident_memory(self.worker.process.pid or 0) or (0, 0)
        self.peak = max(self.peak, most)
        reply = Reply(events=tuple(summed_up(events)), exitcode=exitcode, peak=self.peak)
        if isinstance(self.task, Measuring):
            return replace(reply, rows=self._measured(self.task))
        if exitcode is not None:
            pieces, gone = self.outbox.rest()
            return replace(reply, pieces=pieces, gone=gone)
        return (
            replace(reply, pieces=self.outbox.of_training(checkpoint=checkpoint)) if self.training else reply
        )

    def end(self) -> None:
        """Removes what was written here."""
        self.room.cleanup()

    def _measured(self, task: Measuring) -> list[dict[str, Any]]:
        """Reads what probes have left since the last time."""
        file = self.outbox.folder.readings_file
        written = file.stat().st_mtime_ns
        if written == self.looked:
            return []
        self.looked = written
        new = [name for name in task.probes if name not in self.sent]
        of_task = (pl.col("step") == task.step) & pl.col("probe").is_in(new)
        found = self.outbox.folder.readings().filter(of_task).drop("run")
        self.sent |= set(found["probe"])
        return found.to_dicts()

    def _hear(self, seconds: float) -> tuple[list[Event], int | None]:
        events, until = list[Event](), monotonic() + seconds
        try:
            while (left := until - monotonic()) > 0 and self.ours.poll(left):
                events.append(self.ours.recv())
        except (EOFError, OSError):
            self.worker.process.join()
            return events, self.worker.process.exitcode
        return events, None


def summed_up(events: Sequence[Event]) -> list[Event]:
    """Drops steps that are followed by others, unless an epoch ended with them."""
    after = [event.state == "training" for event in events[1:]] + [False]
    return [
        event
        for event, followed in zip(events, after, strict=False)
        if not (followed and event.state == "training" and not event.epoch_ended)
    ]


def here(name: str, sha256: str, fetch: Callable[[], Mapping[str, bytes]]) -> Path:
    """Returns the folder that has this data set on this node; what `fetch` gives is kept there once a node.

    Raises:
        DataError: it cannot be fetched or written, or is not what the driver has.
    """
    folder = user_cache_path("skipscope") / "data" / sha256[:16]
    if (found := _sound(name, folder)) is not None and found.index.sha256 == sha256:
        return folder
    try:
        files = fetch()
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=f".{name}-", dir=folder))
        for file, content in files.items():
            (draft / file).write_bytes(content)
        with suppress(OSError):  # another worker of this node was faster
            draft.rename(folder / name)
        rmtree(draft, ignore_errors=True)
    except Exception as error:
        raise DataError(
            f"The data set {name} did not reach this node: {str(error).strip().partition(chr(10))[0]}",
            where=str(folder),
            hint="make room there, then give the same command again: it goes on",
        ) from error
    found = _sound(name, folder)
    if found is None or found.index.sha256 != sha256:
        raise DataError(
            f"The data set {name} reached this node damaged.", where=str(folder), hint="delete that folder"
        )
    return folder


def _sound(name: str, folder: Path) -> store.Store | None:
    with suppress(DataError):
        found = store.read(name, data_dir=folder)
        if found is not None:
            store.check_files(found)
        return found
    return None


def _with_network(parcel: Parcel, folder: Path) -> Task:
    """Puts a user's file where the run's record looks for it, and trusts it: the driver's user named it."""
    own = UserNetwork.parse(parcel.task.spec.model)
    if own is None or parcel.network is None:
        return parcel.task
    relative, text = parcel.network
    path = (folder / relative).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    model = str(own.model_copy(update={"file": str(path)}))
    trust([model])
    return replace(parcel.task, spec=parcel.task.spec.model_copy(update={"model": model}))


def describe_node() -> Environment:
    """Describes the node that this is called on."""
    return environment()
