"""A request to stop what trains in a workspace, as Ctrl-C does: a file that the engine looks for.

Whoever may write to the workspace may ask, on any system, and needs to know no process.
"""

from contextlib import suppress
from pathlib import Path

from skipscope.records.archived import refuse_to_write
from skipscope.records.files import writing

STOP = ".stop"


def ask_to_stop(workspace: Path) -> None:
    """Leaves a request; a second one, once the first was heard, is as a second Ctrl-C.

    Raises:
        WorkspaceError: the folder is not there, or cannot be written to.
    """
    refuse_to_write(workspace)
    path = workspace / STOP
    with writing(path):
        path.touch()


def is_asked_to_stop(workspace: Path) -> bool:
    """Tells whether a request waits to be heard."""
    return (workspace / STOP).exists()


def hear_request(workspace: Path) -> bool:
    """Takes the request away, and returns whether there was one."""
    with suppress(OSError):
        (workspace / STOP).unlink()
        return True
    return False
