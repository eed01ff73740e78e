"""A run trained in a folder, asked to stop after so many steps, for tests."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from skipscope.data.dataset import Dataset
from skipscope.models.registry import build
from skipscope.records.schema import RunRecord
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec
from skipscope.training import trainer
from skipscope.training.backend import device, to_device
from skipscope.training.batches import BatchMaker
from skipscope.training.loop import all_steps
from skipscope.training.measuring import measure_at, unmeasured


class Stop:
    """Asks to stop after so many steps."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def train(
    spec: RunSpec,
    data: Dataset,
    path: Path,
    *,
    after: int = -1,
    on_event: Any = lambda event: None,
    **how: Any,
) -> RunRecord:
    stop = Stop(after)
    return trainer.train(spec, data, RunFolder(path), on_event=on_event, stop=stop, **how)


def measure(spec: RunSpec, data: Dataset, path: Path, *probes: str, **how: Any) -> bool:
    """What a worker does with the network that the run left."""
    folder, recipe = RunFolder(path), spec.recipe
    model = build(spec.model)
    model.load_state_dict(load_file(folder.model_file))
    step = all_steps(recipe, len(data.train))
    at = {"recipe": recipe, "step": step, "probes": unmeasured(folder, step, probes), "go_on": lambda _: True}
    at["start"] = partial(build, spec.model, seed=spec.seed)
    on = device()
    return measure_at(folder, to_device(model, recipe, on), data, BatchMaker(data, recipe, on), **(at | how))


def rows(path: Path) -> list[dict[str, Any]]:
    """The metrics without the clock's."""
    lines = (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]
