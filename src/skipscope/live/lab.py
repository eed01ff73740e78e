"""What the server knows and shares between its answers."""

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any, cast

from starlette.requests import Request

from skipscope.errors import UnknownName, UsageError
from skipscope.language import Language
from skipscope.live.compute import Compute
from skipscope.live.control import Control
from skipscope.live.watcher import Watcher
from skipscope.records.store import Workspace

if TYPE_CHECKING:
    from skipscope.live.board import Board


@dataclass(kw_only=True)
class Lab:
    """A workspace, as it is served."""

    workspace: Workspace
    language: Language
    """In which a page is shown that has not chosen one."""
    control: Control
    ended: Event = field(default_factory=Event)
    """Set when the server ends: streams close."""
    watcher: Watcher = field(init=False)
    compute: Compute = field(init=False)
    streams: int = 0
    """How many are open."""
    _board: "Board | None" = None

    def __post_init__(self) -> None:
        """Watches the workspace."""
        self.watcher = Watcher(self.workspace, self.control.state)
        self.compute = Compute(workspace=self.workspace, data_dir=self.control.data_dir)

    def board(self) -> "Board":
        """Returns what judges claims; its imports take a second, and the first curve does not wait for it."""
        if self._board is None:
            from skipscope.live.board import Board  # noqa: PLC0415 - loads scipy

            self._board = Board(self.workspace)
        return self._board

    def close(self) -> None:
        """Ends streams, and what is computed or judged in the background."""
        self.ended.set()
        self.compute.close()
        if self._board is not None:
            self._board.close()

    def refuse_unless_watched(self, run: str) -> None:
        """Refuses what is no run of a study here: a name from a page must not become any path.

        Raises:
            UnknownName: it is none.
        """
        known = self.watcher.run_ids()
        if run not in known:
            raise UnknownName("run", run, known)


def lab_of(request: Request) -> Lab:
    """Returns the lab that a request is about."""
    return cast("Lab", request.app.state.lab)


async def asked_of(request: Request) -> dict[str, Any]:
    """Returns the JSON object that a page sent.

    Raises:
        UsageError: it is none.
    """
    try:
        asked = await request.json()
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise UsageError("What was sent is no JSON object.")
    return asked
