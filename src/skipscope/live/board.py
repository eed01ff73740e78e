"""Judges a study's claims as seeds arrive, and what they were with fewer, in a thread of its own."""

import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock, Thread, get_native_id
from typing import Any

from skipscope.analysis.tables import StudyTables, gather
from skipscope.claims.catalogue import catalogue
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult, Finding
from skipscope.claims.ratios import compared, told_as_ratio
from skipscope.errors import SkipscopeError
from skipscope.language import LANGUAGES
from skipscope.language.sentences import chinese
from skipscope.live.run_watch import stamp_of
from skipscope.live.told import explained
from skipscope.records.schema import StudyRecord
from skipscope.records.store import Workspace

REST_SECONDS = 5.0
"""Between two evaluations: readings of a study that is measured come one probe at a time."""
BEHIND = 10
"""How much nicer than the rest it is."""
Key = tuple[object, ...]
"""What the runs of the first seeds were like when they were judged."""


@dataclass(kw_only=True)
class Judged:
    """What is known of one study."""

    results: dict[int, tuple[Key, dict[str, ClaimResult]]] = field(default_factory=dict)
    """By how many seeds count: each claim's result."""
    problem: dict[str, Any] | None = None
    wanted: StudyRecord | None = None
    """The study, if it is to be judged again."""


class Board:
    """Keeps verdicts by the state of the records that they rest on."""

    def __init__(self, workspace: Workspace) -> None:
        """Nothing is judged before somebody asks."""
        self.workspace = workspace
        self._studies: dict[str, Judged] = {}
        self._lock, self._asked, self._ended = Lock(), Event(), Event()
        self._thread: Thread | None = None

    def ask(self, study: StudyRecord) -> dict[str, Any]:
        """Returns what is known, and sees to it that the rest will be, if any is `pending`."""
        with self._lock:
            judged = self._studies.setdefault(study.study.name, Judged())
            missing = [
                seeds for seeds, key in self._keys(study) if judged.results.get(seeds, (None,))[0] != key
            ]
            if missing and judged.problem is None:
                judged.wanted = study
                self._asked.set()
                if self._thread is None:
                    self._thread = Thread(target=self._work, name="claims", daemon=True)
                    self._thread.start()
            problem, judged.problem = judged.problem, None
            found = [(seeds, judged.results[seeds][1]) for seeds in sorted(judged.results)]
            return {"pending": bool(missing) and not problem, "problem": problem, "history": history(found)}

    def close(self) -> None:
        """Ends the thread after what it is at."""
        self._ended.set()
        self._asked.set()

    def _keys(self, study: StudyRecord) -> Iterator[tuple[int, Key]]:
        """Yields numbers of seeds, counting those with a finished run, and what their runs are like now."""
        stamps: dict[int, list[object]] = {}
        for member in study.members:
            folder = self.workspace.run_folder(member.run)
            if stamp_of(folder.readings_file) is not None:  # written as a run ends
                seen = (member.run, stamp_of(folder.record_file), stamp_of(folder.readings_file))
                stamps.setdefault(member.seed, []).append(seen)
        seeds = sorted(stamps)
        for number in range(1, len(seeds) + 1):
            yield number, tuple(each for seed in seeds[:number] for each in stamps[seed])

    def _work(self) -> None:
        if sys.platform == "linux":  # there it is a thread's own: what trains beside it comes first
            os.setpriority(os.PRIO_PROCESS, get_native_id(), BEHIND)
        while not self._ended.is_set():
            self._asked.wait()
            self._asked.clear()
            for judged in list(self._studies.values()):
                study, judged.wanted = judged.wanted, None
                if study is not None and not self._ended.is_set():
                    self._judge(study, judged)
            self._ended.wait(REST_SECONDS)

    def _judge(self, study: StudyRecord, judged: Judged) -> None:
        """Judges what has changed: all seeds first, then what it was with fewer."""
        keys = dict(self._keys(study))
        try:
            tables = gather(self.workspace, study.study.name)
            for seeds in sorted(keys, key=lambda each: (each != max(keys), each)):
                if self._ended.is_set():
                    return
                if judged.results.get(seeds, (None,))[0] != keys[seeds]:
                    found = {result.id: result for result in evaluate(of_first(tables, seeds))}
                    with self._lock:
                        judged.results[seeds] = keys[seeds], found
            with self._lock:
                for seeds in judged.results.keys() - keys.keys():
                    del judged.results[seeds]
        except SkipscopeError as error:
            judged.problem = explained(error)


def of_first(tables: StudyTables, seeds: int) -> StudyTables:
    """Returns the tables as they were when only the first seeds had finished."""
    done = sorted({entry.seed for entry in tables.entries if entry.state == "done"})
    kept = tuple(entry for entry in tables.entries if entry.seed in done[:seeds])
    return replace(tables, entries=kept)


def history(found: Sequence[tuple[int, dict[str, ClaimResult]]]) -> dict[str, list[dict[str, Any]]]:
    """Returns a row of each claim for each number of seeds: always of the comparison that leads it now."""
    if not found:
        return {}
    leading = {id: result.leading for id, result in found[-1][1].items()}
    return {
        id: [{"seeds": seeds} | row(results[id], like=leading[id]) for seeds, results in found]
        for id in leading
    }


def row(result: ClaimResult, *, like: Finding | None) -> dict[str, Any]:
    """Describes a claim by what it says of one part and comparison, as a ratio where it is one."""
    told: dict[str, Any] = {"verdict": result.verdict, "estimate": None, "low": None, "high": None, "n": 0}
    same = [each for each in result.findings if like and key_of(each) == key_of(like) and each.effect]
    if not same:
        return told
    finding = told_as_ratio(same[0])
    effect = finding.effect
    assert effect is not None  # noqa: S101 - told as a ratio it is as much there as before
    low, high = effect.interval or (None, None)
    return told | {
        "estimate": finite(effect.estimate),
        "low": finite(low),
        "high": finite(high),
        "n": effect.n,
        "exact": finding.exact,
        "bound": finite(finding.bound),
        "direction": finding.direction,
        "neutral": 1.0 if effect.ratio else 0.0,
        "log": effect.ratio,
        "unit": {"en": effect.unit, "zh": chinese(effect.unit)},
        "comparison": compared(finding),
        "seeds_needed": result.seeds.model_dump() if result.seeds else None,
    }


def key_of(finding: Finding) -> tuple[object, ...]:
    """Returns what tells a finding from others of its claim."""
    return finding.part, finding.comparison, finding.counts


def finite(value: float | None) -> float | None:
    """Rounds a number; None where JSON has none."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def wordings() -> dict[str, dict[str, Any]]:
    """Returns what each claim says in both languages, by its id."""
    return {
        claim.id: {
            "group": claim.group,
            **{language: claim.wording(language).model_dump() for language in LANGUAGES},
        }
        for claim in catalogue().values()
    }
