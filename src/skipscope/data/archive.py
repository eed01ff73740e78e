"""Reads the files of a folder or tar archive one by one in memory; nothing is unpacked to the disk."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path, PurePosixPath, PureWindowsPath

from skipscope.errors import DataError

MEMBER_BYTES = 40_000_000
"""The largest file that is read; a batch of CIFAR-10 has 31 million bytes."""

TOTAL_BYTES = 600_000_000
"""The most that an archive may unpack to; CIFAR-10 has 185 million bytes, a decompression bomb far more."""

_GZIP = b"\x1f\x8b"


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yields name (without folders) and bytes of each `wanted` file of a tar archive, in its order.

    Raises:
        DataError: the archive is too large, or something in it is unsafe.
        OSError, EOFError, TarError, zlib.error: it cannot be read; `errors_explained` says why.
    """
    with path.open("rb") as file:
        packed = file.peek(2).startswith(_GZIP)
        stream = _Bounded(gzip.GzipFile(fileobj=file) if packed else file, path)
        with tarfile.open(fileobj=stream, mode="r|") as tar:  # type: ignore[call-overload]  # it only reads
            for member in tar:
                _refuse_unsafe(member, path)
                name = PurePosixPath(member.name).name
                if member.isfile() and wanted(name):
                    yield name, _content(tar, member, path)
        while stream.read(1 << 20):  # to the end: only there gzip compares its checksum
            pass


def files(folder: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yields name and bytes of each `wanted` file directly in `folder`, sorted by name.

    Raises:
        DataError: a file is too large.
        OSError: one cannot be read; `errors_explained` says why.
    """
    for file in sorted(folder.iterdir()):
        if wanted(file.name) and file.is_file():
            if file.stat().st_size > MEMBER_BYTES:
                raise DataError(f"{file.name} is too large for a batch of CIFAR-10.", where=str(folder))
            yield file.name, file.read_bytes()


def is_tar(path: Path) -> bool:
    """Tells whether `path` begins like a tar archive, gzipped or not."""
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith(_GZIP) or head[257:262] == b"ustar"


class _Bounded:
    """Limits a stream to `TOTAL_BYTES`."""

    def __init__(self, stream: BufferedIOBase, path: Path) -> None:
        self._stream, self._path, self._left = stream, path, TOTAL_BYTES

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise DataError(
                f"The archive unpacks to more than {TOTAL_BYTES:,} bytes: it is not CIFAR-10.",
                where=str(self._path),
            )
        return data


def _refuse_unsafe(member: tarfile.TarInfo, path: Path) -> None:
    posix, windows = PurePosixPath(member.name), PureWindowsPath(member.name)
    climbs = ".." in posix.parts or ".." in windows.parts
    if climbs or posix.is_absolute() or windows.is_absolute() or windows.drive:
        problem = "a path that leaves the archive's folder"
    elif not (member.isfile() or member.isdir()):
        problem = "a link or device"
    else:
        return
    raise DataError(
        f"The archive has {problem}: {member.name!r}. Nothing of it was used.",
        where=str(path),
        hint="get the archive from a source you trust: skipscope data get",
    )


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    if member.size > MEMBER_BYTES:
        raise DataError(
            f"{member.name} is too large for a batch of CIFAR-10: {member.size:,} bytes.", where=str(path)
        )
    stream = tar.extractfile(member)
    return stream.read() if stream else b""  # a regular file always has a stream


@contextmanager
def errors_explained(path: Path) -> Iterator[None]:
    """Turns errors of reading into messages that say what to do."""
    try:
        yield
    except FileNotFoundError:
        raise DataError("No such file or folder.", where=str(path), hint="check the path") from None
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        what, hint = f"The archive is truncated or damaged: {error}.", "download or copy it again"
        raise DataError(what, where=str(path), hint=hint) from None
    except OSError as error:
        what, hint = f"This cannot be read: {error.strerror or error}.", ""
        if isinstance(error, PermissionError):
            what, hint = "Permission denied.", "make the file readable"
        raise DataError(what, where=str(error.filename or path), hint=hint) from None
