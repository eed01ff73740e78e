"""Watches one run: its record, its line and its pace become a card."""

import os
from collections import deque
from pathlib import Path
from time import monotonic
from typing import Any

from skipscope.errors import SkipscopeError
from skipscope.live.lines import Line
from skipscope.live.presence import is_held
from skipscope.live.told import both
from skipscope.records.run_folder import RunFolder
from skipscope.records.schema import Member, RunRecord, StudyRecord

PACE_SECONDS = 20.0
"""The time over which a pace is taken."""


class RunWatch:
    """One member of a study, whose run need not have begun."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing has been read."""
        self.folder = folder
        self.line = Line(folder.metrics_file)
        self.record: RunRecord | None = None
        self.problem: SkipscopeError | None = None
        self.card: dict[str, Any] = {}
        self.changed = 0
        """The version at which the card changed last."""
        self._read: tuple[int, int] | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def look(self, member: Member, study: StudyRecord, *, works: bool, version: int) -> bool:
        """Reads what is new, as of this `version`; returns whether anything is.

        `works` says whether anybody works in the workspace.
        """
        self._read_record()
        grew = False
        try:
            grew = self.line.read(version)
        except OSError as error:
            self.problem = SkipscopeError(
                f"This cannot be read: {error.strerror}.", where=str(error.filename)
            )
        if grew:
            self._seen.append((monotonic(), self.step))
        while self._seen and (monotonic() - self._seen[0][0] > PACE_SECONDS or self._seen[0][1] > self.step):
            self._seen.popleft()
        card = self._card(member, study, works=works)
        if card != self.card:
            self.card, self.changed = card, version
            return True
        return grew

    @property
    def step(self) -> int:
        """The last step that was written."""
        return self.line.step[-1] if self.line.step else 0

    def _read_record(self) -> None:
        """Reads the record if its file has changed."""
        stamp = stamp_of(self.folder.record_file)
        if stamp == self._read:
            return
        self._read, self.problem = stamp, None
        try:
            self.record = self.folder.read()
        except SkipscopeError as error:
            self.record, self.problem = None, error

    def _state(self, *, works: bool) -> str:
        """Says what the run is doing."""
        if self.problem is not None:
            return "damaged"
        state = self.record.state if self.record else "unfinished"
        if state == "unfinished":
            if works and is_held(self.folder.path):
                return "training"
            return "queued" if works or not self.step else "stopped"
        return state

    def _card(self, member: Member, study: StudyRecord, *, works: bool) -> dict[str, Any]:
        recipe = self.record.spec.recipe if self.record else study.study.recipe_of(_arm(study, member.arm))
        images = study.study.train_limit or study.data.train
        state, epochs, pace = self._state(works=works), self.line.epochs, self._pace()
        last = epochs[-1] if epochs else {}
        # as an epoch had, once one has ended
        steps_per_epoch = last["step"] // last["epoch"] if last.get("epoch") else images // recipe.batch_size
        steps_per_epoch = max(1, steps_per_epoch)
        result, failure = (self.record.result, self.record.failure) if self.record else (None, None)
        return {
            "arm": member.arm,
            "seed": member.seed,
            "network": self.record.network.name if self.record else None,
            "params": self.record.network.params if self.record else None,
            "state": state,
            "step": self.step,
            "steps": recipe.epochs * steps_per_epoch,
            "steps_per_epoch": steps_per_epoch,
            "batch": min(recipe.batch_size, images),
            "epochs": recipe.epochs,
            "pace": pace if state == "training" else None,
            "val_accuracy": result.val_accuracy if result else last.get("val_accuracy"),
            "test_accuracy": result.test_accuracy if result else None,
            "seconds": result.seconds if result else last.get("seconds"),
            "why": both(self.problem.what if self.problem else failure.message if failure else ""),
            "where": self.problem.where if self.problem else "",
            "hint": both(self.problem.hint if self.problem else ""),
            "unreadable": self.line.damaged,
            "readings": self._readings(),
        }

    def _pace(self) -> float | None:
        """Steps a second, as they were seen to come; None until that is known."""
        if len(self._seen) < 2 or self._seen[-1][0] - self._seen[0][0] < 1:
            return None
        (began, first), (ended, last) = self._seen[0], self._seen[-1]
        return float(f"{(last - first) / (ended - began):.3g}")

    def _readings(self) -> int:
        """A number that changes when there are new readings."""
        stamp = stamp_of(self.folder.readings_file) or stamp_of(self.folder.readings_draft)
        return 0 if stamp is None else stamp[1]


def _arm(study: StudyRecord, label: str) -> Any:
    """Finds an arm by its label."""
    return next(arm for arm in study.study.arm if arm.label == label)


def stamp_of(path: Path) -> tuple[int, int] | None:
    """Returns what changes whenever a file is written: its time and size; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path may be any bytes that a name can be
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size
