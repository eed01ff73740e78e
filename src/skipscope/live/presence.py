"""Tells whether the process that holds a folder still lives. Asks for no lock, so it disturbs nobody."""

import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from skipscope.records.lock import HOLDER

FRESH_SECONDS = 120.0
"""On another machine, or where processes cannot be asked for: how lately a holder must have written."""


def is_held(folder: Path) -> bool:
    """Tells whether a living process says that it holds the folder, of a workspace or of a run."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((folder / HOLDER).read_bytes())
        if said["host"] == socket.gethostname() and os.name == "posix":
            return lives(int(said["pid"]))
        grows = (*folder.glob("*.jsonl"), *folder.glob("runs/*/*.jsonl"))
        return any(time.time() - path.stat().st_mtime < FRESH_SECONDS for path in grows)
    return False


def lives(process: int) -> bool:
    """Tells whether there is such a process, on a POSIX system."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
