"""Where a record says that a user's network is: relative to the record, so that it is found from any folder.

In memory a network's file is as seen from the working directory (`spec.network.seen_from_here`), as people
write it. A workspace that is moved with the files of its networks stays whole.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skipscope.spec import UserNetwork
from skipscope.spec.network import seen_from_here


def as_stored(content: Any, record: Path) -> Any:
    """Rewrites the file of every pinned network in a record's JSON relative to the record's folder."""

    def stored(file: str) -> str:
        try:
            return Path(os.path.relpath(file, record.parent)).as_posix()
        except ValueError:  # on another drive
            return os.path.abspath(file)  # noqa: PTH100 - links are not followed

    return _each(content, stored)


def as_seen(content: Any, record: Path) -> Any:
    """Undoes `as_stored`; a path of an older record is as seen from where its study was planned."""

    def seen(file: str) -> str:
        there = record.parent / file
        return seen_from_here(there) if file.startswith("../") or there.exists() else file

    return _each(content, seen)


def _each(content: Any, move: Callable[[str], str]) -> Any:
    """Replaces the file of each `mynet.py:Net@0123456789abcdef` in what JSON consists of."""
    if isinstance(content, dict):
        return {key: _each(value, move) for key, value in content.items()}
    if isinstance(content, list):
        return [_each(value, move) for value in content]
    own = UserNetwork.parse(content) if isinstance(content, str) and ".py:" in content else None
    if own is None or own.digest is None:
        return content
    return str(own.model_copy(update={"file": move(own.file)}))
