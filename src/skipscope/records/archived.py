"""A workspace in an archive: unpacked for as long as the process lives, and read only."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from skipscope.errors import WorkspaceError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".txz")
LARGEST = 8 * 2**30
"""Bytes that an archive may hold: one of a few kilobytes can fill a disk."""

_unpacked: dict[tuple[Path, int], tuple[TemporaryDirectory[str], Path]] = {}
"""Folders and the workspaces in them, by archive and time of its last change."""


def is_archive(path: Path) -> bool:
    """Returns whether a path names an archive that is there."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def unpacked(archive: Path) -> Path:
    """Returns the folder of the workspace in an archive; unpacks it once.

    Raises:
        WorkspaceError: it is damaged, too large, or there is no workspace in it.
    """
    key = archive.resolve(), archive.stat().st_mtime_ns
    if key not in _unpacked:
        folder = TemporaryDirectory(prefix="skipscope-")
        try:
            _unpack(archive, Path(folder.name))
            _unpacked[key] = folder, _workspace_in(Path(folder.name), archive)
        except BaseException:
            folder.cleanup()
            raise
    return _unpacked[key][1]


def refuse_to_write(path: Path) -> None:
    """Does nothing, unless the path lies in an archive that was unpacked.

    Raises:
        WorkspaceError: what is written there would be lost.
    """
    for (archive, _), (_, workspace) in _unpacked.items():
        if path.is_relative_to(workspace):
            raise WorkspaceError(
                "This workspace is an archive, which can be read and not changed.",
                where=str(archive),
                hint="unpack it, and name the folder with --workspace",
            )


def _unpack(archive: Path, folder: Path) -> None:
    left = LARGEST
    with _readable(archive):
        for name, size, read in _files_in(archive):
            left -= size
            if left < 0:
                raise WorkspaceError(
                    f"The archive holds more than {LARGEST / 2**30:.0f} GiB.",
                    where=str(archive),
                    hint="unpack it, and name the folder with --workspace",
                )
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
                continue  # it would lie elsewhere
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(read(size))


def _files_in(archive: Path) -> Iterator[tuple[str, int, Callable[[int], bytes]]]:
    """Yields name, size and what reads each file; links and devices are none."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as within:
            for entry in within.infolist():
                if not entry.is_dir():
                    yield entry.filename, entry.file_size, within.open(entry).read
    else:
        with tarfile.open(archive) as tape:
            for member in tape:
                if member.isfile() and (content := tape.extractfile(member)) is not None:
                    yield member.name, member.size, content.read


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except WorkspaceError:
        raise
    except Exception as error:  # each kind of archive has errors of its own
        why = str(error).partition(":")[0].rstrip(".")  # tarfile lists every compression that it is not
        raise WorkspaceError(
            f"The archive cannot be unpacked: {why}.",
            where=str(archive),
            hint="get it again; name a folder or an archive of a workspace with --workspace",
        ) from error


def _workspace_in(folder: Path, archive: Path) -> Path:
    """Returns the outermost folder that has records of studies."""
    found = sorted(folder.rglob("studies/*.json"), key=lambda file: (len(file.parts), file))
    if not found:
        raise WorkspaceError(
            "There is no study in this archive.",
            where=str(archive),
            hint="a workspace has the folders studies and runs; name one with --workspace",
        )
    return found[0].parent.parent
