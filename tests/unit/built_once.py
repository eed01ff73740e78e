"""Folders that are expensive to fill: filled once per test run, by whichever xdist worker comes first."""

import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


def built_once(path: Path, build: Callable[[Path], object]) -> Path:
    """Returns `path` after `build(folder)` has filled it, now or earlier; other workers wait meanwhile."""
    with FileLock(f"{path}.lock"):
        if not path.exists():
            draft = path.with_name(f"{path.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            build(draft)
            draft.rename(path)
    return path
