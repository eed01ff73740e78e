"""What a run tells while it is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Event:
    """A run's state at one moment."""

    run: str
    state: Literal["training", "measuring", "waiting", "restarted", "warned", "stopped", "done", "failed"]
    step: int = 0
    steps: int = 0
    epoch: int = 0
    loss: float | None = None
    """None while the run is starting: its process is there, its first step is not."""
    images_per_second: float = 0.0
    epoch_ended: bool = False
    steps_per_second: float = 0.0
    accuracy: float | None = None
    """On validation, after the last whole epoch; on the sealed test set once the run is done."""
    message: str = ""
    """Why it failed, stopped unsaved, waits or starts again, what it goes on without; the probe at work."""


EventHandler = Callable[[Event], None]
