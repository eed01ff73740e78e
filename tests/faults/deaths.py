"""A process that dies at the n-th thing it does to the disk, and takes with it what was not yet on the disk.

Counted are writes (dying in one leaves half of it), fsyncs, renames and removals below one folder. What was
appended to a file since its last fsync is lost, as when the power fails; renames that were made are kept.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

_done = 0
_last = 0
_synced: dict[str, int] = {}


def at(number: int, folder: Path) -> None:
    """From now on; 0 counts only."""
    global _last  # noqa: PLW0603 - one death a process
    _last = number
    opened = Path.open

    def counted_open(path: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
        file = opened(path, mode, *args, **more)
        if folder in path.parents and set(mode) & set("wax"):
            if "a" not in mode:
                _synced[str(path)] = 0
            _synced.setdefault(str(path), 0)
            return _Counted(file)
        return file

    Path.open = counted_open  # type: ignore[method-assign]
    for name in ("replace", "unlink", "fsync"):
        setattr(os, name, _counted(getattr(os, name), folder))


def count() -> int:
    """How many there were so far."""
    return _done


def _step() -> bool:
    global _done  # noqa: PLW0603
    _done += 1
    return _done == _last


def _die() -> None:
    for path, size in _synced.items():
        if Path(path).exists():
            os.truncate(path, min(size, _size(path)))
    os._exit(9)


def _size(path: str | Path) -> int:
    return Path(path).stat().st_size


def _counted(call: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    def counted(*args: Any, **more: Any) -> Any:
        synced = call.__name__ == "fsync"
        path = str(Path(f"/proc/self/fd/{args[0]}").readlink() if synced else args[0])
        if folder not in (Path(path), *Path(path).parents):  # of a cache, which only a first run writes
            return call(*args, **more)
        if _step():
            _die()
        result = call(*args, **more)
        if synced:
            if path in _synced:
                _synced[path] = _size(path)
        elif call.__name__ == "replace":
            _synced[str(args[1])] = _synced.pop(str(args[0]), _size(args[1]))
        return result

    return counted


class _Counted:
    """A file that is written to."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, content: Any) -> int:
        if _step():
            self.file.write(content[: len(content) // 2])
            self.file.flush()
            _die()
        return int(self.file.write(content))
