"""Files that are whole or not there: written under another name beside their own, then renamed.

A reader never meets half of one; only lines at the end of a file may be half, and those are left out.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import disk_usage
from typing import TypeVar

from platformdirs import user_cache_path
from pydantic import BaseModel, ValidationError

from skipscope.errors import WorkspaceError
from skipscope.records.schema import SCHEMA
from skipscope.records.user_files import as_seen, as_stored

Record = TypeVar("Record", bound=BaseModel)

DRAFT = ".draft"
"""How the name of a file ends that is not yet whole."""


def write_whole(
    path: Path, content: bytes | memoryview, *, before: Path | None = None, new_folder: bool = True
) -> None:
    """Puts `content` at `path` whole or not at all; what was there goes to `before`, if that is given.

    Its folder is made, if there is none, unless `new_folder` is false. It is on the disk when this returns,
    its name too: whatever is done next cannot overtake it.

    Raises:
        WorkspaceError: the folder cannot be written to; of a full disk it says how much is needed.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}{DRAFT}")
    with writing(path, needed=len(content)):
        if new_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if before is not None and path.exists():
                path.replace(before)
            draft.replace(path)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        sync_folder(path.parent)


def cache_file(name: str) -> Path:
    """Returns the path of a file in the user's cache."""
    return user_cache_path("skipscope") / name


def write_cache(path: Path, content: bytes) -> None:
    """Writes a file of the user's cache; what cannot be cached is made again when it is needed."""
    with suppress(WorkspaceError):
        write_whole(path, content)


def make_folder(folder: Path) -> None:
    """Makes a folder, if there is none, and those above it.

    Raises:
        WorkspaceError: it cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def sync_file(path: Path) -> None:
    """Waits until the file is on the disk."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Waits until the folder's names are on the disk, where a system lets one ask for it."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # no such thing on this file system
            raise
    finally:
        os.close(opened)


def remove(*paths: Path) -> None:
    """Removes files, as far as they are there.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    for path in paths:
        with writing(path):
            path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Removes what killed processes left half-written; nobody else may be writing in `folder`."""
    for draft in folder.glob(f".*{DRAFT}"):
        with suppress(OSError):
            draft.unlink()


@contextmanager
def writing(path: Path, *, needed: int = 0) -> Iterator[None]:
    """Makes a WorkspaceError of an OSError met while `needed` bytes are written to `path`."""
    try:
        yield
    except OSError as error:
        what = f"This cannot be written: {error.strerror or error}."
        hint = "give yourself the right to write there, or choose another folder with --workspace"
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG):
            free = ""
            with suppress(OSError):
                free = f", {_size(disk_usage(path.parent).free)} free"
            what = f"The disk is full: {path.name} needs {_size(needed)}{free}."
            hint = "free space there, then give the same command again: it goes on where it stopped"
        raise WorkspaceError(what, where=str(path), hint=hint) from None


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Makes a WorkspaceError of an OSError met while `path` is read."""
    try:
        yield
    except OSError as error:
        raise WorkspaceError(f"This cannot be read: {error.strerror}.", where=str(path)) from None


def _size(size: float) -> str:
    """Formats a number of bytes: 12 bytes, 1.4 kB, 90.1 MB."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def whole_lines(path: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> bytes:
    """Reads a file's lines without a last one that was being written when the process was stopped."""
    content = read(path) if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def record_bytes(record: BaseModel, path: Path) -> bytes:
    """Formats a record as its file, `path`, has it."""
    stamped = record.model_copy(update={"schema_": SCHEMA})  # an older record may be written again
    text = stamped.model_dump_json(by_alias=True, indent=1)
    if ".py:" in text:  # a user's network
        text = json.dumps(as_stored(json.loads(text), path), indent=1, ensure_ascii=False)
    return (text + "\n").encode()


_STAMPS = tuple(b'{\n "schema": %d,\n' % known for known in range(1, SCHEMA + 1))
"""How a record begins that `record_bytes` wrote: pydantic reads such a one in half the time."""


def read_record(path: Path, kind: type[Record], read: Callable[[Path], bytes] = Path.read_bytes) -> Record:
    """Parses a file that has what `record_bytes` returned; `read` gives the file's bytes.

    Raises:
        WorkspaceError: the file is damaged, or a newer skipscope wrote it.
    """
    with reading(path):
        found = read(path)
    own = b".py:" in found  # a user's network
    if found.startswith(_STAMPS) and not own:
        with suppress(ValidationError):  # what is wrong is found out below
            return kind.model_validate_json(found)
    try:
        content = json.loads(found)
        if own:
            content = as_seen(content, path)
    except (ValueError, RecursionError):
        raise _damaged(path, "it is not JSON") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if type(schema) is not int or schema < 1:
        raise _damaged(path, f"it has the schema {schema!r}")
    if schema > SCHEMA:
        raise WorkspaceError(
            f"A newer skipscope wrote this (schema {schema}, this one reads up to {SCHEMA}).",
            where=str(path),
            hint="update skipscope: pip install --upgrade skipscope",
        )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _damaged(path: Path, why: str) -> WorkspaceError:
    hint = "restore it from a copy, or delete its folder: the same command trains the run again"
    if path.parent.name == "studies":  # all studies' records are there
        hint = "restore it from a copy, or delete this file: the command that planned the study does it again"
    return WorkspaceError(f"This record is damaged: {why}.", where=str(path), hint=hint)
