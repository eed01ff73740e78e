"""What the server knows and shares between its answers."""

from dataclasses import dataclass, field
from threading import Event
from typing import cast

from starlette.requests import Request

from skipscope.language import Language
from skipscope.live.watcher import Watcher
from skipscope.records.store import Workspace


@dataclass(kw_only=True)
class Lab:
    """A workspace, as it is served."""

    workspace: Workspace
    language: Language
    """In which a page is shown that has not chosen one."""
    ended: Event = field(default_factory=Event)
    """Set when the server ends: streams close."""
    watcher: Watcher = field(init=False)
    streams: int = 0
    """How many are open."""

    def __post_init__(self) -> None:
        """Watches the workspace."""
        self.watcher = Watcher(self.workspace)


def lab_of(request: Request) -> Lab:
    """Returns the lab that a request is about."""
    return cast("Lab", request.app.state.lab)
