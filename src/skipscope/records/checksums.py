"""The checksums of a folder's files, in the form of the command sha256sum: `sha256sum -c SHA256SUMS`.

A file that is replaced has both its old and its new checksum there while it is renamed: whatever moment a
process is killed at, a whole file is never taken for a damaged one. Files without a checksum (an older
skipscope's) are read as they are.
"""

import re
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path

from skipscope.errors import WorkspaceError
from skipscope.records.files import write_whole

AGAIN = "give the command that trained the run again: what of a run is damaged is trained again"
"""What mends a file of a run."""

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")

Sums = dict[str, set[str]]


def write_summed(path: Path, content: bytes) -> None:
    """Puts `content` at `path`, whole or not at all, and its checksum beside it; the folder is there.

    Raises:
        WorkspaceError: the folder is gone or cannot be written to, or its checksums are damaged.
    """
    sums, new = _sums(path.parent), sha256(content).hexdigest()
    old = sums.get(path.name, set())
    if path.exists() and not old:
        old = {_digest(path)}
    _put(path.parent, sums | {path.name: old | {new}})
    write_whole(path, content, new_folder=False)
    _put(path.parent, sums | {path.name: {new}})


def note(path: Path) -> None:
    """Enters the checksum of a file that will not change any more.

    Raises:
        WorkspaceError: the folder cannot be written to, or its checksums are damaged.
    """
    _put(path.parent, _sums(path.parent) | {path.name: {_digest(path)}})


def forget(folder: Path, names: Iterable[str]) -> None:
    """Takes out the checksums of files that are about to change; all of them if they cannot be read.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    try:
        sums = _sums(folder)
    except WorkspaceError:
        sums = {SUMS: set()}
    if sums.keys() & {*names, SUMS}:
        _put(folder, {name: known for name, known in sums.items() if name not in {*names, SUMS}})


def read_summed(path: Path, *, hint: str) -> bytes:
    """The bytes of a file, held against its checksum where there is one.

    Raises:
        WorkspaceError: it is damaged; says `hint`.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    known = _sums(path.parent, hint=hint).get(path.name)
    if known is not None and sha256(content).hexdigest() not in known:
        raise WorkspaceError(
            "This file is damaged: its checksum is not the one it was written with.",
            where=str(path),
            hint=hint,
        )
    return content


def is_summed(path: Path) -> bool:
    """Whether a file of this name had its checksum written."""
    try:
        return path.name in _sums(path.parent)
    except WorkspaceError:
        return True


def is_sound(path: Path) -> bool:
    """Whether the file has the checksum that it was written with; of a file without one, it is believed."""
    try:
        known = _sums(path.parent).get(path.name)
        return known is None or _digest(path) in known
    except (OSError, WorkspaceError):
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sums(folder: Path, *, hint: str = "") -> Sums:
    """Checksums by name; two of a file that was being replaced."""
    path = folder / SUMS
    sums: Sums = {}
    try:
        lines = path.read_bytes().decode("ascii").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error), hint) from None
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise _damaged(path, f"it has the line {line[:80]!r}", hint)
        sums.setdefault(found[2], set()).add(found[1])
    return sums


def _put(folder: Path, sums: Sums) -> None:
    lines = [f"{known}  {name}\n" for name in sorted(sums) for known in sorted(sums[name])]
    content = "".join(lines).encode()
    path = folder / SUMS
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content, new_folder=False)


def _damaged(path: Path, how: str, hint: str) -> WorkspaceError:
    return WorkspaceError(
        f"The list of checksums is damaged: {how}.",
        where=str(path),
        hint=hint or "delete that file, or the folder: the same command trains the run again",
    )
