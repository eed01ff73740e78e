"""Watches a workspace for all pages together: what changed since a page looked last.

Each change has a version, a number that grows; a page that has seen a version lacks what has a later one. So
a stream needs to remember one number, and any number of pages cost one look at the files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from threading import Lock
from time import monotonic
from typing import Any

from skipscope.errors import SkipscopeError, UnknownName
from skipscope.figures.style import looks
from skipscope.live.presence import is_held
from skipscope.live.run_watch import RunWatch, stamp_of
from skipscope.live.told import explained
from skipscope.records.files import read_record
from skipscope.records.lock import holder
from skipscope.records.schema import StudyRecord
from skipscope.records.stop import is_asked_to_stop
from skipscope.records.store import Workspace

LOOK_SECONDS = 0.2
"""Between two looks at the files: who asks sooner gets what the last one found."""
PATIENCE_SECONDS = 0.3
"""After so long a look is broken off and goes on at the next: first curves come before the last are read."""


@dataclass(kw_only=True)
class Known:
    """A study's record, as it was read."""

    stamp: tuple[int, int]
    record: StudyRecord | None
    problem: SkipscopeError | None
    changed: int
    runs: dict[str, RunWatch] = field(default_factory=dict)


class Watcher:
    """Reads a workspace's files as pages ask for them."""

    def __init__(self, workspace: Workspace, child: Callable[[], object] = lambda: None) -> None:
        """A folder that need not exist yet; `child` tells of the process that the page began."""
        self.workspace, self.child = workspace, child
        self.boot = token_hex(4)
        """Tells the versions of this server from those of an earlier one."""
        self.version = 1
        self.studies: dict[str, Known] = {}
        self.status: dict[str, Any] = {"works": False}
        """What is true of the workspace, whatever study is watched."""
        self.listed = 1
        """The version at which the list of studies, or that status, changed last."""
        self._looked: dict[str, float] = {}
        self._lock = Lock()

    def changes(self, study: str | None, since: str) -> tuple[str, dict[str, Any] | None]:
        """Returns the version that a page has then seen, and what it lacks; None if that is nothing.

        `study` is the one that is watched, or None for the one planned last; `since` is what an earlier call
        returned, or anything else to begin with.
        """
        with self._lock:
            self._look_at_studies()
            name = study if study in self.studies else self.latest()
            known = self.studies.get(name or "")
            if known is not None and monotonic() - self._looked.get(name or "", -1) >= LOOK_SECONDS:
                self._look_at_runs(known)
                self._looked[name or ""] = monotonic()
            boot, _, number = since.partition("-")
            seen = int(number) if boot == self.boot and number.isdecimal() else 0
            seen_as = f"{self.boot}-{self.version}"
            return seen_as, self._lacking(name, known, seen)

    def latest(self) -> str | None:
        """Returns the name of the study planned last."""
        records = [known.record for known in self.studies.values() if known.record]
        return max(records, key=lambda record: record.planned).study.name if records else None

    def _look_at_studies(self) -> None:
        status = self._status()
        files = {path.stem: path for path in sorted((self.workspace.path / "studies").glob("*.json"))}
        stamps = {name: stamp for name, path in files.items() if (stamp := stamp_of(path)) is not None}
        known = {name: each.stamp for name, each in self.studies.items()}
        if (status, stamps) == (self.status, known):
            return
        self.version += 1
        self.status, self.listed = status, self.version
        for name in known.keys() - stamps.keys():
            del self.studies[name]
        for name, stamp in stamps.items():
            if known.get(name) != stamp:
                record, problem = None, None
                try:
                    record = read_record(files[name], StudyRecord)
                except SkipscopeError as error:
                    problem = error
                before = self.studies.get(name)
                self.studies[name] = Known(
                    stamp=stamp,
                    record=record,
                    problem=problem,
                    changed=self.version,
                    runs=before.runs if before else {},
                )

    def _status(self) -> dict[str, Any]:
        folder = self.workspace.path
        works = is_held(folder)
        return {
            "works": works,
            "holder": holder(folder) if works else "",
            "stopping": works and is_asked_to_stop(folder),
            "there": folder.is_dir(),
            "child": self.child(),
        }

    def _look_at_runs(self, known: Known) -> None:
        if known.record is None:
            return
        members = {member.run: member for member in known.record.members}
        known.runs = {id: run for id, run in known.runs.items() if id in members}
        began, version, news = monotonic(), self.version + 1, False
        for id, member in members.items():
            if id not in known.runs:
                if monotonic() - began > PATIENCE_SECONDS:
                    break
                known.runs[id] = RunWatch(self.workspace.run_folder(id))
            news |= known.runs[id].look(member, known.record, works=self.status["works"], version=version)
        if news:
            self.version = version

    def _lacking(self, name: str | None, known: Known | None, seen: int) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        if self.listed > seen:
            found |= {"studies": sorted(self.studies)} | self.status
        if known is not None and known.changed > seen:
            found |= {"study": described(name or "", known)}
        if known is not None:
            runs = known.runs.items()
            cards = {id: run.card for id, run in runs if run.changed > seen and run.card}
            lines = {id: line for id, run in runs if (line := run.line.since(seen)) is not None}
            found |= {key: each for key, each in (("runs", cards), ("lines", lines)) if each}
        return found or None

    def record(self, study: str) -> StudyRecord:
        """Returns a study's record, as it was read last.

        Raises:
            UnknownName: there is none.
        """
        known = self.studies.get(study)
        if known is None or known.record is None:
            raise UnknownName("study in this workspace", study, self.studies)
        return known.record

    def run_ids(self) -> set[str]:
        """Returns the ids of all runs of all studies that were read."""
        with self._lock:
            records = [known.record for known in self.studies.values() if known.record]
        return {member.run for record in records for member in record.members}

    def between(self, study: str, low: float, high: float) -> dict[str, Any]:
        """Returns the lines of a study's runs between two steps."""
        with self._lock:
            known = self.studies.get(study)
            return {id: run.line.between(low, high) for id, run in known.runs.items()} if known else {}


def described(name: str, known: Known) -> dict[str, Any]:
    """Describes a study to a page."""
    record = known.record
    if record is None:
        return {"name": name, "arms": [], "problem": explained(known.problem) if known.problem else None}
    arms = [arm.label for arm in record.study.arm]
    chosen = looks(arms)
    return {
        "name": name,
        "title": dict(record.study.title) if record.study.title else {},
        "data": record.data.name,
        "seeds": record.study.seeds,
        "command": record.command,
        "arms": [{"arm": arm, "color": chosen[arm].color, "dash": list(chosen[arm].dash)} for arm in arms],
        "members": [member.run for member in record.members],
        "problem": None,
    }
