"""Holds what one run's `metrics.jsonl` has said so far, and what of it is new to a page."""

import json
from array import array
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from skipscope.errors import WorkspaceError
from skipscope.live.buckets import bucketed, rounded
from skipscope.live.tail import Tail
from skipscope.records.frames import METRICS, read_rows

EPOCH = ("step", "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds")
"""Columns of an epoch that are sent."""
REMEMBERED = 1200
"""Growths that can be told apart: of older ones a page gets the whole line again."""


class Line:
    """One run's losses and learning rates by step, and its epochs."""

    def __init__(self, path: Path) -> None:
        """Nothing has been read."""
        self.tail = Tail(path)
        self._begin(0)

    def _begin(self, version: int) -> None:
        self.step, self.loss, self.rate = array("q"), array("d"), array("d")
        self.epochs: list[dict[str, Any]] = []
        self.damaged = 0
        """Rows that cannot be read."""
        self.began = version
        self.grew: deque[tuple[int, int, int]] = deque([(version, 0, 0)], REMEMBERED)
        """Version, steps and epochs after each growth."""

    def read(self, version: int) -> bool:
        """Reads what was added, as of this `version`; returns whether anything was.

        Raises:
            OSError: the file cannot be read.
        """
        if not self.tail.changed():
            return False
        added = self.tail.look()
        if added.again:
            self._begin(version)
        if added.lines:
            self._add(added.lines)
            self.grew.append((version, len(self.step), len(self.epochs)))
        return added.again or bool(added.lines)

    def _add(self, lines: bytes) -> None:
        try:
            rows = read_rows(self.tail.path, lines, METRICS).to_dicts()
        except WorkspaceError:
            rows = [row for line in lines.splitlines() if (row := _row(line)) is not None]
            self.damaged += lines.count(b"\n") - len(rows)
        last = self.step[-1] if self.step else 0
        for row in rows:
            step = row.get("step")
            if not isinstance(step, int):
                self.damaged += 1
            elif row.get("kind") == "epoch":
                self.epochs.append({key: row.get(key) for key in EPOCH})
            elif step > last:
                last = step
                self.step.append(step)
                self.loss.append(_number(row.get("loss")))
                self.rate.append(_number(row.get("learning_rate")))

    def since(self, version: int) -> dict[str, Any] | None:
        """Returns what a page that has seen `version` lacks; `again` if it is to forget what it has."""
        if version >= self.grew[-1][0]:
            return None
        known = [each for each in self.grew if each[0] <= version]
        _, steps, epochs = known[-1] if known and version >= self.began else (0, 0, 0)
        new = {"again": not (steps or epochs), "epochs": self.epochs[epochs:]}
        return new | self.window(steps, len(self.step))

    def window(self, first: int, after: int) -> dict[str, Any]:
        """Returns the steps with these indices as buckets, and the learning rate at the end of each."""
        step = np.frombuffer(self.step, dtype=np.int64)[first:after].copy()
        loss = np.frombuffer(self.loss)[first:after].copy()
        rate = np.frombuffer(self.rate)[first:after].copy()
        found = bucketed(step, loss)
        return found.columns() | {"rate": rounded(rate[np.searchsorted(step, found.step)])}

    def between(self, low: float, high: float) -> dict[str, Any]:
        """Returns the steps from `low` to `high` as buckets, for a page that has drawn near."""
        step = np.frombuffer(self.step, dtype=np.int64)
        first, after = np.searchsorted(step, low, "left"), np.searchsorted(step, high, "right")
        return self.window(int(first), int(after))


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
