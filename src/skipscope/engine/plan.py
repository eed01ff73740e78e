"""What to run, in which order, at what cost. No processes here."""

import heapq
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from skipscope.anatomy.describe import describe
from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.engine.at_init import unmeasured
from skipscope.engine.autotune import Choice, Machine, stock
from skipscope.engine.fit_budget import cuts, fit, seconds_of
from skipscope.engine.probe import missing_probes
from skipscope.engine.trust import trust
from skipscope.errors import UnknownName, WorkspaceError
from skipscope.models.registry import maker
from skipscope.models.user import pinned
from skipscope.probes.measure import known
from skipscope.records.schema import Budget, DataCard, Member, State, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Backend, DataRef, Recipe, RunSpec, StudySpec
from skipscope.training.loop import all_steps
from skipscope.training.trainer import now

START_SECONDS = 4.0
"""Until a worker process makes its first step: it imports torch and opens the data set."""


PROBED = 100_000
"""Forward passes that measuring a trained network takes about as long as."""
STARTED = 1_000
"""Images of a training step in fp32 that measuring a network before its first step takes about as long as."""


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of a plan and what is known of it before it starts."""

    arm: str
    spec: RunSpec
    state: State | None
    """What the workspace has of it: None if nothing."""
    steps: int
    """Updates in all."""
    seconds: float
    """Estimated for what is left of it, as it is computed."""
    missing_probes: tuple[str, ...] = ()
    """Probes of this study that a finished run has not been looked at with."""

    @property
    def waits(self) -> bool:
        """Whether it is still to be trained, wholly or in part, or to be measured."""
        return self.state not in ("done", "failed") or bool(self.missing_probes)


@dataclass(frozen=True, kw_only=True)
class PlannedStart:
    """A network that is still to be measured before its first step."""

    model: str
    seed: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study's runs on this machine, longest first, and how many go side by side."""

    record: StudyRecord
    runs: tuple[PlannedRun, ...]
    starts: tuple[PlannedStart, ...]
    """Of the study's `initial_seeds`, measured before the first run begins."""
    jobs: int
    cores: int
    """Where runs leave some free, a run gets more threads, if that changes no bit of it."""
    way: Backend
    """How all of it is computed, but for what an arm pins."""
    choice: Choice | None
    """Why that way; nothing where the study was begun in it before."""

    @property
    def waiting(self) -> tuple[PlannedRun, ...]:
        """What is left to train, longest first."""
        return tuple(sorted((run for run in self.runs if run.waits), key=lambda run: -run.seconds))

    @property
    def seconds(self) -> float:
        """Estimated until the last run ends."""
        before = makespan([start.seconds for start in self.starts], self.jobs)
        return before + makespan([run.seconds for run in self.waiting], self.jobs)


def makespan(seconds: list[float], jobs: int) -> float:
    """When the last of these ends if each, in this order, takes the first of `jobs` places that is free."""
    ends = [0.0] * jobs
    for cost in seconds:
        heapq.heapreplace(ends, ends[0] + cost)
    return max(ends)


def plan(
    study: StudySpec,
    workspace: Workspace,
    *,
    command: str,
    data_dir: Path | None = None,
    jobs: int | None = None,
    budget: str | None = None,
    choice: Choice | None = None,
) -> Plan:
    """The study's runs, resolved for this machine, with their cost from a few timed steps.

    By default as many runs go side by side as there are cores for their threads: one each, unless a recipe
    pins more, which beats threads in one run. A study that was cut to this budget before stays cut so.
    `choice` is how to compute, where that was chosen for several studies at once; a study goes on as it was
    begun all the same.

    Raises:
        UnknownName: an arm's (or initial) network is not registered, or there is no such probe; says the key.
        NetworkError: a user's file gives no network.
        DataError: the data set is not there or damaged.
        UsageError: the budget is not a length of time, or nothing of the study fits into it.
    """
    _names_are_known(study)
    study = study.with_models(pinned)
    trust([*(arm.model for arm in study.arm), *study.initial])
    allowed = None if budget is None else seconds_of(budget)
    data = load_data(study.data, data_dir=data_dir, train_limit=study.train_limit)
    cores, machine = _cores(), Machine(data)
    whole, images = study, len(data.train)
    cut = (
        None
        if budget is None
        else Budget(asked=budget, seeds=study.seeds, epochs=study.recipe.epochs, images=images)
    )
    kept = None if cut is None else _cut_before(study, cut, workspace)
    study = kept or study
    begun = _begun(study, workspace)
    if begun is not None:
        choice, way = None, begun
    else:
        choice = choice or machine.choose(arms_of(study), threads=1)
        way = choice.way
    probed = 0 if study.probes == () else PROBED
    seconds = partial(_seconds, machine=machine, way=way, data=data, probed=probed)
    starts = tuple(_starts(study, workspace, data, machine))
    side_by_side = jobs or max(1, cores // _threads(study, way))
    if allowed is not None and kept is None:
        estimate = partial(_estimate, seconds=seconds, jobs=side_by_side, images=images)
        before = makespan([start.seconds for start in starts], side_by_side)
        study = fit(whole, images, lambda cut: before + estimate(cut), allowed)
    if cut is not None:
        data = load_data(study.data, data_dir=data_dir, train_limit=study.train_limit)
    runs = tuple(_runs(study, workspace, data, way, seconds, machine))
    members = tuple(Member(arm=run.arm, seed=run.spec.seed, run=run.spec.id) for run in runs)
    record = StudyRecord(
        study=study,
        data=_card(data),
        members=members,
        planned=_now(workspace),
        command=command,
        budget=cut,
        networks=tuple(describe(model) for model in (*(arm.model for arm in study.arm), *study.initial)),
    )
    jobs = jobs or max(1, min(side_by_side, sum(run.waits for run in runs)))
    way = study.recipe.backend(way)
    return Plan(record=record, runs=runs, starts=starts, jobs=jobs, cores=cores, way=way, choice=choice)


def _names_are_known(study: StudySpec) -> None:
    look_up: dict[str, Callable[[], object]] = {"probes": partial(known, study.probes or ())}
    look_up |= {f"arm.{place}.model": partial(maker, arm.model) for place, arm in enumerate(study.arm)}
    look_up |= {f"initial.{place}": partial(maker, model) for place, model in enumerate(study.initial)}
    for key, find in look_up.items():
        try:
            find()
        except UnknownName as error:
            error.where = key
            raise


def _threads(study: StudySpec, way: Backend) -> int:
    """Of a run: of the arms', the most."""
    return max(int(recipe.backend(way).threads) for _, recipe in arms_of(study))


def _cut_before(study: StudySpec, cut: Budget, workspace: Workspace) -> StudySpec | None:
    """What the same budget left of the same study: its runs would be others if it were cut again by now."""
    found = (record.study for record in workspace.studies() if record.budget == cut)
    return next((of for of in found if of in cuts(study, cut.images)), None)


def arms_of(study: StudySpec) -> list[tuple[str, Recipe]]:
    """Each arm's network and recipe."""
    return [(arm.model, study.recipe_of(arm)) for arm in study.arm]


def _starts(
    study: StudySpec, workspace: Workspace, data: Dataset, machine: Machine
) -> Iterator[PlannedStart]:
    """What is not measured yet; it is measured in fp32, whatever the study is computed in."""
    for model, seeds in unmeasured(study, data.sha256, workspace):
        for seed in seeds:
            seconds = STARTED * machine.measured(model, stock(threads=1)).seconds
            yield PlannedStart(model=model, seed=seed, seconds=seconds)


def _runs(
    study: StudySpec,
    workspace: Workspace,
    data: Dataset,
    way: Backend,
    seconds: Callable[..., float],
    machine: Machine,
) -> Iterator[PlannedRun]:
    """With what the workspace has of each, and what the rest of it takes."""
    for arm, spec in _specs(study, data, way):
        state, cost = _state(workspace, spec), 0.0
        missing: list[str] = []
        steps = all_steps(spec.recipe, len(data.train))
        if state not in ("done", "failed"):
            left = 1 - _done(workspace, spec) / steps
            cost = seconds(spec.model, spec.recipe, len(data.train), left=left)
        elif state == "done":
            missing = missing_probes(workspace.run_folder(spec.id), spec, data, study.probes)
        if missing:
            each = machine.measured(spec.model, spec.recipe.backend(way)).seconds
            cost = START_SECONDS + each * PROBED / 3
        yield PlannedRun(
            arm=arm, spec=spec, state=state, steps=steps, seconds=cost, missing_probes=tuple(missing)
        )


def _seconds(
    model: str,
    recipe: Recipe,
    images: int,
    *,
    left: float = 1.0,
    machine: Machine,
    way: Backend,
    data: Dataset,
    probed: int,
) -> float:
    """Of a run on so many training images with this share of its steps left, and all that comes after them.

    A forward pass counts a third of a step.
    """
    trained = left * recipe.epochs * (images + len(data.validation) / 3)
    each = machine.measured(model, recipe.backend(way)).seconds
    return START_SECONDS + each * (trained + (data.test_size + probed) / 3)


def _estimate(study: StudySpec, *, seconds: Callable[..., float], jobs: int, images: int) -> float:
    """Of the whole study, none of it done."""
    costs = [seconds(model, recipe, study.train_limit or images) for model, recipe in arms_of(study)]
    return makespan(sorted(costs * study.seeds, reverse=True), jobs)


def _begun(study: StudySpec, workspace: Workspace) -> Backend | None:
    """How the study was computed when it was begun: half of it in another way would be another study."""
    for record in workspace.studies():
        if (record.study.name, record.study.recipe) == (study.name, study.recipe):
            free = {arm.label for arm in record.study.arm if not Backend.model_fields.keys() & arm.recipe}
            runs = (
                workspace.run_folder(member.run).read_if_sound()
                for member in record.members
                if member.arm in free
            )
            for run in runs:
                if run is not None:
                    return Backend.model_validate(
                        run.spec.recipe.model_dump(include=set(Backend.model_fields))
                    )
    return None


def _specs(study: StudySpec, data: Dataset, way: Backend) -> Iterator[tuple[str, RunSpec]]:
    """Arm label and run, seed by seed, so that a study cut short has whole comparisons."""
    ref = DataRef(name=study.data, sha256=data.sha256, train_limit=study.train_limit)
    for seed in range(study.seeds):
        for arm in study.arm:
            yield (
                arm.label,
                RunSpec(model=arm.model, seed=seed, recipe=study.recipe_of(arm).resolved(way), data=ref),
            )


def _state(workspace: Workspace, spec: RunSpec) -> State | None:
    """What the workspace has of the run; one that ended in an error, or is damaged, is tried again."""
    record = workspace.run_folder(spec.id).read_if_sound()
    if record is None:
        return None
    if record.failure is not None and record.failure.kind == "error":
        return "unfinished"
    if record.state == "done" and workspace.run_folder(spec.id).damaged():
        return None
    return record.state


def _now(workspace: Workspace) -> str:
    """The time; of a clock that was put back, that of the study before: the last planned stays last."""
    return max([now(), *(record.planned for record in workspace.studies())])


def _done(workspace: Workspace, spec: RunSpec) -> int:
    """Steps of an unfinished run that need not be made again; of a damaged one, none."""
    folder = workspace.run_folder(spec.id)
    try:
        return folder.last_step() if folder.state_file.exists() or folder.state_before.exists() else 0
    except WorkspaceError:
        return 0


def _cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _card(data: Dataset) -> DataCard:
    return DataCard(
        name=data.name,
        sha256=data.sha256,
        classes=data.classes,
        train=len(data.train),
        validation=len(data.validation),
        test=data.test_size,
        source=data.source,
        mean=data.mean,
        std=data.std,
    )
