"""Several studies within one budget: which of them, in what order, at how many seeds. No processes here.

Every study answers a question of its own, and none is worth more than another to somebody who asks for all
of them. So the order is the one in which a budget answers most questions, whatever the budget: next is
always the study that takes the least **more** time until it has seeds enough for a verdict. Runs that exist,
or that a study before it trains, take none. A study is brought to these seeds before the next one begins.

What is left then goes to the seeds that the chosen studies were declared with, in the same order, and at
last to as many seeds as fit of studies that do not fit whole: too few for a verdict now, but runs add up in a
workspace. For the same reason seeds alone are cut. Fewer epochs or images would be other runs, which no later
evening can add to; so that happens only where nothing else fits.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
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
"""A run's id; or a network that is measured before its first step, and the seed."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is to be done of one study."""

    whole: Plan
    seeds: int
    """Of those it was declared with."""
    new: int
    """Runs that are not there and that no study before it trains."""
    seconds: float
    """Estimated, for what is new in it."""
    within: str | None = None
    """The budget, where not even a seed fits into it and the study is cut further."""

    @property
    def name(self) -> str:
        """The study's."""
        return self.whole.record.study.name


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What studies would take on this machine, whole, beside what the workspace has."""

    plans: Mapping[str, Plan]
    """By the study's name."""
    choice: BackendChoice
    """How those are computed that were not begun before, all alike: else nothing would be shared."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them, whole, in the order in which they would be run."""
        order = _least_first(self.plans)
        return tuple(_parts(self.plans, {name: _declared(self.plans[name]) for name in order}))


@dataclass(frozen=True, kw_only=True)
class Programme:
    """Studies in the order in which they are run, and those that do not fit."""

    budget: str
    parts: tuple[Part, ...]
    left_out: tuple[Part, ...]
    """At a single seed: what it would take to begin with each."""
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
) -> Survey:
    """Plans each study whole, as many runs side by side as there are cores, or `jobs`.

    Raises:
        UnknownName: an arm's network is not registered.
        DataError: a data set is not there or damaged.
        UsageError: a study asks for more training images than there are.
    """
    studies = list(studies)
    first = load_data(studies[0].data, data_dir=data_dir, train_limit=studies[0].train_limit)
    arms = {str(arm): arm for study in studies for arm in arms_of(study)}
    choice = Autotuner(first).choose(arms.values(), threads=1)
    plans = (
        plan(study, workspace, command="", data_dir=data_dir, jobs=jobs, choice=choice) for study in studies
    )
    # a plan of one run has one job; beside the other studies' runs that is no matter
    whole = {each.record.study.name: replace(each, jobs=jobs or each.cores) for each in plans}
    return Survey(plans=whole, choice=choice)


def compose(found: Survey, budget: str) -> Programme:
    """The programme that this budget allows.

    Raises:
        UsageError: the budget is not a length of time.
    """
    allowed, plans, seeds = seconds_of(budget), found.plans, dict[str, int]()

    def most(name: str, wanted: range) -> int:
        """The most of the wanted seeds that there is time for; 0 if there is none."""
        fitting = (one for one in wanted if _total(plans, seeds | {name: one}) <= allowed)
        return max(fitting, default=0)

    order = list(_least_first(plans))
    for name in order:
        enough = _for_a_verdict(plans[name])
        if most(name, range(enough, enough + 1)):
            seeds[name] = enough
    for name in list(seeds):
        seeds[name] = most(name, range(seeds[name], _declared(plans[name]) + 1))
    for name in order:
        if name not in seeds and (some := most(name, range(1, _for_a_verdict(plans[name])))):
            seeds[name] = some
    parts = list(_parts(plans, seeds)) or [_cut(plans, budget)]
    done = {task for part in parts for task in tasks(part.whole, part.seeds)}
    left_out = (_part(plans[name], 1, done) for name in order if name not in {part.name for part in parts})
    return Programme(budget=budget, parts=tuple(parts), left_out=tuple(left_out), choice=found.choice)


def planned(part: Part, programme: Programme, workspace: Workspace, **options: Any) -> Plan:
    """The plan of one part when its turn has come: what others trained for it is done by now.

    `options` are those of `engine.plan.plan`: command, data_dir, jobs.
    """
    study = part.whole.record.study
    if part.within is not None:
        return plan(study, workspace, budget=part.within, choice=programme.choice, **options)
    now = plan(adapt(study, seeds=part.seeds), workspace, choice=programme.choice, **options)
    if part.seeds == study.seeds:
        return now
    cut = Budget(
        asked=programme.budget,
        seeds=study.seeds,
        epochs=study.recipe.epochs,
        images=part.whole.record.data.train,
    )
    return replace(now, record=now.record.model_copy(update={"budget": cut}))


def tasks(whole: Plan, seeds: int) -> dict[Task, float]:
    """What of a study is still to be done at so many seeds, and the seconds of each."""
    starts: dict[Task, float] = {(start.model, start.seed): start.seconds for start in whole.starts}
    return starts | {run.spec.id: run.seconds for run in whole.waiting if run.spec.seed < seeds}


def _declared(whole: Plan) -> int:
    return whole.record.study.seeds


def _for_a_verdict(whole: Plan) -> int:
    """A study that was declared with fewer shows something else than a verdict."""
    return min(MINIMUM_SEEDS, _declared(whole))


def _least_first(plans: Mapping[str, Plan]) -> Iterator[str]:
    """Next is always what takes the least until its verdicts, given what is done before it."""
    left, done = dict(plans), set[Task]()
    while left:
        name = min(left, key=lambda one: _part(left[one], _for_a_verdict(left[one]), done).seconds)
        yield name
        whole = left.pop(name)
        done |= tasks(whole, _for_a_verdict(whole)).keys()


def _total(plans: Mapping[str, Plan], seeds: Mapping[str, int]) -> float:
    return sum(part.seconds for part in _parts(plans, seeds))


def _parts(plans: Mapping[str, Plan], seeds: Mapping[str, int]) -> Iterator[Part]:
    """One after the other, each without what those before it have done."""
    done: set[Task] = set()
    for name, some in seeds.items():
        yield _part(plans[name], some, done)
        done |= tasks(plans[name], some).keys()


def _part(whole: Plan, seeds: int, done: AbstractSet[Task]) -> Part:
    left = {task: seconds for task, seconds in tasks(whole, seeds).items() if task not in done}
    starts = [seconds for task, seconds in left.items() if isinstance(task, tuple)]
    runs = sorted((seconds for task, seconds in left.items() if isinstance(task, str)), reverse=True)
    seconds = makespan(starts, whole.jobs) + makespan(runs, whole.jobs)
    return Part(whole=whole, seeds=seeds, new=len(runs), seconds=seconds)


def _cut(plans: Mapping[str, Plan], budget: str) -> Part:
    """Of the study that takes the least to begin with, as much as `run STUDY --budget` would make of it."""
    least = min((_part(whole, 1, frozenset()) for whole in plans.values()), key=lambda part: part.seconds)
    return replace(least, seconds=seconds_of(budget), within=budget)
