"""Finished networks, loaded when they are asked for and kept while they are used.

A network is a `View`: in evaluation mode and fp32 on the processor, with the validation images that probes
look at. It is never changed. Shapes: N images of 3 x 32 x 32.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skipscope.data.picture import normalised
from skipscope.data.store import Triple
from skipscope.engine.dissection.finished import FinishedRun, finished_runs
from skipscope.engine.trained import data_of, network
from skipscope.engine.trust import refuse_unless_trusted
from skipscope.errors import UnknownName
from skipscope.models.registry import build
from skipscope.probes.base import View
from skipscope.probes.measure import view_of
from skipscope.probes.untrained import IMAGES, normalise
from skipscope.records.store import Workspace
from skipscope.training.instruments import SAMPLE

KEPT = 8
"""Networks that are kept, with their samples shared."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The validation images that networks of one data set are shown."""

    pixels: NDArray[np.uint8]
    """N 32 32 3."""
    labels: NDArray[np.int64]
    images: Tensor
    """N 3 32 32, normalised."""
    mean: Triple
    std: Triple

    def normalised(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Makes what networks see of one image of 32 32 3: 3 32 32."""
        return torch.from_numpy(normalised(pixels, self.mean, self.std))


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A finished run's network at some step."""

    run: FinishedRun
    step: int | None
    view: View
    sample: Sample
    key: tuple[str, int | None, int]
    """Another one if the run was trained again meanwhile."""


@dataclass(kw_only=True)
class Networks:
    """The finished networks of a workspace; used by one thread at a time."""

    workspace: Workspace
    data_dir: Path | None = None
    opened: OrderedDict[tuple[str, int | None, int], Opened] = field(default_factory=OrderedDict)
    """The last few, the newest last."""
    samples: dict[str, Sample] = field(default_factory=dict)
    """By the data set's checksum."""

    def open(self, run: str, step: int | None = None) -> Opened:
        """Loads the run's network as it was after `step`, by default trained.

        Raises:
            UnknownName: there is no such finished run, or it kept no weights at this step.
            WorkspaceError: its weights are missing or damaged.
            NetworkError: it is a user's, and its file has changed, or no study has named it on this machine.
            DataError: its validation images are in neither the workspace nor the data set.
        """
        runs = {each.record.id: each for each in finished_runs(self.workspace)}
        if run not in runs:
            raise UnknownName("finished run", run, runs)
        found = runs[run]
        if step not in [each.step for each in found.steps]:
            raise UnknownName("step with weights", str(step), [str(each.step) for each in found.steps])
        folder = self.workspace.run_folder(run)
        key = (run, step, folder.model_file.stat().st_mtime_ns)
        if key not in self.opened:
            sample = self.sample(found)
            self.opened[key] = Opened(
                run=found, step=step, view=self._view(found, step, sample), sample=sample, key=key
            )
        self.opened.move_to_end(key)
        while len(self.opened) > KEPT:
            self.opened.popitem(last=False)
        return self.opened[key]

    def sample(self, run: FinishedRun) -> Sample:
        """Reads the validation images that probes look at, from the workspace or else the data set."""
        sha256 = run.record.spec.data.sha256
        if sha256 not in self.samples:
            kept, mean, std = self.workspace.sample(sha256), run.data.mean, run.data.std
            if not kept or mean is None or std is None:
                data = data_of(run.record.spec, self.data_dir)
                chosen = data.validation.stratified(SAMPLE)
                images, labels = chosen.take(np.arange(len(chosen)))
                kept, mean, std = {"images": images, "labels": labels}, data.mean, data.std
            x = torch.from_numpy(normalised(kept["images"], mean, std))
            self.samples[sha256] = Sample(
                pixels=kept["images"],
                labels=kept["labels"].astype(np.int64),
                images=x.contiguous(memory_format=torch.channels_last),
                mean=mean,
                std=std,
            )
        return self.samples[sha256]

    def _view(self, run: FinishedRun, step: int | None, sample: Sample) -> View:
        spec = run.record.spec
        if step == 0:
            refuse_unless_trusted(spec.model)
            model = normalise(build(spec.model, seed=spec.seed), sample.images[:IMAGES])
        else:
            model = network(self.workspace, run.record, step)
        return view_of(model, sample.images, torch.from_numpy(sample.labels), seed=spec.seed)
