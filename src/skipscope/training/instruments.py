"""Probes on a run: while it is trained, and on the trained network."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from skipscope.data.dataset import Dataset
from skipscope.probes.base import EpochView, StepView
from skipscope.probes.measure import Tried, of_trained, view_of
from skipscope.probes.pictures import pictures
from skipscope.probes.registry import PROBES
from skipscope.probes.schedule import due
from skipscope.probes.step import StepRecorder
from skipscope.records.arrays import packed_arrays
from skipscope.records.files import write_whole
from skipscope.records.readings import READINGS
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import Recipe
from skipscope.torch_threads import torch_threads
from skipscope.training.backend import computing
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.memory import keep_less

SAMPLE = 2000
"""Validation images that probes of networks look at: fixed and stratified. Never the test set."""


class Instruments:
    """Runs the in-step and epoch probes on one run; `rows` are readings that are not written yet."""

    def __init__(self, model: nn.Module, data: Dataset) -> None:
        self.model = model
        self.labels = torch.from_numpy(data.validation.labels[data.validation.rows]).long()
        self.rows: list[dict[str, Any]] = []
        self.recording: tuple[int, StepRecorder] | None = None

    def recorder(self, progress: Progress, steps_per_epoch: int) -> StepRecorder | None:
        """Returns what records the next step, if that is one of those measured.

        The step after the smoothed loss fell below a level of the study is: networks are compared there.
        """
        self.close()
        step = progress.step + 1
        if not progress.crossed and not due(step, steps_per_epoch):
            return None
        recorder = StepRecorder(self.model)
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


def measure_trained(
    folder: RunFolder,
    model: nn.Module,
    data: Dataset,
    batches: BatchMaker,
    *,
    recipe: Recipe,
    step: int,
    probes: Collection[str] | None,
    go_on: Callable[[str], bool],
    start: Callable[[], nn.Module],
) -> bool:
    """Measures a trained network and writes all readings of its run, and pictures of one image's maps.

    It computes in fp32, with the recipe's operators and threads. A probe's readings are written when it ends,
    so that whoever stops this loses one probe's work; readings of other probes are kept. Returns False if
    `go_on(probe)` returned False before a probe; `start()` builds the network as before its first step.

    Raises:
        ProbeError: some probes failed; the readings of the others are written.
    """
    view = view_of(model, *sample(data, batches))
    tried = Tried()
    threads = torch_threads(int(recipe.threads))
    with threads, computing(recipe.model_copy(update={"precision": "fp32"}), batches.device):
        for probe in of_trained(probes, view.anatomy):
            if not go_on(probe.name):
                return False
            keep_less()
            # a worker may have been given more threads meanwhile: they take sums in another order
            torch.set_num_threads(int(recipe.threads))
            seen = replace(view, start=start().state_dict()) if probe.needs_start else view
            _replace_readings(folder, tried.add(probe, seen, step), step)
    (image,), (label,) = data.validation.stratified(SAMPLE).take(np.arange(1))
    folder.write_pictures(pictures(view) | {"image": image, "image_label": label})
    _replace_readings(folder, [], step)  # a finished run has the file, whatever was measured
    if tried.failed:
        raise tried.error()
    return True


def unmeasured(folder: RunFolder, step: int, probes: Collection[str] | None) -> list[str]:
    """Returns which of these probes (all, if None) of trained networks have left no readings at this step."""
    have = set(folder.readings().filter(pl.col("step") == step)["probe"])
    chosen = PROBES if probes is None else probes
    return [name for name in chosen if "frozen" in PROBES[name].when and name not in have]


def _replace_readings(folder: RunFolder, rows: list[dict[str, Any]], step: int) -> None:
    """Writes readings in place of what the same probes read at this step before."""
    frozen = pl.DataFrame(rows, schema={key: READINGS[key] for key in READINGS if key != "run"})
    measured = frozen.with_columns(run=pl.lit(folder.path.name)).select(list(READINGS))
    kept = folder.readings()
    again = kept["probe"].is_in(frozen["probe"].unique().implode()) & (kept["step"] == step)
    folder.write_readings(pl.concat([kept.filter(~again), measured]))
