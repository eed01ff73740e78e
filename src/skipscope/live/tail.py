"""Reads what is added to a file of lines, and notices a file that was begun again."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOST = 32 * 2**20
"""Bytes read at a time."""
REMEMBERED = 64
"""Bytes before the end of what was read: if they changed, the file was written anew in place."""


@dataclass(frozen=True, kw_only=True)
class Added:
    """What one look at the file found."""

    lines: bytes = b""
    again: bool = False
    """Whether what earlier looks found is no longer there: the file is new, shorter, changed or gone."""


class Tail:
    """Follows one file, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        """Nothing of it has been read."""
        self.path = path
        self.position = 0
        self._file = 0
        self._end = b""

    def look(self) -> Added:
        """Reads the whole lines that were added since the last look, at most `MOST` bytes of them.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            file = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return self._lost()
        with file:
            status = os.fstat(file.fileno())
            again = self.position > 0 and (status.st_ino != self._file or not self._is_unchanged(file))
            if again:
                self.position, self._end = 0, b""
            self._file = status.st_ino
            file.seek(self.position)
            read = file.read(MOST)
        lines = read[: read.rfind(b"\n") + 1]
        self.position += len(lines)
        self._end = (self._end + lines)[-REMEMBERED:]
        return Added(lines=lines, again=again)

    def changed(self) -> bool:
        """Tells, without opening the file, whether a look would find anything."""
        with suppress(OSError):
            status = self.path.stat()
            return status.st_size != self.position or status.st_ino != self._file
        return self.position > 0

    def _is_unchanged(self, file: BinaryIO) -> bool:
        file.seek(self.position - len(self._end))
        return file.read(len(self._end)) == self._end

    def _lost(self) -> Added:
        again = self.position > 0
        self.position, self._file, self._end = 0, 0, b""
        return Added(again=again)
