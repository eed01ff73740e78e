"""The checksums of a folder's files, in the form of the command sha256sum: `sha256sum -c SHA256SUMS`.

A file that is being replaced has both its old and its new checksum there until it is renamed: whenever a
process is killed, a whole file is never taken for a damaged one. Files without a checksum, as older versions
wrote them, are trusted.

The list itself may be damaged. It is therefore read strictly: anything but the bytes that this module would
write for its content is an error.
"""

import re
from collections.abc import Collection, Iterable
from hashlib import file_digest, sha256
from pathlib import Path

from skipscope.errors import DamagedFile
from skipscope.records.files import make_folder, write_whole

AGAIN = "repeat the command that trained this run: a damaged run is trained again"
"""The hint for a damaged file of a run."""

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")

Sums = dict[str, set[str]]
"""File name -> its checksum, or two while the file is being replaced."""


def write_checksummed(
    path: Path, content: bytes, *, new_list: bool = False, folder: Path | None = None
) -> None:
    """Writes `content` to `path`, whole or not at all, and its checksum to the list; the folder must exist.

    If the list is damaged, `new_list` replaces it by one that has this file alone. The list is in `folder`,
    one above the file's own that is made if it is missing, or in the file's own.

    Raises:
        DamagedFile: the list is damaged, and `new_list` was not given.
        WorkspaceError: the folder is gone or cannot be written to.
    """
    new, within = sha256(content).hexdigest(), folder or path.parent
    name = path.relative_to(within).as_posix()
    try:
        sums = _read(within)
    except DamagedFile:
        if not new_list:
            raise
        sums = {name: set()}  # what is there now must not be trusted if the process is killed here
    old = sums.get(name)
    if old is None:
        old = {_digest(path)} if path.exists() else set()
    _write(within, sums | {name: old | {new}})
    if within != path.parent:
        make_folder(path.parent)
    write_whole(path, content, new_folder=False)
    _write(within, sums | {name: {new}})


def add_checksum(path: Path) -> None:
    """Adds the checksum of a file that will not change any more.

    Raises:
        DamagedFile: the list is damaged.
        WorkspaceError: the folder cannot be written to.
    """
    _write(path.parent, _read(path.parent) | {path.name: {_digest(path)}})


def drop_checksums(folder: Path, names: Collection[str]) -> None:
    """Removes the checksums of files that are about to change.

    Raises:
        DamagedFile: the list is damaged.
        WorkspaceError: the folder cannot be written to.
    """
    sums = _read(folder)
    if not sums.keys().isdisjoint(names):
        _write(folder, {name: known for name, known in sums.items() if name not in names})


def read_checksummed(path: Path, *, hint: str = AGAIN, folder: Path | None = None) -> bytes:
    """Reads a file and compares it with its checksum, if the list, in `folder` or its own, has one.

    Raises:
        DamagedFile: the checksums differ, or their list is damaged; with `hint`.
        OSError: the file cannot be read.
    """
    content = path.read_bytes()
    name = path.name if folder is None else path.relative_to(folder).as_posix()
    known = _read(folder or path.parent, hint=hint).get(name)
    if known is not None and sha256(content).hexdigest() not in known:
        what = "This file is damaged: its checksum is not the one it was written with."
        raise DamagedFile(what, where=str(path), hint=hint)
    return content


def has_checksum(path: Path) -> bool:
    """Whether the list names this file; a damaged list may have."""
    try:
        return path.name in _read(path.parent)
    except DamagedFile:
        return True


def listed_below(folder: Path, name: str) -> list[str]:
    """Names the files in the folder `name` that the list has; none of a damaged list."""
    try:
        return [each for each in _read(folder) if each.startswith(f"{name}/")]
    except DamagedFile:
        return []


def damaged_files(folder: Path, names: Iterable[str], *, spared: str) -> list[str]:
    """The listed files that are missing or changed; the list itself if it is damaged, or names others.

    Files in the folder `spared` are not looked at.
    """
    try:
        sums = {name: known for name, known in _read(folder).items() if not name.startswith(f"{spared}/")}
    except DamagedFile:
        return [SUMS]
    if not sums.keys() <= {*names}:
        return [SUMS]
    return [name for name, known in sums.items() if not _matches(folder / name, known)]


def _matches(path: Path, known: set[str]) -> bool:
    try:
        return _digest(path) in known
    except OSError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _read(folder: Path, *, hint: str = AGAIN) -> Sums:
    path = folder / SUMS
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _damaged(path, str(error), hint) from None
    sums: Sums = {}
    for digest, name in _LINE.findall(content.decode("ascii", "replace")):
        sums.setdefault(name, set()).add(digest)
    if not content or content != _content(sums):
        raise _damaged(path, "it is not as it was written", hint)
    return sums


def _write(folder: Path, sums: Sums) -> None:
    path, content = folder / SUMS, _content(sums)
    if not path.exists() or path.read_bytes() != content:
        write_whole(path, content, new_folder=False)


def _content(sums: Sums) -> bytes:
    return "".join(f"{digest}  {name}\n" for name in sorted(sums) for digest in sorted(sums[name])).encode()


def _damaged(path: Path, why: str, hint: str) -> DamagedFile:
    return DamagedFile(f"The list of checksums is damaged: {why}.", where=str(path), hint=hint)
