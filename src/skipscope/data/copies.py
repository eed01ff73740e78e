"""Reads a copy of a data set, whatever format it is in and whatever is around it, whole into memory.

A folder or archive is searched for what `layouts` knows; if there is nothing, the archives in it are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from itertools import chain, islice
from pathlib import Path

from skipscope.data import archive, formats, layouts, unusable
from skipscope.data.archive import Files, Source
from skipscope.data.layouts import Layout
from skipscope.data.read import Read
from skipscope.errors import DataError

PARQUET = b"PAR1"
WITHIN = 2
"""How deep archives are opened: one in a zip archive in a folder."""
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".tbz2", ".bz2", ".txz", ".xz")
MOST_ARCHIVES = 8
"""How many archives in a folder are opened."""


@dataclass(frozen=True, kw_only=True)
class Copy(Read):
    """Holds a data set as it was read, and where from."""

    path: Path
    kind: str  # as a layout's
    md5: str | None = None  # of the archive that holds it

    def described(self) -> str:
        """Says in words where the bytes came from."""
        if self.md5 is None:
            return f"{self.kind} files in a folder"
        return f"{self.kind} files in {self.path.name}, md5 {self.md5}"


def read(path: Path) -> Copy:
    """Reads a folder, an archive, or a parquet file with the others beside it.

    Raises:
        DataError: it holds no known format (says what it is instead), is damaged, incomplete or unsafe.
    """
    path = path.expanduser()
    with archive.errors_explained(path):
        if path.is_file() and Source(path=path).head().startswith(PARQUET):
            return _beside(path)
        return _read(Source(path=path), WITHIN)


def _beside(path: Path) -> Copy:
    """Reads a parquet file with those of the other split: beside it, or train/ beside test/."""
    path = path.absolute()
    folder = path.parents[1 if path.parent.name.lower() in ("train", "test") else 0]
    with archive.opened(Source(path=folder)) as files:
        name = path.relative_to(folder).as_posix()
        for found in layouts.find(files):
            if not found.missing and name in chain(*found.parts.values()):
                return _copy(Source(path=folder), files, found, folder=True)
    raise DataError(
        "This parquet file has no other beside it for the other split.",
        where=str(path),
        hint="put train and test beside each other, with train and test in their names",
    )


def _read(source: Source, within: int) -> Copy:
    folder = source.data is None and source.path.is_dir()
    if not folder and not archive.is_archive(head := source.head()):
        raise unusable.explained(source.path, head=head)
    with archive.opened(source) as files:
        found = layouts.find(files)
        if found and not found[0].missing:
            return _copy(source, files, found[0], folder=folder)
        failed: list[DataError] = []
        for inner in islice(_archives(source, files) if within else (), MOST_ARCHIVES):
            try:
                with archive.errors_explained(inner.path):
                    return _read(inner, within - 1)
            except DataError as error:  # there may be another that can be read
                failed.append(error)
        if found:
            return _copy(source, files, found[0], folder=folder)  # says what is missing
        named = (error for error in failed if "cifar" in Path(error.where).name.lower())
        names = [f"{source.path.name}/{name}" for name in files]
        raise next(named, None) or unusable.explained(source.path, names)


def _copy(source: Source, files: Files, layout: Layout, *, folder: bool) -> Copy:
    if layout.kind == "parquet":
        from skipscope.data.parquet import read as reader  # noqa: PLC0415 - pyarrow, pillow: seldom needed
    elif layout.kind == "picture":
        from skipscope.data.pictures import read as reader  # noqa: PLC0415
    elif layout.kind == "stored":
        from skipscope.data.stored import read as reader  # noqa: PLC0415 - seldom needed, too
    else:
        reader = formats.read
    found = reader(files, layout, source.path)
    checksum = None if folder else _md5(source)
    return Copy(path=source.path, kind=layout.kind, md5=checksum, **vars(found))


def _archives(source: Source, files: Files) -> Iterator[Source]:
    """Yields what is an archive among the files, or is called one: those named after CIFAR-10 first."""
    for name in sorted(files, key=lambda name: ("cifar-10-" not in name.lower(), name)):
        path, called_so = source.path / name, name.lower().endswith(ARCHIVES)
        if source.data is None and source.path.is_dir():
            inner = Source(path=path)
            if called_so or archive.is_archive(inner.head()):
                yield inner
        elif called_so:
            yield Source(path=path, data=files[name]())


def _md5(source: Source) -> str:
    digest = md5(usedforsecurity=False)
    with source.open() as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
