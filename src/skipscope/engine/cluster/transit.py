"""A run's files on their way between the driver's workspace and a node: pieces of bytes, in a safe order.

Whenever the driver is killed, what it has is a run that goes on: a checkpoint arrives after the rows and
weights it refers to, and the record that closes a run after all else.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from skipscope.errors import WorkspaceError
from skipscope.records.checksums import SUMS
from skipscope.records.files import remove, write_whole, writing
from skipscope.records.run_folder import SNAPSHOTS, RunFolder


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Holds a file, or what was added to it after so many bytes."""

    name: str
    content: bytes
    at: int = 0


def packed(folder: RunFolder) -> dict[str, bytes]:
    """Reads all files of a run that a worker goes on from, by their names."""
    return {name: (folder.path / name).read_bytes() for name in _names(folder)}


def unpack(files: Mapping[str, bytes], folder: RunFolder) -> None:
    """Writes what `packed` read, on a node: nobody needs it once that is gone."""
    for name, content in files.items():
        path = folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Outbox:
    """Finds on a node what of a run's files is new since the last time."""

    def __init__(self, folder: RunFolder, came: Mapping[str, bytes]) -> None:
        """`came` is what the driver has: the files that came with the task."""
        self.folder = folder
        self.known = {name: sha256(content).digest() for name, content in came.items()}
        self.lengths: dict[str, int] = {}
        self.growing = [folder.metrics_file.name, folder.readings_draft.name]
        self.state = folder.state_file.name
        self.begun = b""

    def of_training(self, *, checkpoint: bool) -> list[Piece]:
        """Takes what a training has written that goes on: rows always, all else with the checkpoint.

        The checkpoint is read first and sent last: rows and weights then reach as far as it does.
        """
        record = self._read(self.folder.record_file.name)
        self.begun = self.begun or record
        if record != self.begun:  # it is being closed, and all of it will be sent
            return []
        state = self._news([self.state]) if checkpoint else []
        names = [*self._snapshots(), self.folder.record_file.name, SUMS] if state else []
        return [*self._news(names), *self._rows(), *state]

    def rest(self) -> tuple[list[Piece], list[str]]:
        """Takes what the driver lacks of a run whose worker has left it, and names files to remove."""
        names, last = _names(self.folder), (SUMS, self.folder.record_file.name)
        whole = [name for name in names if name not in (*self.growing, *last)]
        pieces = [*self._rows(), *self._news([*whole, *(name for name in last if name in names)])]
        return pieces, [name for name in [*self.known, *self.growing] if name not in names]

    def _rows(self) -> list[Piece]:
        pieces = []
        for name in self.growing:
            sent, content = self.lengths.get(name, 0), self._read(name)
            if len(content) > sent:
                pieces.append(Piece(name=name, at=sent, content=content[sent:]))
                self.lengths[name] = len(content)
        return pieces

    def _news(self, names: Iterable[str]) -> list[Piece]:
        pieces = []
        for name in names:
            content = self._read(name)
            digest = sha256(content).digest()
            if content and self.known.get(name) != digest:
                self.known[name] = digest
                pieces.append(Piece(name=name, content=content))
        return pieces

    def _snapshots(self) -> list[str]:
        return [name for name in _names(self.folder) if name.startswith(f"{SNAPSHOTS}/")]

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder.path / name).read_bytes()
        except FileNotFoundError:
            return b""


def receive(folder: RunFolder, pieces: Iterable[Piece], gone: Collection[str] = ()) -> None:
    """Writes what came from a node into the driver's folder of the run, in the order in which it came.

    Raises:
        WorkspaceError: the folder cannot be written to, or a piece does not fit.
    """
    for piece in pieces:
        path = _inside(folder.path, piece.name)
        if piece.at:
            _add(path, piece)
        else:
            before = folder.state_before if path == folder.state_file else None
            write_whole(path, piece.content, before=before)
    remove(*(_inside(folder.path, name) for name in gone))
    if folder.state_file.name in gone:
        folder.tidy()


def _add(path: Path, piece: Piece) -> None:
    with writing(path, needed=len(piece.content)), path.open("r+b") as file:
        if file.seek(0, 2) < piece.at:
            what = "Rows of this file that came from a node before are missing."
            raise WorkspaceError(what, where=str(path), hint="give the same command again")
        file.truncate(piece.at)
        file.seek(piece.at)
        file.write(piece.content)


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise WorkspaceError("A node sent a file that is not the run's.", where=name)
    return path


def _names(folder: RunFolder) -> list[str]:
    """Names the run's files but locks, drafts and the checkpoint before the last."""
    found = (path for path in sorted(folder.path.rglob("*")) if path.is_file())
    names = [path.relative_to(folder.path).as_posix() for path in found if not path.name.startswith(".")]
    return [name for name in names if name != folder.state_before.name or folder.state_file.name not in names]
