"""Opens folders and archives as files by name, in memory: nothing is unpacked to the disk.

Known are folders, tar archives (plain, gzip, bzip2, xz) and zip archives, told by their first bytes.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

from skipscope.errors import DataError

MEMBER_BYTES = 250_000_000
"""The largest file that is read: CIFAR-10 has 120 million bytes as parquet, 170 million as an archive."""

TOTAL_BYTES = 600_000_000
"""The most that an archive may unpack to; CIFAR-10 has 185 million bytes, a decompression bomb far more."""

MOST_FILES = 300_000
"""The most files that a folder may hold; CIFAR-10 as pictures has 60,000."""
DEEPEST = 6
"""How far below a folder is looked: hub/datasets--*/snapshots/*/plain_text/train has five."""

Files = Mapping[str, Callable[[], bytes]]
"""By its name, folders included and divided by /, what reads each file."""

TRUSTED = "get the archive from a source you trust: skipscope data get"
_PACKED: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Stands for a folder or file on the disk, or for a file inside another one."""

    path: Path  # of a file inside another: as if that were a folder
    data: bytes | None = None

    def open(self) -> IO[bytes]:
        """Opens the file."""
        return self.path.open("rb") if self.data is None else io.BytesIO(self.data)

    def head(self) -> bytes:
        """Reads its first 512 bytes."""
        with self.open() as file:
            return file.read(512)


def is_archive(head: bytes) -> bool:
    """Tells whether a file with these first bytes is an archive that can be opened."""
    return head.startswith((*_PACKED, *_ZIP)) or head[257:262] == b"ustar"


@contextmanager
def opened(source: Source) -> Iterator[Files]:
    """Opens a folder or archive; the files can be read until it is closed.

    Raises:
        DataError: it is too large, or something in it is unsafe.
        OSError, EOFError, TarError, BadZipFile, zlib.error, LZMAError: it is damaged; see `errors_explained`.
    """
    if source.data is None and source.path.is_dir():
        yield _folder(source.path)
        return
    with source.open() as file:
        if source.head().startswith(_ZIP):
            with _zip_file(file) as archive:
                yield _zip(archive, _Budget(source.path))
        else:
            yield _tar(file, source)


def _zip_file(file: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, struct.error):  # what it holds is written at its end
        raise zipfile.BadZipFile("its end is missing or damaged") from None


def _folder(folder: Path) -> Files:
    found: dict[str, Callable[[], bytes]] = {}
    for root, folders, names in os.walk(folder, onerror=_raise):
        relative = Path(root).relative_to(folder)
        deep = len(relative.parts) >= DEEPEST
        folders[:] = [] if deep else sorted(name for name in folders if _counts(name))
        for name in sorted(names):
            file = Path(root, name)
            if _counts(name) and file.is_file():
                found[(relative / name).as_posix()] = partial(_read_file, file)
        if len(found) > MOST_FILES:
            raise DataError(
                f"The folder holds more than {MOST_FILES:,} files.",
                where=str(folder),
                hint="give the folder that holds the data set alone",
            )
    return found


def _raise(error: OSError) -> None:
    raise error


def _read_file(file: Path) -> bytes:
    _refuse_large(file.name, file.stat().st_size, file.parent)
    return file.read_bytes()


def _tar(file: IO[bytes], source: Source) -> Files:
    """Reads the whole archive: it cannot be read otherwise than from its beginning to its end."""
    found: dict[str, Callable[[], bytes]] = {}
    head = source.head()
    unpack = next((unpack for sign, unpack in _PACKED.items() if head.startswith(sign)), None)
    stream = _Bounded(unpack(file) if unpack else file, _Budget(source.path))
    with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]  # it only reads
        for member in tar:
            _refuse_unsafe(member.name, source.path, plain=member.isfile() or member.isdir())
            if member.isfile() and _counts(member.name):
                if member.name in found:
                    raise DataError(f"{member.name} is there twice.", where=str(source.path))
                _refuse_large(member.name, member.size, source.path)
                content = tar.extractfile(member)
                found[member.name.removeprefix("./")] = partial(bytes, content.read() if content else b"")
    while stream.read(1 << 20):  # to the end: only there gzip compares its checksum
        pass
    return found


def _zip(archive: zipfile.ZipFile, budget: "_Budget") -> Files:
    found: dict[str, Callable[[], bytes]] = {}
    for info in archive.infolist():
        mode = info.external_attr >> 16
        plain = not stat.S_IFMT(mode) or stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        _refuse_unsafe(info.filename, budget.path, plain=plain)
        if not info.is_dir() and _counts(info.filename):
            found[info.filename.removeprefix("./")] = partial(_read_zipped, archive, info, budget)
    return found


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: "_Budget") -> bytes:
    if info.flag_bits & 1:
        raise DataError(f"{info.filename} is encrypted.", where=str(budget.path), hint="unpack it first")
    _refuse_large(info.filename, info.file_size, budget.path)
    parts = bytearray()
    with archive.open(info) as stream:
        bounded = _Bounded(stream, budget)
        while part := bounded.read(1 << 20):  # in parts: what a header says of sizes may be a lie
            parts += part
    return bytes(parts)


class _Budget:
    """Counts what an archive unpacks to, up to `TOTAL_BYTES`."""

    def __init__(self, path: Path) -> None:
        self.path, self._left = path, TOTAL_BYTES

    def spend(self, number: int) -> None:
        self._left -= number
        if self._left < 0:
            raise DataError(
                f"The archive unpacks to more than {TOTAL_BYTES:,} bytes: it is not CIFAR-10.",
                where=str(self.path),
            )


class _Bounded:
    """Reads a stream within a budget."""

    def __init__(self, stream: Any, budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int) -> bytes:
        data: bytes = self._stream.read(size)
        self._budget.spend(len(data))
        return data


def _counts(name: str) -> bool:
    """Leaves out what systems put beside files: hidden ones, and macOS's doubles."""
    return not any((part.startswith(".") and part != ".") or part == "__MACOSX" for part in name.split("/"))


def _refuse_large(name: str, size: int, where: Path) -> None:
    if size > MEMBER_BYTES:
        raise DataError(f"{name} is too large for a file of CIFAR-10: {size:,} bytes.", where=str(where))


def _refuse_unsafe(name: str, path: Path, *, plain: bool) -> None:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    climbs = ".." in posix.parts or ".." in windows.parts
    if climbs or posix.is_absolute() or windows.is_absolute() or windows.drive:
        problem = "a path that leaves the archive's folder"
    elif not plain:
        problem = "a link or device"
    else:
        return
    raise DataError(
        f"The archive has {problem}: {name!r}. Nothing of it was used.", where=str(path), hint=TRUSTED
    )


@contextmanager
def errors_explained(path: Path) -> Iterator[None]:
    """Turns errors of reading into messages that say what to do."""
    try:
        yield
    except FileNotFoundError:
        raise DataError("No such file or folder.", where=str(path), hint="check the path") from None
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        NotImplementedError,  # a zip archive packed in a way that Python does not know
        EOFError,
        zlib.error,
        lzma.LZMAError,
        gzip.BadGzipFile,
    ) as error:
        what, hint = f"The archive is truncated or damaged: {error}.", "download or copy it again"
        raise DataError(what, where=str(path), hint=hint) from None
    except OSError as error:
        what, hint = f"This cannot be read: {error.strerror or error}.", ""
        if isinstance(error, PermissionError):
            what, hint = "Permission denied.", "make the file readable"
        raise DataError(what, where=str(error.filename or path), hint=hint) from None
