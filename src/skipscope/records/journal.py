"""A file of lines that only grows while a run is trained, and how far it can be trusted.

A checkpoint keeps a journal's `Mark`: what the run goes on from is the journal up to there, to the byte. Rows
that were written after it are dropped and written again; none is there twice, none is missing.
"""

import json
import math
from dataclasses import dataclass
from hashlib import sha256
from os import SEEK_END
from pathlib import Path
from typing import Any

from skipscope.errors import WorkspaceError
from skipscope.records.files import remove, sync_file, sync_folder, whole_lines, write_whole, writing


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A position in a journal: how many bytes lie before it, and their SHA-256."""

    bytes: int
    sha256: str


class Journal:
    """Rows as lines of JSON, written by one process at a time."""

    def __init__(self, path: Path) -> None:
        """A file that need not exist yet."""
        self.path = path
        self._seen = sha256()
        self._bytes = 0

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Adds rows at the end.

        Raises:
            WorkspaceError: the file cannot be written to, or is not as this object left it.
        """
        lines = "".join(json.dumps(_finite(row), allow_nan=False) + "\n" for row in rows).encode()
        # one that is gone is not begun again: its first rows would be missing, and nobody would notice
        mode = "r+b" if self._bytes else "ab"
        with writing(self.path, needed=len(lines)), self.path.open(mode) as file:
            if (there := file.seek(0, SEEK_END)) != self._bytes:
                raise WorkspaceError(
                    f"This file was changed while its run was writing it: {there:,} bytes are there "
                    f"where {self._bytes:,} were written.",
                    where=str(self.path),
                    hint="give the same command again: the run goes on from its last checkpoint",
                )
            file.write(lines)
        self._seen.update(lines)
        self._bytes += len(lines)

    def mark(self) -> Mark:
        """Syncs the file to disk and returns its end; this object began or rewound the file.

        Raises:
            WorkspaceError: the disk is full, or the file is gone.
        """
        if self._bytes:
            with writing(self.path, needed=self._bytes):
                sync_file(self.path)
                sync_folder(self.path.parent)
        return Mark(bytes=self._bytes, sha256=self._seen.hexdigest())

    def rewind(self, mark: Mark) -> None:
        """Drops what was written after `mark`.

        Raises:
            WorkspaceError: what was written before it is damaged, or the file cannot be written to.
        """
        content = self.path.read_bytes() if self.path.exists() else b""
        kept = content[: mark.bytes]
        if len(kept) < mark.bytes or sha256(kept).hexdigest() != mark.sha256:
            raise WorkspaceError(
                "This file is damaged: it is not what was there when the checkpoint was written.",
                where=str(self.path),
            )
        if len(content) > len(kept):
            write_whole(self.path, kept, new_folder=False)
        self._seen, self._bytes = sha256(kept), len(kept)

    def cut(self, step: int) -> None:
        """Drops the rows after `step`, for a run whose checkpoint has no mark.

        Raises:
            WorkspaceError: a row is no JSON, or the file cannot be written to.
        """
        content = whole_lines(self.path)
        try:
            rows = [json.loads(line) for line in content.splitlines()]
            kept = [json.dumps(row) + "\n" for row in rows if row["step"] <= step]
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"A row of this file is damaged ({error}).", where=str(self.path)) from None
        content = "".join(kept).encode()
        if self.path.exists():
            write_whole(self.path, content, new_folder=False)
        self._seen, self._bytes = sha256(content), len(content)

    def begin(self) -> None:
        """Removes the file: the run starts."""
        remove(self.path)
        self._seen, self._bytes = sha256(), 0


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """Replaces NaN and infinity, which JSON lacks, by null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }
