"""One process at a time in a workspace, and in a run's folder; the system frees a dead process' locks."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from skipscope.errors import WorkspaceError
from skipscope.records.archived import refuse_to_write
from skipscope.records.files import DRAFT, write_whole, writing
from skipscope.records.stop import hear_request

LOCK, HOLDER = ".lock", ".holder.json"
POLL_SECONDS = 0.1
STALE_SECONDS = 3600
"""A draft that nobody touched for this long was left behind by a killed process."""


@contextmanager
def held(workspace: Path, *, doing: str) -> Iterator[None]:
    """Holds the workspace for this process alone; others may read it.

    Raises:
        WorkspaceError: another process holds it (says which), or the folder cannot be written to.
    """
    with _lock(workspace, doing) as got:
        if not got:
            raise WorkspaceError(
                f"Another process works in this workspace: {holder(workspace)}.",
                where=str(workspace),
                hint="wait until it ends, or choose another folder with --workspace",
            )
        _remove_stale_drafts(workspace)
        hear_request(workspace)  # it was meant for another process
        yield


def refuse_if_held(workspace: Path) -> None:
    """Raises what `held` would (WorkspaceError), without holding the workspace."""
    refuse_to_write(workspace)
    if (workspace / HOLDER).exists():
        with held(workspace, doing="a look at who works here"):
            pass


@contextmanager
def held_run(folder: Path, *, waits: Callable[[str], bool]) -> Iterator[bool]:
    """Holds a run's folder for this process alone, waiting for as long as `waits(holder)` says so.

    A worker whose parent was killed saves and leaves by itself, but not in the same instant.
    Yields whether the folder is held.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    while True:
        with _lock(folder, "a training or measurement of it") as got:
            if got:
                yield True
                return
        if not waits(holder(folder)):
            yield False
            return
        time.sleep(POLL_SECONDS)


def holder(folder: Path) -> str:
    """Says in words who holds the folder."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((folder / HOLDER).read_bytes())
        return f"{said['doing']} (process {said['pid']} on {said['host']}, since {said['since']})"
    return "it has not said which"


@contextmanager
def _lock(folder: Path, doing: str) -> Iterator[bool]:
    """Yields whether the folder is locked; one that was made for it and stayed empty is gone afterwards."""
    refuse_to_write(folder)
    made, lock = not folder.exists(), FileLock(folder / LOCK)
    with writing(folder), suppress(Timeout):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    if not lock.is_locked:
        yield False
        return
    since = datetime.now(UTC).isoformat(timespec="seconds")
    said = {"doing": doing, "pid": os.getpid(), "host": socket.gethostname(), "since": since}
    try:
        write_whole(folder / HOLDER, json.dumps(said).encode())
        yield True
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink(missing_ok=True)
            if made and [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                folder.rmdir()
        lock.release()


def _remove_stale_drafts(workspace: Path) -> None:
    """Removes files that killed processes left half-written, before they fill the disk."""
    for draft in workspace.rglob(f".*{DRAFT}"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > STALE_SECONDS:
                draft.unlink()
