"""Probes on a run: which of its steps are watched, the trained network, and the readings that come of it."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from skipscope.data.dataset import Dataset
from skipscope.probes.base import EpochView, Reading
from skipscope.probes.measure import frozen_rows, view_of
from skipscope.probes.pictures import pictures
from skipscope.probes.registry import PROBES
from skipscope.probes.step import StepRecorder, due
from skipscope.records.arrays import write_arrays
from skipscope.records.readings import READINGS
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import Recipe
from skipscope.training.batches import BatchMaker
from skipscope.training.checkpoint import Progress
from skipscope.training.memory import keep_less
from skipscope.training.precision import computing

SAMPLE = 2000
"""Validation images that frozen probes look at: fixed, every class in its share. Never the test set."""


class Instruments:
    """The in-step probes on one run. `rows` are readings that nobody has written yet."""

    def __init__(self, model: nn.Module, data: Dataset) -> None:
        """All in-step probes; each looks at what of the network it applies to."""
        self.model = model
        self.labels = torch.from_numpy(data.validation.labels[data.validation.rows]).long()
        self.rows: list[dict[str, Any]] = []
        self.recording: tuple[int, StepRecorder] | None = None

    def recorder(self, step: int, steps_per_epoch: int) -> StepRecorder | None:
        """Returns what records `step`, if that is one of those measured."""
        self.close()
        if not due(step, steps_per_epoch):
            return None
        recorder = StepRecorder(self.model)
        self.recording = step, recorder
        return recorder

    def close(self) -> None:
        """Reads off the step that was watched last."""
        if self.recording is not None:
            step, recorder = self.recording
            self.recording = None
            for probe in PROBES.values():
                if "step" in probe.when:
                    self._read(probe.name, step, probe.measure(recorder.view))

    def after_epoch(self, progress: Progress, epoch: int, right: Tensor, *, last: bool) -> None:
        """Reads off a validation."""
        view = EpochView(epoch=epoch, last=last, right=right, since=progress.right_since, labels=self.labels)
        for probe in PROBES.values():
            if "epoch" in probe.when:
                self._read(probe.name, progress.step, probe.measure(view))

    def take(self) -> list[dict[str, Any]]:
        """The rows since the last time."""
        self.close()
        rows, self.rows = self.rows, []
        return rows

    def _read(self, probe: str, step: int, readings: Iterable[Reading]) -> None:
        self.rows += ({"probe": probe, "step": step, **reading.row()} for reading in readings)


def sample(data: Dataset, batches: BatchMaker) -> tuple[Tensor, Tensor]:
    """Returns the fixed validation images that probes look at, and their classes: N 3 32 32 and N."""
    chosen = data.validation.stratified(SAMPLE)
    return batches(chosen, np.arange(len(chosen)))


def keep_sample(workspace: Workspace, data: Dataset) -> None:
    """Leaves the sample in the workspace, for reports, if it is not there.

    images N 32 32 3 uint8, labels N, positions N: where in the validation split each image stands.
    """
    path = workspace.sample_file(data.sha256)
    if path.exists():
        return
    chosen = data.validation.stratified(SAMPLE)
    images, labels = chosen.take(np.arange(len(chosen)))
    positions = np.searchsorted(data.validation.rows, chosen.rows)
    write_arrays(path, {"images": images, "labels": labels, "positions": positions})


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
) -> bool:
    """Measures a trained network and writes all readings of its run, and pictures of one image in it.

    It is computed in fp32, with the recipe's operators and threads. What other probes read before is kept.
    No, with nothing written, if `go_on` said no before a probe.

    Raises:
        ProbeError: some probes failed; what the others read is written.
    """
    view = view_of(model, *sample(data, batches))
    given = torch.get_num_threads()

    def before(probe: str) -> bool:
        asked = go_on(probe)
        keep_less()
        # a worker may have been given more threads meanwhile: they take sums in another order
        torch.set_num_threads(int(recipe.threads))
        return asked

    try:
        with computing(recipe.model_copy(update={"precision": "fp32"}), batches.device):
            tried = frozen_rows(view, step=step, probes=probes, before=before)
    finally:
        torch.set_num_threads(given)
    if tried is None:
        return False
    (image,), (label,) = data.validation.stratified(SAMPLE).take(np.arange(1))
    shown = {"image": image, "image_label": label}
    folder.write_pictures(pictures(view) | shown)
    frozen = pl.DataFrame(tried.rows, schema={key: READINGS[key] for key in READINGS if key != "run"})
    measured = frozen.with_columns(run=pl.lit(folder.path.name)).select(list(READINGS))
    kept = folder.readings()
    again = kept["probe"].is_in(frozen["probe"].unique().implode()) & (kept["step"] == step)
    folder.write_readings(pl.concat([kept.filter(~again), measured]))
    if tried.failed:
        raise tried.error()
    return True
