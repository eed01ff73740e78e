"""Events that a run reports while it is trained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal[
    "training",
    "measuring",
    "waiting",
    "restarted",
    "warned",
    "noted",
    "stopped",
    "done",
    "measured",
    "failed",
]
"""A run is done when it is trained and tested; then tasks measure it, and each ends as "measured"."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Describes a run's state at one moment."""

    run: str
    state: State
    step: int = 0
    steps: int = 0
    epoch: int = 0
    loss: float | None = None
    """None while the run is starting: its process exists, its first step is not done."""
    images_per_second: float = 0.0
    epoch_ended: bool = False
    steps_per_second: float = 0.0
    accuracy: float | None = None
    """On validation, after the last whole epoch; on the sealed test set once the run is done."""
    part: str = ""
    """Which of the tasks that measure the run reports; empty while it is trained."""
    message: str = ""
    """Why it failed, stopped unsaved, waits, restarted or was warned; while measuring, the probe's name."""


EventHandler = Callable[[Event], None]
