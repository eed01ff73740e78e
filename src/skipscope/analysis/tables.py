"""The tables figures and reports are made from: curves a step and an epoch, and one summary an arm.

Everything here is a pure function of the records; runs that are missing, unfinished or failed stay in
view, so that a report can say so.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from skipscope.records.readings import READINGS, START
from skipscope.records.schema import NetworkCard, RunRecord, State, StudyRecord
from skipscope.records.store import USUAL, Workspace
from skipscope.spec import Recipe, network_name, start_name

POINTS_PER_CURVE = 1_000
POINTS_IN_ALL = 12_000
"""Together they keep a page of many seeds small; a page of four curves draws 1,000 points each."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One place in a study: an arm with a seed, and the run that answers for it, if there is one."""

    arm: str
    seed: int
    run: str
    record: RunRecord | None

    @property
    def state(self) -> State | Literal["missing"]:
        """The run's state; `missing` where nothing was trained yet."""
        return "missing" if self.record is None else self.record.state


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A quantity over the seeds of an arm."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class ArmSummary:
    """What an arm came to, over its finished runs."""

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
        """How many runs have a result."""
        return sum(record.result is not None for record in self.records)

    def over_seeds(self, quantity: str) -> Spread | None:
        """A field of `Result` over the finished runs, or None without any."""
        values = [
            float(getattr(record.result, quantity)) for record in self.records if record.result is not None
        ]
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
    """Of each finished run by its id: which test images it classifies rightly, where that was kept."""
    pictures: Mapping[str, Mapping[str, NDArray[Any]]] = field(default_factory=dict)
    """Of each arm's first finished run that has them: filters and feature maps by name."""
    workspace: Workspace = field(default_factory=lambda: Workspace(USUAL))
    """Where all this was read, for commands that add to it."""

    @property
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
    def placed(self) -> pl.DataFrame:
        """`raw_readings` with arm, seed, counted and done (it came to its end) instead of the run."""
        return placed(self.raw_readings, self.entries)

    @cached_property
    def readings(self) -> pl.DataFrame:
        """Every reading, as measured: arm, seed, counted, then `READINGS` from probe on."""
        trained = self.placed
        begun = trained.filter(pl.col("step") == 0)
        ours = self.start.filter(pl.col("arm").is_in(self.arms))  # of `initial` the claims tell
        further = ours.join(begun, on=["arm", "seed"], how="anti", maintain_order="left")
        columns = ["arm", "seed", "counted", *(name for name in READINGS if name != "run")]
        frames = [trained, further.with_columns(counted=pl.lit(True))]  # noqa: FBT003 - a value
        return pl.concat([frame.select(columns).drop_nulls("value") for frame in frames])

    @cached_property
    def longest(self) -> int:
        """Steps of the longest run."""
        return last_step(self.metrics)

    @property
    def most_seeds(self) -> int:
        """Of the arm with most, trained or measured before the first step."""
        study = self.record.study
        return max(study.seeds, study.initial_seeds)

    @property
    def stride(self) -> int:
        """Every how-many-th step is drawn."""
        return stride(self.longest, curves=len(self.entries))


def gather(workspace: Workspace, study: str | None) -> StudyTables:
    """The study of this name (or the most recently planned) with its runs and their metrics.

    Raises:
        SkipscopeError: there is no such study, or a record is damaged.
    """
    record = workspace.study(study)
    folders = {member.run: workspace.run_folder(member.run) for member in record.members}
    entries = tuple(
        Entry(arm=member.arm, seed=member.seed, run=member.run, record=folders[member.run].read())
        for member in record.members
    )
    there = dict.fromkeys(entry.run for entry in entries if entry.record is not None)
    pictures: dict[str, Mapping[str, NDArray[Any]]] = {}
    answers = {entry.run: folders[entry.run].right() for entry in entries if entry.state == "done"}
    for entry in entries:
        if entry.state == "done" and entry.arm not in pictures:
            found = folders[entry.run].pictures()
            pictures |= {entry.arm: found} if found else {}
    return StudyTables(
        record=record,
        entries=entries,
        metrics=workspace.metrics(there),
        raw_readings=workspace.readings(there, with_place=False),
        start=_start(workspace, record),
        sample=workspace.sample(record.data.sha256),
        right={run: right for run, right in answers.items() if right is not None},
        pictures=pictures,
        workspace=workspace,
    )


def _start(workspace: Workspace, record: StudyRecord) -> pl.DataFrame:
    """The readings of untrained networks that the study asks for."""
    frames = [pl.DataFrame(schema={"arm": pl.String} | START)]
    arms = [(arm.label, arm.model) for arm in record.study.arm]
    for label, model in [*arms, *((network_name(model), model) for model in record.study.initial)]:
        rows = workspace.start_readings(start_name(model, record.data.sha256))
        asked = rows.filter(pl.col("seed") < record.study.initial_seeds)
        frames.append(asked.select(pl.lit(label).alias("arm"), *START))
    return pl.concat(frames)


def placed(
    rows: pl.DataFrame,
    entries: Sequence[Entry],
    columns: Sequence[str] = ("arm", "seed", "counted", "done"),
) -> pl.DataFrame:
    """Rows of the study's runs with these columns of `_members` instead of the run."""
    # a run's rows stand together: to look each of millions up, as a join does, takes five times as long
    stretches = rows["run"].rle().struct.unnest().select("len", run="value")
    found = stretches.join(_members(entries), on="run", how="left", maintain_order="left")
    which = np.repeat(np.arange(found.height, dtype=np.uint32), found["len"].to_numpy())
    return rows.drop("run").hstack(found.select(columns)[which]).filter(pl.col("arm").is_not_null())


def last_step(metrics: pl.DataFrame) -> int:
    """The highest step there is a row of; 0 without rows."""
    highest = metrics["step"].max()
    return highest if isinstance(highest, int) else 0


def stride(steps: int, *, curves: int) -> int:
    """Every how-many-th step to draw so that a curve, and all of them, stay within their points."""
    points = max(20, min(POINTS_PER_CURVE, POINTS_IN_ALL // max(1, curves)))
    return max(1, math.ceil(steps / points))


def half_life(steps: int) -> int:
    """After how many steps a loss counts half in the smoothed curve: 1 % of the longest run, at least 3."""
    return max(3, round(steps / 100))


def steps_table(metrics: pl.DataFrame, entries: Sequence[Entry]) -> pl.DataFrame:
    """Loss a step, thinned: arm, seed, step, epoch, loss, smoothed, counted, stopped.

    `smoothed` is the bias-corrected exponential mean over *every* step up to this one. `counted` rows make
    the mean over seeds. `stopped` marks the last step of a run that failed. The last step is always kept.
    """
    longest = last_step(metrics)
    every, half = stride(longest, curves=len(entries)), half_life(longest)
    # of millions of rows every column that is carried along takes memory and time
    rows = metrics.select("run", "kind", "step", "epoch", "loss").filter(
        pl.col("kind") == "step", pl.col("loss").is_finite()
    )
    last = pl.col("step") == pl.col("step").max().over("arm", "seed")
    return (
        placed(rows.drop("kind"), entries, ("order", "arm", "seed", "counted", "failed"))
        .sort("order", "step")
        .with_columns(
            smoothed=pl.col("loss").ewm_mean(half_life=half, adjust=True).over("arm", "seed"),
            stopped=last & pl.col("failed"),
        )
        .filter((pl.col("step") % every == 1 % every) | last)
        .select(
            "arm",
            "seed",
            "step",
            "epoch",
            pl.col("loss", "smoothed").round_sig_figs(4),
            "counted",
            "stopped",
        )
    )


def epochs_table(metrics: pl.DataFrame, entries: Sequence[Entry]) -> pl.DataFrame:
    """Losses and accuracies an epoch: arm, seed, epoch, seconds (since the start), four measures, counted."""
    measures = pl.col("train_loss", "train_accuracy", "val_loss", "val_accuracy")
    return (
        placed(metrics.filter(pl.col("kind") == "epoch"), entries, ("order", "arm", "seed", "counted"))
        .sort("order", "epoch")
        .select("arm", "seed", "epoch", pl.col("seconds").round(2), measures.round_sig_figs(5), "counted")
    )


def accuracy_by_epoch(epochs: pl.DataFrame, arms: Iterable[str], *, at_most: int = 10) -> pl.DataFrame:
    """Mean validation accuracy over seeds: a row an arm, a column an epoch (at most ten, evenly spread)."""
    means = (
        epochs.filter("counted")
        .group_by("arm", "epoch")
        .agg(pl.col("val_accuracy").mean())
        .sort("epoch")
        .drop_nulls()
    )
    last = int(means["epoch"].max() or 0)  # type: ignore[arg-type]
    shown = sorted({max(1, round(last * k / at_most)) for k in range(1, at_most + 1)}) if last else []
    rows = {(arm, epoch): value for arm, epoch, value in means.iter_rows()}
    return pl.DataFrame(
        {"arm": list(arms)} | {str(epoch): [rows.get((arm, epoch)) for arm in arms] for epoch in shown},
        schema={"arm": pl.String} | {str(epoch): pl.Float64 for epoch in shown},
    )


def _members(entries: Sequence[Entry]) -> pl.DataFrame:
    """Which run stands where, and whether it counts: once an arm has a finished run, only those do."""
    settled = {entry.arm for entry in entries if entry.state == "done"}
    return pl.DataFrame(
        [
            (
                order,
                entry.arm,
                entry.seed,
                entry.run,
                entry.state == "failed",
                entry.state == "done",
                _counts(entry, settled),
            )
            for order, entry in enumerate(entries)
        ],
        schema={
            "order": pl.Int64,
            "arm": pl.String,
            "seed": pl.Int64,
            "run": pl.String,
            "failed": pl.Boolean,
            "done": pl.Boolean,
            "counted": pl.Boolean,
        },
        orient="row",
    )


def _counts(entry: Entry, settled: set[str]) -> bool:
    return entry.state == "done" or entry.arm not in settled
