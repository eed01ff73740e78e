"""The state a run goes on from, bit for bit: weights, momentum, and how far it has come.

There is no generator state in it: everything random is a function of (seed, purpose, epoch).
"""

from dataclasses import dataclass, field, fields
from math import nan
from pathlib import Path

import torch
from torch import Tensor, nn

from skipscope.errors import WorkspaceError
from skipscope.probes.learning_order import follow
from skipscope.records.files import writing
from skipscope.training.sgd import SGD


@dataclass(kw_only=True)
class Progress:
    """How far a run has come."""

    step: int = 0
    """Updates made."""
    seconds: float = 0.0
    """Spent on the run, over all sittings."""
    train_seconds: float = 0.0
    """The part of them spent on training steps and their data, without validation and records."""
    loss_sum: float = 0.0
    """Over the images seen in this epoch."""
    correct: int = 0
    """Images of this epoch that were classified rightly as they were trained on."""
    seen: int = 0
    """Images of this epoch so far."""
    val_loss: float = nan
    """On validation, after the last whole epoch."""
    val_accuracy: float = nan
    """On validation, after the last whole epoch."""
    right_since: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int16))
    """The epoch since which each validation image is always right, 0 if it is wrong; empty at first."""

    def count(self, loss: float, correct: int, images: int, seconds: float) -> None:
        """Adds one update on a batch of `images` with the mean loss `loss`."""
        self.step += 1
        self.seen += images
        self.loss_sum += loss * images
        self.correct += correct
        self.train_seconds += seconds
        self.seconds += seconds

    def follow(self, right: Tensor, epoch: int) -> None:
        """Keeps since when each validation image is right."""
        before = self.right_since if len(self.right_since) else torch.zeros(len(right), dtype=torch.int16)
        self.right_since = follow(before, right, epoch)


def save(path: Path, model: nn.Module, optimizer: SGD, progress: Progress) -> None:
    """Writes the state whole or not at all."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": {part.name: getattr(progress, part.name) for part in fields(progress)},
    }
    with writing(path) as draft:
        torch.save(state, draft)


def load(path: Path, model: nn.Module, optimizer: SGD) -> Progress:
    """Puts the state into the model and the optimizer; a fresh `Progress` where there is no file.

    Raises:
        WorkspaceError: the file is damaged or is not of this run.
    """
    if not path.exists():
        return Progress()
    try:
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return Progress(**state["progress"])
    except Exception as error:  # whatever a damaged file makes torch raise
        raise WorkspaceError(
            f"This checkpoint cannot be read ({type(error).__name__}).",
            where=str(path),
            todo="delete that file: the run then starts again from its beginning",
        ) from error
