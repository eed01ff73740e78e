"""The state a run resumes from, bit for bit: weights, momentum, and its progress.

It holds no generator state: everything random is a function of (seed, purpose, epoch).
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import inf, nan
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skipscope.errors import WorkspaceError
from skipscope.probes.learning_order import follow
from skipscope.records.files import remove, write_whole
from skipscope.records.journal import Mark
from skipscope.records.run_folder import RunFolder
from skipscope.training.backend import device
from skipscope.training.optimizer import SGD

SMOOTHING = 0.98
"""Decay of the smoothed loss: the mean over about fifty steps."""


@dataclass(kw_only=True)
class Progress:
    """Counts what a run has done so far."""

    step: int = 0
    """Updates made."""
    seconds: float = 0.0
    """Spent on the run, over all processes that worked on it."""
    train_seconds: float = 0.0
    """The part of them spent on training steps and their batches, without validation and records."""
    loss_sum: float = 0.0
    """Over the images seen in this epoch."""
    correct: int = 0
    """Images of this epoch that were classified correctly as they were trained on."""
    seen: int = 0
    """Images of this epoch so far."""
    val_loss: float = nan
    """On validation, after the last whole epoch."""
    val_accuracy: float = nan
    """On validation, after the last whole epoch."""
    right_since: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int16))
    """The epoch since which each validation image is classified correctly, 0 if it is not; empty at first."""
    loss_mean: float = 0.0
    """Exponential mean of the steps' losses, still biased towards 0."""
    loss_weight: float = 0.0
    """The sum of that mean's weights."""
    lowest_loss: float = inf
    """The lowest `smoothed` so far; -inf where a checkpoint of an older version does not tell."""
    lowest_before: float = inf
    """The same before the steps that were counted last: on a processor one, elsewhere several."""
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    """What was kept, as fields of `records.schema.Snapshot`."""

    @property
    def smoothed(self) -> float:
        """The exponential mean of the losses, corrected for its start at 0 as in Kingma & Ba 2015, s. 3."""
        return self.loss_mean / self.loss_weight

    @property
    def crossed(self) -> bool:
        """Whether the smoothed loss fell below a level of the study at the last step."""
        last = self.snapshots[-1] if self.snapshots else None
        return last is not None and last["step"] == self.step and bool(last["losses"])

    def fell_below(self, levels: Sequence[float]) -> tuple[float, ...]:
        """Returns the levels that the smoothed loss first fell below in the last steps, in their order."""
        return tuple(level for level in levels if self.lowest_loss < level <= self.lowest_before)

    def count(self, losses: Sequence[float], correct: int, images: int, seconds: float) -> None:
        """Adds updates that were made one after the other, each on `images`, with these mean losses."""
        self.lowest_before = self.lowest_loss
        for loss in losses:
            self.step += 1
            self.loss_mean = SMOOTHING * self.loss_mean + (1 - SMOOTHING) * loss
            self.loss_weight = SMOOTHING * self.loss_weight + (1 - SMOOTHING)
            self.lowest_loss = min(self.lowest_loss, self.smoothed)
            self.seen += images
            self.loss_sum += loss * images
        self.correct += correct
        self.train_seconds += seconds
        self.seconds += seconds

    def follow(self, right: Tensor, epoch: int) -> None:
        """Updates `right_since` with an epoch's validation."""
        before = self.right_since if len(self.right_since) else torch.zeros(len(right), dtype=torch.int16)
        self.right_since = follow(before, right, epoch)


UNSMOOTHED = {"lowest_loss": -inf, "lowest_before": -inf}
"""What a checkpoint of an older version does not tell: no level counts as first reached after it."""
MAGIC = b"skipscope-sha256"
"""Precedes the 32 bytes of checksum at a checkpoint's end; checkpoints of older versions have neither."""
FROM_THE_START = (
    "it is renamed; the same command again trains this run from its start. "
    "If you have a copy of the run's folder, restore that first"
)


def save(folder: RunFolder, model: nn.Module, optimizer: SGD, progress: Progress) -> None:
    """Writes the state atomically; the previous one stays beside it.

    Raises:
        WorkspaceError: the disk is full, or the folder is gone.
    """
    marks = folder.marks()  # rows reach the disk first: a checkpoint never refers to rows that are missing
    weights = model.state_dict()
    state = {
        "model": weights,
        # buffers that are no part of the weights (`persistent=False`) but affect later steps;
        # detached: attributes that a probe has set on the tensor are not saved
        "buffers": {name: buffer.detach() for name, buffer in model.named_buffers() if name not in weights},
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
        "marks": {name: asdict(mark) for name, mark in marks.items()},
    }
    packed = io.BytesIO()
    torch.save(state, packed)
    packed.write(MAGIC + sha256(packed.getbuffer()).digest())
    # not in a new folder: if the old one was deleted meanwhile, the rows are gone
    write_whole(folder.state_file, packed.getbuffer(), before=folder.state_before, new_folder=False)


def load(
    folder: RunFolder, model: nn.Module, optimizer: SGD, *, steps: int, on_event: Callable[[str], object]
) -> Progress:
    """Restores model, optimizer and the run's journals from the last sound checkpoint.

    Without any checkpoint, empties the folder and returns a fresh `Progress`. `steps` are those of the whole
    run. `on_event` is called with a message if the last checkpoint is damaged.

    Raises:
        WorkspaceError: all checkpoints are damaged; they are renamed.
    """
    damaged: list[WorkspaceError] = []
    checkpoints = [path for path in (folder.state_file, folder.state_before) if path.exists()]
    for path in checkpoints:
        try:
            progress = _restored(path, folder, model, optimizer, steps)
        except WorkspaceError as error:
            damaged.append(error)
            continue
        if damaged:
            remove(folder.state_file)  # else the next save would overwrite the sound one with it
            on_event(
                f"its last checkpoint is damaged ({damaged[0].where}): "
                f"resuming from the previous one, step {progress.step}"
            )
        return progress
    if damaged:
        for path in checkpoints:
            path.replace(path.with_suffix(".damaged"))
        raise damaged[0]
    folder.begin()
    return Progress()


def _restored(path: Path, folder: RunFolder, model: nn.Module, optimizer: SGD, steps: int) -> Progress:
    """Restores everything from the checkpoint at `path`."""
    try:
        content = _verified(path)
        # onto the processor first: the device that it was written on may not be here
        state = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        progress = Progress(**(UNSMOOTHED | state["progress"]))
        marks = state.get("marks") and {name: Mark(**mark) for name, mark in state["marks"].items()}
        model.load_state_dict(state["model"])
        for name, buffer in state.get("buffers", {}).items():
            module, _, last = name.rpartition(".")
            model.get_submodule(module).register_buffer(last, buffer.to(device()), persistent=False)
        optimizer.load_state_dict(state["optimizer"])
    except Exception as error:  # a damaged file may make torch raise anything
        why = error if isinstance(error, ValueError) else type(error).__name__
        raise WorkspaceError(
            f"This checkpoint is damaged ({why}).", where=str(path), hint=FROM_THE_START
        ) from error
    try:
        folder.rewind(marks, progress.step, trained=progress.step == steps)
        folder.keep_snapshots([kept["step"] for kept in progress.snapshots])
    except WorkspaceError as error:
        error.hint = error.hint or FROM_THE_START
        raise
    return progress


def _verified(path: Path) -> bytes:
    """Reads a checkpoint and compares it with the checksum at its end."""
    content = path.read_bytes()
    end = len(content) - len(MAGIC) - 32
    if end < 0 or content[end:-32] != MAGIC:
        return content
    content, digest = content[:end], content[-32:]
    if sha256(content).digest() != digest:
        raise ValueError("its checksum is not the one it was written with")
    return content
