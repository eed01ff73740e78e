"""Stores an imported data set as two .npy files, which are mapped rather than read, and an index of them.

    <data folder>/<name>/{images.npy, labels.npy, index.json}

The data folder is `--data-dir`, else `SKIPSCOPE_DATA`, else the user's own. A data set is written
into a folder beside, read back, and renamed: an error before that leaves the old one unchanged.
Legend: N images of C = 3 channels, H x W = 32 x 32.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from math import sqrt
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_data_path
from pydantic import Field, ValidationError

from skipscope.errors import DataError
from skipscope.records.files import sync_file, sync_folder, write_cache
from skipscope.records.schema import Likeness
from skipscope.spec import Frozen

SCHEMA = 2
IMAGES, LABELS, INDEX = "images.npy", "labels.npy", "index.json"
IMPORT_AGAIN = (
    "mend it: `skipscope data check --repair` downloads it again, `skipscope data import PATH` takes a copy "
    "you have"
)
STALE_SECONDS = 3600
"""A half-written folder this old was left behind by a killed import."""

Triple = tuple[float, float, float]


class FileEntry(Frozen):
    """Describes one file as it was written."""

    bytes: int
    sha256: str


class Index(Frozen):
    """Holds `index.json`; `sha256` identifies the images and labels, whatever their source."""

    layout: int = Field(SCHEMA, alias="schema")
    name: str
    sha256: str
    files: dict[str, FileEntry]
    train: int
    test: int
    mean: Triple
    std: Triple
    source: str
    imported: str
    classes: tuple[str, ...] | None = None  # of a data set of the user's
    likeness: Likeness | None = None  # of CIFAR-10; not in older indices


@dataclass(frozen=True, kw_only=True)
class Store:
    """Holds an opened data set; images are mapped and read-only."""

    folder: Path
    index: Index
    images: NDArray[np.uint8]  # N 32 32 3
    labels: NDArray[np.uint8]  # N


def data_folder(data_dir: Path | None = None) -> Path:
    """Returns the folder of data sets: the argument, else `SKIPSCOPE_DATA`, else the user's data folder."""
    chosen = data_dir or os.environ.get("SKIPSCOPE_DATA") or user_data_path("skipscope")
    return Path(chosen).expanduser().absolute()


def content_sha256(images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> str:
    """Identifies a data set: hashes its images as the official planes, N 3 H W, then its labels."""
    digest = sha256()
    for start in range(0, len(images), 5000):
        digest.update(np.ascontiguousarray(images[start : start + 5000].transpose(0, 3, 1, 2)).data)
    digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()


def channel_statistics(images: NDArray[np.uint8]) -> tuple[Triple, Triple]:
    """Computes each channel's mean and standard deviation in 0..1 from exact counts: N H W 3 -> 3 and 3."""
    means, stds = [], []
    for channel in range(3):
        chunks = (images[start : start + 5000, ..., channel] for start in range(0, len(images), 5000))
        counts = np.sum([np.bincount(chunk.ravel(), minlength=256) for chunk in chunks], axis=0).tolist()
        number = sum(counts)
        first = sum(value * count for value, count in enumerate(counts))
        second = sum(value * value * count for value, count in enumerate(counts))
        means.append(first / (255 * number))
        stds.append(sqrt(second * number - first * first) / (255 * number))
    return (means[0], means[1], means[2]), (stds[0], stds[1], stds[2])


def write(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    *,
    train: int,
    source: str,
    data_dir: Path | None,
    **more: Any,
) -> Store:
    """Writes a data set and opens it; the first `train` images train, the others test.

    `more` are further values of its index: classes, or likeness.

    Raises:
        DataError: the folder cannot be written, or what was written does not read back the same.
    """
    folder = data_folder(data_dir) / name
    mean, std = channel_statistics(images[:train])
    with _writable(folder), _beside(folder) as draft:
        np.save(draft / IMAGES, np.ascontiguousarray(images))
        np.save(draft / LABELS, labels)
        index = Index(
            name=name,
            sha256=content_sha256(images, labels),
            files={file: _entry(draft / file) for file in (IMAGES, LABELS)},
            train=train,
            test=len(images) - train,
            mean=mean,
            std=std,
            source=source,
            imported=datetime.now(UTC).isoformat(timespec="seconds"),
            **more,
        )
        (draft / INDEX).write_text(index.model_dump_json(indent=2, by_alias=True), encoding="utf-8")
        written = _read(draft)
        if content_sha256(written.images, written.labels) != index.sha256:
            raise DataError(
                "What was written does not read back the same.", where=str(draft), hint="check the disk"
            )
        for file in (IMAGES, LABELS, INDEX):
            sync_file(draft / file)
        _swap(draft, folder)
        sync_folder(folder.parent)
    return _read(folder)


def with_likeness(store: Store, found: Likeness) -> Store:
    """Adds to an older index how near it is to CIFAR-10; what cannot be written is found out again."""
    index = store.index.model_copy(update={"likeness": found})
    write_cache(store.folder / INDEX, index.model_dump_json(indent=2, by_alias=True).encode())
    return replace(store, index=index)


def read(name: str, *, data_dir: Path | None) -> Store | None:
    """Opens the data set, checking sizes and headers but not every byte; None if there is none.

    Raises:
        DataError: a file is missing, cannot be read, or is not what the index says.
    """
    folder = data_folder(data_dir) / name
    try:
        if not folder.exists():
            _put_back(folder)
        return _read(folder) if folder.exists() else None
    except OSError as error:
        what, hint = f"The data set cannot be read: {error.strerror}.", ""
        if isinstance(error, PermissionError):
            what, hint = "Permission denied: the data set cannot be read.", "make its folder readable"
        raise DataError(what, where=str(error.filename or folder), hint=hint) from None


def check_files(store: Store) -> None:
    """Compares every file with its checksum: half a second for CIFAR-10.

    Raises:
        DataError: names the damaged file.
    """
    for file, entry in store.index.files.items():
        if _entry(store.folder / file) != entry:
            raise _damaged(store.folder / file, "its checksum is not the one it had when it was imported")


def check(store: Store) -> None:
    """Compares the files, and then the content, with their checksums.

    Raises:
        DataError: names the damaged file.
    """
    check_files(store)
    if content_sha256(store.images, store.labels) != store.index.sha256:
        raise _damaged(store.folder / INDEX, "the checksum of the content is not that of the files")


def _read(folder: Path) -> Store:
    try:
        index = Index.model_validate_json((folder / INDEX).read_bytes())
    except FileNotFoundError:
        raise _damaged(folder / INDEX, "it is missing") from None
    except ValidationError as error:
        raise _damaged(folder / INDEX, f"it is no index: {error.errors()[0]['msg']}") from None
    if index.layout != SCHEMA:
        raise _damaged(folder / INDEX, f"it has the layout {index.layout}, this version reads {SCHEMA}")
    number = index.train + index.test
    return Store(
        folder=folder,
        index=index,
        images=_map(folder / IMAGES, index, (number, 32, 32, 3)),
        labels=_map(folder / LABELS, index, (number,)),
    )


def _map(file: Path, index: Index, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    try:
        size = file.stat().st_size
        if file.name not in index.files or size != index.files[file.name].bytes:
            raise _damaged(file, f"it has {size:,} bytes, which is not what the index says")
        array = mapped(file)
    except FileNotFoundError:
        raise _damaged(file, "it is missing") from None
    except (ValueError, EOFError) as error:
        raise _damaged(file, f"it is no .npy file: {error}") from None
    if array.shape != shape or array.dtype != np.uint8:
        raise _damaged(file, f"it holds {array.dtype} {array.shape}, not uint8 {shape}")
    return array


def mapped(file: Path) -> NDArray[np.uint8]:
    """Maps the array of a .npy file, which is read-only; its shape and number format are to be checked."""
    array: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    return array.view(np.ndarray)  # still mapped, without memmap's slower indexing


def _entry(file: Path) -> FileEntry:
    with file.open("rb") as stream:
        return FileEntry(bytes=file.stat().st_size, sha256=file_digest(stream, "sha256").hexdigest())


def _damaged(file: Path, how: str) -> DataError:
    return DataError(f"{file.name} is damaged: {how}.", where=str(file), hint=IMPORT_AGAIN)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"The data set cannot be written: {error.strerror or error}.",
            where=str(error.filename or folder),
            hint="make room or choose another folder with --data-dir or SKIPSCOPE_DATA",
        ) from None


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Makes a folder on the same disk as `folder`, and removes it afterwards unless it was renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}-"
    for stale in folder.parent.glob(f"{prefix}*"):
        if time.time() - stale.stat().st_mtime > STALE_SECONDS:
            rmtree(stale, ignore_errors=True)
    with TemporaryDirectory(prefix=prefix, dir=folder.parent, ignore_cleanup_errors=True) as room:
        draft = Path(room, "new")
        draft.mkdir()
        yield draft


def _put_back(folder: Path) -> None:
    """Restores a data set that a process left beside when it was killed while swapping two."""
    rooms = sorted(folder.parent.glob(f".{folder.name}-*"), key=lambda room: room.stat().st_mtime)
    for left in (room / name for room in reversed(rooms) for name in ("new", "old")):
        with suppress(OSError, DataError):
            check_files(_read(left))
            left.rename(folder)
            return


def _swap(draft: Path, folder: Path) -> None:
    """Renames `draft` to `folder`; moves the old one aside, and back if that fails."""
    aside = draft.with_name("old")
    try:
        if folder.exists():
            folder.rename(aside)
        draft.rename(folder)
    except BaseException:
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        raise
