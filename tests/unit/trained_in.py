"""A run trained in a folder, asked to stop after so many steps, for tests."""

import json
from pathlib import Path
from typing import Any

from skipscope.data.dataset import Dataset
from skipscope.records.schema import RunRecord
from skipscope.records.store import RunFolder
from skipscope.spec import RunSpec
from skipscope.training import trainer


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
    probes: tuple[str, ...] | None = (),
    **how: Any,
) -> RunRecord:
    stop = Stop(after)
    return trainer.train(spec, data, RunFolder(path), on_event=on_event, stop=stop, probes=probes, **how)


def rows(path: Path) -> list[dict[str, Any]]:
    """The metrics without the clock's."""
    lines = (path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if key != "seconds"} for line in lines]
