"""Schedules several studies within one budget: which of them, in what order, with how many seeds.

Every study answers a question of its own, and none is worth more than another to somebody who asks for all
of them. So the order is the one in which a budget answers most questions, whatever the budget: next is
always the study that takes the least **more** time until it has seeds enough for a verdict. Runs that exist,
or that a study before it trains, take none. A study is brought to these seeds before the next one begins.

The time that remains goes to the seeds that the chosen studies were declared with, in the same order, and
at last to as many seeds as fit of studies that do not fit whole: too few for a verdict now, but runs add up
in a workspace. For the same reason seeds alone are cut. Fewer epochs or images would be other runs, which no
later evening can add to; so that happens only where nothing else fits.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.data.dataset import load as load_data
from skipscope.engine.adapt import adapt
from skipscope.engine.autotune import Autotuner, BackendChoice
from skipscope.engine.estimate import makespan
from skipscope.engine.fit_budget import seconds_of
from skipscope.engine.plan import Plan, plan
from skipscope.engine.resolve import arms_of
from skipscope.records.schema import Budget
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec

Task = str | tuple[str, int]
"""A run's id, or an untrained network that is measured, and its seed."""


@dataclass(frozen=True, kw_only=True)
class ScheduledStudy:
    """Says what is done of one study."""

    whole: Plan
    seeds: int
    """How many of the declared seeds are run."""
    new: int
    """Runs that neither exist nor are trained for a study before it."""
    seconds: float
    """Estimated for its new runs and measurements."""
    within: str | None = None
    """The budget, where not even a seed fits into it and the study is cut further."""

    @property
    def name(self) -> str:
        """The study's name."""
        return self.whole.record.study.name


@dataclass(frozen=True, kw_only=True)
class Survey:
    """Says what whole studies would take on this machine, beside what the workspace has."""

    plans: Mapping[str, Plan]
    """Plans by the study's name."""
    choice: BackendChoice
    """One backend for all studies not begun before: with several, they would share no runs."""

    @property
    def parts(self) -> tuple[ScheduledStudy, ...]:
        """All studies, whole, in the order in which they would be run."""
        order = _least_first(self.plans)
        return tuple(_parts(self.plans, {name: self.plans[name].record.study.seeds for name in order}))


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Lists studies in the order in which they are run, and those that do not fit."""

    budget: str
    parts: tuple[ScheduledStudy, ...]
    left_out: tuple[ScheduledStudy, ...]
    """Each at a single seed: the least that it would take."""
    choice: BackendChoice

    @property
    def seconds(self) -> float:
        """Estimated until the last run ends."""
        return sum(part.seconds for part in self.parts)


def survey(
    studies: Iterable[StudySpec],
    workspace: Workspace,
    *,
    data_dir: Path | None = None,
    jobs: int | None = None,
    elsewhere: int | None = None,
) -> Survey:
    """Plans each study whole, as many runs side by side as it would alone, or `jobs`.

    `elsewhere` as in `engine.plan.plan`.

    Raises:
        UnknownName: an arm's network is not registered.
        DataError: a data set is not there or damaged.
        UsageError: a study asks for more training images than there are.
    """
    studies = list(studies)
    first = load_data(studies[0].data, data_dir=data_dir, train_limit=studies[0].train_limit)
    arms = {str(arm): arm for study in studies for arm in arms_of(study)}
    choice = Autotuner(first).choose(arms.values(), threads=1)
    planning = partial(plan, data_dir=data_dir, jobs=jobs, elsewhere=elsewhere, choice=choice)
    plans = (planning(study, workspace, command="") for study in studies)
    # a plan of one run has one job; beside the other studies' runs that is no matter
    whole = {each.record.study.name: replace(each, jobs=each.memory.jobs) for each in plans}
    return Survey(plans=whole, choice=choice)


def compose(found: Survey, budget: str) -> Schedule:
    """Composes the schedule that this budget allows.

    Raises:
        UsageError: the budget is not a length of time.
    """
    allowed, plans, seeds = seconds_of(budget), found.plans, dict[str, int]()

    def most(name: str, wanted: range) -> int:
        """Returns the most of the wanted seeds that fit; 0 if none do."""
        taken = {one: sum(part.seconds for part in _parts(plans, seeds | {name: one})) for one in wanted}
        return max((one for one, seconds in taken.items() if seconds <= allowed), default=0)

    order = list(_least_first(plans))
    for name in order:
        enough = _for_a_verdict(plans[name])
        if most(name, range(enough, enough + 1)):
            seeds[name] = enough
    for name in list(seeds):
        seeds[name] = most(name, range(seeds[name], plans[name].record.study.seeds + 1))
    for name in order:
        if name not in seeds and (some := most(name, range(1, _for_a_verdict(plans[name])))):
            seeds[name] = some
    parts = list(_parts(plans, seeds)) or [_cut(plans, budget)]
    done = {task for part in parts for task in tasks(part.whole, part.seeds)}
    left_out = (_part(plans[name], 1, done) for name in order if name not in {part.name for part in parts})
    return Schedule(budget=budget, parts=tuple(parts), left_out=tuple(left_out), choice=found.choice)


def planned(part: ScheduledStudy, schedule: Schedule, workspace: Workspace, **options: Any) -> Plan:
    """Plans one part when its turn has come: runs that earlier parts share with it are done by now.

    `options` are those of `engine.plan.plan`: command, data_dir, jobs, elsewhere.
    """
    study = part.whole.record.study
    if part.within is not None:
        return plan(study, workspace, budget=part.within, choice=schedule.choice, **options)
    now = plan(adapt(study, seeds=part.seeds), workspace, choice=schedule.choice, **options)
    if part.seeds == study.seeds:
        return now
    images = part.whole.record.data.train
    cut = Budget(asked=schedule.budget, seeds=study.seeds, epochs=study.recipe.epochs, images=images)
    return replace(now, record=now.record.model_copy(update={"budget": cut}))


def tasks(whole: Plan, seeds: int) -> dict[Task, float]:
    """Maps each unfinished task of a study at so many seeds to its seconds."""
    starts: dict[Task, float] = {(start.model, start.seed): start.seconds for start in whole.starts}
    return starts | {run.spec.id: run.seconds for run in whole.waiting if run.spec.seed < seeds}


def _for_a_verdict(whole: Plan) -> int:
    """Returns the seeds that a verdict needs; a study declared with fewer is not for verdicts."""
    return min(MINIMUM_SEEDS, whole.record.study.seeds)


def _least_first(plans: Mapping[str, Plan]) -> Iterator[str]:
    """Yields names: next is always the study that takes the least more time until its verdicts."""
    left, done = dict(plans), set[Task]()
    while left:
        name = min(left, key=lambda one: _part(left[one], _for_a_verdict(left[one]), done).seconds)
        yield name
        whole = left.pop(name)
        done |= tasks(whole, _for_a_verdict(whole)).keys()


def _parts(plans: Mapping[str, Plan], seeds: Mapping[str, int]) -> Iterator[ScheduledStudy]:
    """Yields each study without the tasks of those before it."""
    done: set[Task] = set()
    for name, some in seeds.items():
        yield _part(plans[name], some, done)
        done |= tasks(plans[name], some).keys()


def _part(whole: Plan, seeds: int, done: AbstractSet[Task]) -> ScheduledStudy:
    """Estimates a study at so many seeds, given the tasks that are done before it."""
    left = {task: seconds for task, seconds in tasks(whole, seeds).items() if task not in done}
    starts = [seconds for task, seconds in left.items() if isinstance(task, tuple)]
    runs = sorted((seconds for task, seconds in left.items() if isinstance(task, str)), reverse=True)
    seconds = makespan(starts, whole.jobs) + makespan(runs, whole.jobs)
    return ScheduledStudy(whole=whole, seeds=seeds, new=len(runs), seconds=seconds)


def _cut(plans: Mapping[str, Plan], budget: str) -> ScheduledStudy:
    """Cuts the study that takes the least at one seed, as `run STUDY --budget` would."""
    least = min((_part(whole, 1, frozenset()) for whole in plans.values()), key=lambda part: part.seconds)
    return replace(least, seconds=seconds_of(budget), within=budget)
