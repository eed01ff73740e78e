"""Measures finished runs again, on the same images and computed alike: the readings have the same bits."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl
import torch

from skipscope.anatomy.calls import Anatomy
from skipscope.anatomy.capture import anatomy
from skipscope.anatomy.follow import in_words
from skipscope.data.dataset import Dataset
from skipscope.engine.trained import data_of, finished, network
from skipscope.errors import UsageError, WorkspaceError
from skipscope.models.registry import build
from skipscope.models.user import attribute_errors_to
from skipscope.probes.cost import TRIAL_IMAGES, estimated
from skipscope.probes.measure import known
from skipscope.probes.registry import PROBES
from skipscope.records.archived import refuse_to_write
from skipscope.records.lock import held_run
from skipscope.records.schema import RunRecord
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import RunSpec
from skipscope.torch_threads import torch_threads
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.instruments import SAMPLE, keep_sample
from skipscope.training.loop import all_steps
from skipscope.training.measuring import keep_pictures, measure_at, unmeasured

EventHandler = Callable[[str, Mapping[str, float]], object]
"""Called before each probe with its name, and with the estimated seconds of all, in their order."""


@dataclass(frozen=True, kw_only=True)
class ProbedRun:
    """Says what was measured of a run, and where it was written."""

    record: RunRecord
    seconds: dict[str, float]
    """Duration of each probe, in the order in which they ran."""
    readings: dict[str, int]
    """Number of readings of each probe."""
    file: Path
    unfollowed: list[str]
    """Sentences on what joins maps in the network and was not followed."""


def measure_again(
    workspace: Workspace,
    name: str,
    *,
    only: Collection[str] = (),
    data_dir: Path | None = None,
    on_event: EventHandler,
) -> ProbedRun:
    """Measures the finished run called `name` (see `finished`) with all probes that apply, or `only` these.

    Readings of other probes are kept. What one of them reads before the first step, too, and is not in the
    record, is made up for: the run is older than the probe.

    Raises:
        UnknownName: there is no such run, or no such probe.
        UsageError: several runs match; a probe looks at training only, or has nothing to measure.
        WorkspaceError: the run is not finished, or its weights are missing or damaged.
        DataError: its data set is gone, or is another one now.
        ProbeError: some probes failed on it; what the others read is written.
    """
    asked = _of_trained_networks(only)
    refuse_to_write(workspace.path)
    record = finished(workspace, name)
    spec, folder = record.spec, workspace.run_folder(record.id)
    model = network(workspace, record)
    inside = anatomy(model, torch.zeros(2, 3, 32, 32))
    probes = [probe for probe in asked or PROBES if _applies(probe, inside, named=bool(asked))]
    data = data_of(spec, data_dir)
    keep_sample(workspace, data)
    seconds: dict[str, float] = {}
    started: dict[str, float] = {}

    def begins(probe: str) -> bool:
        started[probe] = perf_counter()
        on_event(probe, seconds)
        return True

    with _computing_as_a_worker(int(spec.recipe.threads)), held_run(folder.path, waits=_refuse) as _:
        few, _labels = BatchMaker(data, spec.recipe, torch.device("cpu"))(
            data.validation, np.arange(min(TRIAL_IMAGES, len(data.validation)))
        )
        seconds |= estimated(model, few, probes, min(SAMPLE, len(data.validation)))
        batches, step = BatchMaker(data, spec.recipe, device()), all_steps(spec.recipe, len(data.train))
        with attribute_errors_to(spec.model, "while it is measured"):
            model = to_device(model, spec.recipe, device())
            keep_pictures(folder, model, data, batches)
            how = (folder, model, data, batches)
            start = partial(build, spec.model, seed=spec.seed)
            measure_at(*how, recipe=spec.recipe, step=step, probes=probes, go_on=begins, start=start)
            begun = unmeasured(folder, 0, [name for name in probes if "initial" in PROBES[name].when])
            model = to_device(start(), spec.recipe, device())
            how = (folder, model, data, batches)
            measure_at(*how, recipe=spec.recipe, step=0, probes=begun, go_on=lambda _: True, start=start)
    ends = [*started.values(), perf_counter()][1:]
    now = _at_its_end(folder, spec, data)
    return ProbedRun(
        record=record,
        seconds={probe: end - start for (probe, start), end in zip(started.items(), ends, strict=True)},
        readings={probe: len(now.filter(pl.col("probe") == probe)) for probe in started},
        file=folder.readings_file,
        unfollowed=in_words(inside),
    )


def _at_its_end(folder: RunFolder, spec: RunSpec, data: Dataset) -> pl.DataFrame:
    """Reads what was measured after the last step."""
    return folder.readings().filter(pl.col("step") == all_steps(spec.recipe, len(data.train)))


def _of_trained_networks(names: Collection[str]) -> list[str]:
    """Returns the names without duplicates; refuses probes that do not look at trained networks."""
    chosen = list(dict.fromkeys(known(names)))
    for name in chosen:
        if "frozen" not in PROBES[name].when:
            trained = [probe.name for probe in PROBES.values() if "frozen" in probe.when]
            raise UsageError(
                f"The probe {name} looks at a network while it is trained, not at a finished run.",
                hint=f"its readings of the training are kept; probes of finished runs: {', '.join(trained)}",
            )
    return chosen


def _refuse(holder: str) -> bool:
    raise WorkspaceError(f"Another process works on this run: {holder}.", hint="wait until it ends")


def _applies(name: str, inside: Anatomy, *, named: bool) -> bool:
    probe = PROBES[name]
    applies = "frozen" in probe.when and bool(probe.applies_to(inside))
    if named and not applies:
        raise UsageError(
            f"The probe {name} has nothing to measure in this network.",
            hint="leave --only out: then all that apply are taken",
        )
    return applies


@contextmanager
def _computing_as_a_worker(threads: int) -> Iterator[None]:
    """Sets the run's number of threads and flushes denormals: sums have the bits that a worker gives them."""
    torch.set_flush_denormal(True)
    try:
        with torch_threads(threads):
            yield
    finally:
        torch.set_flush_denormal(False)
