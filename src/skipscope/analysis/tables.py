"""The tables that figures and reports are made from: all of a study, and one summary an arm.

Everything here is a pure function of the records; runs that are missing, unfinished or failed stay in
view, so that a report can say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.analysis.curves import checks_table, epochs_table, last_step, losses_table, steps_table, stride
from skipscope.analysis.members import Entry, with_members
from skipscope.records.frames import METRICS, together_by
from skipscope.records.network_card import NetworkCard
from skipscope.records.readings import READINGS, START
from skipscope.records.schema import RunRecord, StudyRecord
from skipscope.records.store import USUAL, Workspace
from skipscope.spec import Recipe, network_name, start_name


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Spread of a quantity over the seeds of an arm."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class ArmSummary:
    """Summarises an arm over its finished runs."""

    arm: str
    model: str
    entries: tuple[Entry, ...]
    planned: NetworkCard | None = None
    """The network's card as the study's record has it; older ones have none."""

    @property
    def records(self) -> list[RunRecord]:
        """The runs there are, finished or not."""
        return [entry.record for entry in self.entries if entry.record is not None]

    @property
    def network(self) -> NetworkCard | None:
        """The network's card, from any of the runs, else from the plan."""
        return self.records[0].network if self.records else self.planned

    @property
    def finished(self) -> int:
        """Counts the runs with a result."""
        return sum(record.result is not None for record in self.records)

    def range_over_seeds(self, quantity: str) -> Spread | None:
        """A field of `Result` over the finished runs, or None without any."""
        results = [record.result for record in self.records if record.result is not None]
        values = [float(getattr(result, quantity)) for result in results]
        if not values:
            return None
        return Spread(mean=sum(values) / len(values), low=min(values), high=max(values), n=len(values))


@dataclass(frozen=True, kw_only=True)
class StudyTables:
    """A study's record and everything measured for it."""

    record: StudyRecord
    entries: tuple[Entry, ...]
    metrics: pl.DataFrame
    raw_readings: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=READINGS))
    start: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"arm": pl.String} | START))
    """What networks of further seeds, and of `study.initial`, read before their first step."""
    sample: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """The validation images that probes looked at: images (N 32 32 3), labels, positions, if kept."""
    right: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    """By the id of a finished run, which test images it classifies correctly, where that was kept."""
    pictures: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    """By arm, the filters and feature maps of its first finished run that has them, by name."""
    workspace: Workspace = field(default_factory=lambda: Workspace(USUAL))
    """Where all this was read, for commands that add to it."""

    @cached_property
    def arms(self) -> list[str]:
        """The arms' labels, in the study's order."""
        return list(dict.fromkeys(entry.arm for entry in self.entries))

    @cached_property
    def summaries(self) -> list[ArmSummary]:
        """One summary an arm, in the study's order."""
        models = {arm.label: arm.model for arm in self.record.study.arm}
        planned = dict(zip(models, self.record.networks, strict=False))
        return [
            ArmSummary(
                arm=arm,
                model=models.get(arm, arm),
                entries=tuple(entry for entry in self.entries if entry.arm == arm),
                planned=planned.get(arm),
            )
            for arm in self.arms
        ]

    @property
    def finished(self) -> list[RunRecord]:
        """The runs that have a result."""
        return [record for arm in self.summaries for record in arm.records if record.result is not None]

    @property
    def recipes(self) -> dict[str, Recipe]:
        """Each arm's recipe as it was run, or as the study asks for it if no run was begun."""
        study = self.record.study
        asked = {arm.label: study.recipe_of(arm) for arm in study.arm}
        return {
            arm.arm: arm.records[0].spec.recipe if arm.records else asked.get(arm.arm, study.recipe)
            for arm in self.summaries
        }

    @cached_property
    def steps(self) -> pl.DataFrame:
        """See `steps_table`."""
        return steps_table(self.metrics, self.entries)

    @cached_property
    def epochs(self) -> pl.DataFrame:
        """See `epochs_table`."""
        return epochs_table(self.metrics, self.entries)

    @cached_property
    def checks(self) -> pl.DataFrame:
        """See `checks_table`."""
        return checks_table(self.metrics, self.entries)

    @cached_property
    def losses(self) -> pl.DataFrame:
        """See `losses_table`."""
        return losses_table(self.metrics, self.entries, steps=self.steps, checks=self.checks)

    @cached_property
    def by_member(self) -> pl.DataFrame:
        """`raw_readings` with arm, seed, counted and done (it came to its end) instead of the run."""
        return with_members(self.raw_readings, self.entries)

    @cached_property
    def readings(self) -> pl.DataFrame:
        """Joins all readings of the arms: arm, seed, counted, then `READINGS` from probe on."""
        trained = self.by_member
        begun = trained.filter(pl.col("step") == 0)
        ours = self.start.filter(pl.col("arm").is_in(self.arms))  # of `initial` the claims tell
        further = ours.join(begun, on=["arm", "seed"], how="anti", maintain_order="left")
        columns = ["arm", "seed", "counted", *(name for name in READINGS if name != "run")]
        frames = [trained, further.with_columns(counted=pl.lit(True))]  # noqa: FBT003 - a value
        return pl.concat([frame.select(columns).drop_nulls("value") for frame in frames])

    @property
    def stride(self) -> int:
        """Says which steps are drawn: every `stride`-th."""
        return stride(last_step(self.metrics), curves=len(self.entries))


def gather(workspace: Workspace, study: str | None, *, readings: bool = True) -> StudyTables:
    """Reads the study of this name (or the most recently planned) with its runs and all their tables.

    Without `readings`, only records and metrics are read.

    Raises:
        SkipscopeError: there is no such study, or a record is damaged.
    """
    record = workspace.study(study)
    entries = tuple(
        Entry(
            arm=member.arm, seed=member.seed, run=member.run, record=workspace.run_folder(member.run).read()
        )
        for member in record.members
    )
    there = dict.fromkeys(entry.run for entry in entries if entry.record is not None)
    metrics = together_by("kind", [workspace.metrics(there)], METRICS)
    tables = StudyTables(record=record, entries=entries, metrics=metrics, workspace=workspace)
    return _with_readings(tables) if readings else tables


def _with_readings(tables: StudyTables) -> StudyTables:
    """Reads what was measured, and what pictures are made from."""
    workspace, record = tables.workspace, tables.record
    there = dict.fromkeys(entry.run for entry in tables.entries if entry.record is not None)
    done = [entry for entry in tables.entries if entry.state == "done"]
    answers = {entry.run: workspace.run_folder(entry.run).right() for entry in done}
    pictures: dict[str, Mapping[str, NDArray[Any]]] = {}
    for entry in done:
        if entry.arm not in pictures and (found := workspace.run_folder(entry.run).pictures()):
            pictures[entry.arm] = found
    return replace(
        tables,
        raw_readings=workspace.readings(there, with_place=False, by_probe=True),
        start=_start(workspace, record),
        sample=workspace.sample(record.data.sha256),
        right={run: right for run, right in answers.items() if right is not None},
        pictures=pictures,
    )


def _start(workspace: Workspace, record: StudyRecord) -> pl.DataFrame:
    """Reads the readings of untrained networks that the study asks for."""
    frames = [pl.DataFrame(schema={"arm": pl.String} | START)]
    arms = [(arm.label, arm.model) for arm in record.study.arm]
    for label, model in [*arms, *((network_name(model), model) for model in record.study.initial)]:
        rows = workspace.start_readings(start_name(model, record.data.sha256))
        asked = rows.filter(pl.col("seed") < record.study.initial_seeds)
        frames.append(asked.select(pl.lit(label).alias("arm"), *START))
    return pl.concat(frames)
