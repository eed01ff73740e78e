"""Probes on a run while it is trained, and the images that probes of networks look at."""

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from skipscope.data.dataset import Dataset
from skipscope.probes.base import EpochView, StepView
from skipscope.probes.registry import PROBES
from skipscope.probes.schedule import due
from skipscope.probes.step import StepRecorder
from skipscope.records.arrays import packed_arrays
from skipscope.records.files import write_whole
from skipscope.records.store import Workspace
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress

SAMPLE = 2000
"""Validation images that probes of networks look at: fixed and stratified. Never the test set."""


class Instruments:
    """Runs the in-step and epoch probes on one run; `rows` are readings that are not written yet."""

    def __init__(self, model: nn.Module, data: Dataset, *, threads: int) -> None:
        """`threads` are those that the run began with: what is read has the same bits if it gets more."""
        self.model, self.threads = model, threads
        self.labels = torch.from_numpy(data.validation.labels[data.validation.rows]).long()
        self.rows: list[dict[str, Any]] = []
        self.recording: tuple[int, StepRecorder] | None = None

    def recorder(self, step: int, progress: Progress, steps_per_epoch: int) -> StepRecorder | None:
        """Returns what records the next step (from 1), if that is one of those measured.

        The step after the smoothed loss fell below a level of the study is: networks are compared there.
        """
        self.close()
        crossed = progress.crossed and step == progress.step + 1
        if not crossed and not due(step, steps_per_epoch):
            return None
        recorder = StepRecorder(self.model, threads=self.threads)
        self.recording = step, recorder
        return recorder

    def close(self) -> None:
        """Measures the step that was recorded last."""
        if self.recording is not None:
            step, recorder = self.recording
            self.recording = None
            self._measure("step", step, recorder.view)

    def after_epoch(self, progress: Progress, epoch: int, right: Tensor, *, last: bool) -> None:
        """Measures a validation; `right` says which images were classified correctly."""
        view = EpochView(epoch=epoch, last=last, right=right, since=progress.right_since, labels=self.labels)
        self._measure("epoch", progress.step, view)

    def take(self) -> list[dict[str, Any]]:
        """Returns the rows since the last call."""
        self.close()
        rows, self.rows = self.rows, []
        return rows

    def _measure(self, when: Literal["step", "epoch"], step: int, view: StepView | EpochView) -> None:
        for probe in PROBES.values():
            if when in probe.when:
                readings = probe.measure(view)
                self.rows += ({"probe": probe.name, "step": step, **reading.row()} for reading in readings)


def sample(data: Dataset, batches: BatchMaker) -> tuple[Tensor, Tensor]:
    """Returns the fixed validation images that probes look at, and their classes: N 3 32 32 and N."""
    chosen = data.validation.stratified(SAMPLE)
    return batches(chosen, np.arange(len(chosen)))


def keep_sample(workspace: Workspace, data: Dataset) -> None:
    """Writes the sample into the workspace, for reports, if it is not there.

    Its arrays are images N 32 32 3 uint8, labels N, and positions N: each image's in the validation split.
    """
    path = workspace.sample_file(data.sha256)
    if path.exists():
        return
    chosen = data.validation.stratified(SAMPLE)
    images, labels = chosen.take(np.arange(len(chosen)))
    positions = np.searchsorted(data.validation.rows, chosen.rows)
    write_whole(path, packed_arrays({"images": images, "labels": labels, "positions": positions}))
