"""Files that are whole or not there: what is written beside its place and renamed into it.

A reader never meets half of one; only lines at the end of a file may be half, and those are left out.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from skipscope.errors import WorkspaceError
from skipscope.records.schema import SCHEMA

Record = TypeVar("Record", bound=BaseModel)


def write_whole(path: Path, content: bytes) -> None:
    """Puts `content` at `path` whole or not at all.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    with writing(path) as draft:
        draft.write_bytes(content)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a draft path to write to; renames it to `path` when the block ends well.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"This cannot be written: {error.strerror or error}.",
        where=str(path),
        todo="free space or rights there, or choose another folder with --workspace",
    )


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Puts arrays at `path`, whole or not at all.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    with writing(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path, *, todo: str) -> dict[str, NDArray[Any]]:
    """Arrays by name; none where there is no file. Nothing in it is executed.

    Opened here and not by numpy, which leaves a damaged file open.

    Raises:
        WorkspaceError: the file is damaged; says `todo`.
    """
    if not path.exists():
        return {}
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise WorkspaceError(f"This file is damaged ({error}).", where=str(path), todo=todo) from None


def append_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Adds rows as lines of JSON.

    Raises:
        WorkspaceError: the file cannot be written to.
    """
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(lines)
    except OSError as error:
        raise _unwritable(path, error) from None


def whole_lines(path: Path) -> bytes:
    """A file's lines without a last one that was being written when the process was stopped."""
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def write_record(path: Path, record: BaseModel) -> None:
    """Puts a record at `path` as JSON, whole or not at all.

    Raises:
        WorkspaceError: the folder cannot be written to.
    """
    write_whole(path, (record.model_dump_json(by_alias=True, indent=1) + "\n").encode())


def read_record(path: Path, kind: type[Record]) -> Record:
    """A record that `write_record` wrote.

    Raises:
        WorkspaceError: the file is damaged, or a newer skipscope wrote it.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise WorkspaceError(f"This cannot be read: {error.strerror}.", where=str(path)) from None
    except ValueError:
        raise _damaged(path, "it is not JSON") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise WorkspaceError(
            f"A newer skipscope wrote this (schema {schema}, this one reads up to {SCHEMA}).",
            where=str(path),
            todo="update skipscope: pip install --upgrade skipscope",
        )
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _damaged(path: Path, why: str) -> WorkspaceError:
    return WorkspaceError(
        f"This record is damaged: {why}.",
        where=str(path),
        todo="restore it from a copy, or delete its folder: the same command trains the run again",
    )
