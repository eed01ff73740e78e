"""Plans a study: `resolve` -> `autotune` -> `estimate` -> `fit_budget` -> `Plan`. No processes here.

Of these steps only `autotune` measures; the others are pure functions.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import starmap
from pathlib import Path

from skipscope.analysis.equal_loss import lacks
from skipscope.anatomy.describe import describe
from skipscope.data.dataset import Dataset
from skipscope.data.dataset import load as load_data
from skipscope.engine import estimate
from skipscope.engine.at_init import unmeasured
from skipscope.engine.autotune import Autotuner, BackendChoice
from skipscope.engine.costs import Costs
from skipscope.engine.estimate import in_turns, makespan
from skipscope.engine.fit_budget import earlier_cut, fit_budget, seconds_of
from skipscope.engine.measuring import applying, missing_probes, start_passes, tasks_of
from skipscope.engine.planned_run import PlannedRun, compared, seconds_after
from skipscope.engine.resolve import arms_of, begun_backend, pin_networks, resolve
from skipscope.engine.side_by_side import (
    CONTEXT,
    WORKER,
    SideBySide,
    most_at_once,
    side_by_side,
    worker_bytes,
)
from skipscope.engine.snapshots import NOTHING, kept_by
from skipscope.errors import WorkspaceError
from skipscope.machine import cores, free_memory
from skipscope.records.schema import Budget, DataCard, Member, RunRecord, StudyRecord
from skipscope.records.store import RunFolder, Workspace
from skipscope.spec import Backend, Recipe, StudySpec, UserNetwork
from skipscope.torch_threads import threads_for_cores
from skipscope.training.backend import device_count, device_memory
from skipscope.training.beginning import now
from skipscope.training.loop import all_steps


@dataclass(frozen=True, kw_only=True)
class InitialMeasurement:
    """Schedules the measurement of an untrained network."""

    model: str
    seed: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Lists a study's runs on this machine, and says how many go side by side."""

    record: StudyRecord
    runs: tuple[PlannedRun, ...]
    starts: tuple[InitialMeasurement, ...]
    """The study's `initial_seeds`, measured before the first run begins."""
    jobs: int
    memory: SideBySide
    """Why not more side by side."""
    cores: int
    """A run gets the threads of idle cores if that changes no bit of it."""
    backend: Backend
    """Computes all of it, but for what an arm pins."""
    choice: BackendChoice | None
    """Why that backend; None where the study was begun with it before."""

    @property
    def waiting(self) -> tuple[PlannedRun, ...]:
        """The runs still to be trained or measured."""
        return tuple(run for run in self.runs if run.waits)

    @property
    def training(self) -> tuple[PlannedRun, ...]:
        """The runs still to be trained, in rounds: all arms of one seed, the longest first, then the next."""
        trained = (run for run in self.runs if run.trains)
        return tuple(sorted(trained, key=lambda run: (run.spec.seed, -run.training)))

    @property
    def seconds(self) -> float:
        """Estimates when the last task ends."""
        before = makespan([start.seconds for start in self.starts], self.jobs)
        runs = [*(run for run in self.runs if not run.trains), *self.training]
        each = [(run.training, [task.seconds for task in run.measuring]) for run in runs]
        compared = [seconds for run in runs for seconds in run.compared]
        return before + in_turns(each, self.jobs, compared)


@threads_for_cores()
def plan(
    study: StudySpec,
    workspace: Workspace,
    *,
    command: str,
    data_dir: Path | None = None,
    jobs: int | None = None,
    budget: str | None = None,
    choice: BackendChoice | None = None,
    elsewhere: int | None = None,
) -> Plan:
    """Plans the study's runs on this machine: resolved, timed by a few steps, cut to the budget.

    By default as many runs go side by side as there are cores for their threads (one each, unless a recipe
    pins more, which beats threads in one run), and as fit into the free memory; several accelerators have one
    each, and on one there are few. A study that was cut to this budget before stays cut so. `choice` is the
    backend where one was chosen for several studies at once; a study goes on with the backend it was begun
    with all the same. So many workers may be `elsewhere`: this machine's cores and memory do not matter
    then, and its times are a guess.

    Raises:
        UnknownName: an arm's (or initial) network is not registered, or there is no such probe; says the key.
        NetworkError: a user's file gives no network.
        DataError: the data set is not there or damaged.
        UsageError: the budget is not a length of time, or nothing of the study fits into it.
    """
    study = pin_networks(study)
    allowed = None if budget is None else seconds_of(budget)
    data = load_data(study.data, data_dir=data_dir, train_limit=study.train_limit)
    card, tuner = _card(data), Autotuner(data)
    whole = {"seeds": study.seeds, "epochs": study.recipe.epochs, "images": card.train}
    asked = None if budget is None else Budget(asked=budget, **whole)
    earlier = asked and earlier_cut(study, asked, workspace.studies())
    study = earlier or study

    begun = _begun(study, workspace, tuner)
    choice = None if begun else choice or tuner.choose(arms_of(study), threads=1)
    backend = begun or choice.backend  # type: ignore[union-attr] # one of the two is there

    at_most, devices = jobs or elsewhere, 0 if elsewhere else device_count()
    free = None if elsewhere or devices > 1 else device_memory() if devices else free_memory()

    def fitting(runs: Iterable[tuple[str, Recipe]]) -> SideBySide:
        wanted = at_most or most_at_once(max(1, cores() // _threads(study, backend)), devices)
        alone = CONTEXT if devices else WORKER
        ways = ((tuner.timing(model, how.backend(backend)), how.batch_size, alone) for model, how in runs)
        return side_by_side(starmap(worker_bytes, ways), wanted, free, asked=at_most is not None)

    starts = tuple(_initial_measurements(study, workspace, card, tuner))

    costs = Costs(tuner=tuner, backend=backend)

    def estimated(smaller: StudySpec) -> float:
        before = makespan([start.seconds for start in starts], at_once)
        after = partial(seconds_after, smaller, costs)
        return before + estimate.study_seconds(smaller, costs.per_image, costs.at_start, after, card, at_once)

    if allowed is not None:
        at_once = fitting(arms_of(study) * study.seeds).jobs  # an arm may have fewer
        study = earlier or fit_budget(study, card.train, estimated, allowed)
        data = load_data(study.data, data_dir=data_dir, train_limit=study.train_limit)
    runs = tuple(_runs(study, workspace, data, backend, costs))
    record = _record(study, workspace, runs, data, command, asked)
    runs = tuple(compared(record, runs, workspace, costs))
    memory = fitting((run.spec.model, run.spec.recipe) for run in runs if run.waits)
    at_once = max(1, sum(run.trains for run in runs), sum(len(run.after) for run in runs))
    return Plan(
        record=record,
        runs=runs,
        starts=starts,
        jobs=jobs or min(elsewhere or memory.jobs, at_once),
        memory=memory,
        cores=cores(),
        backend=study.recipe.backend(backend),
        choice=choice,
    )


def _record(
    study: StudySpec,
    workspace: Workspace,
    runs: Sequence[PlannedRun],
    data: Dataset,
    command: str,
    budget: Budget | None,
) -> StudyRecord:
    return StudyRecord(
        study=study,
        data=_card(data),
        members=tuple(
            Member(arm=run.arm, seed=run.spec.seed, run=workspace.run_folder(run.spec.id).path.name)
            for run in runs
        ),
        # never before another study: the last planned stays last if a clock is put back
        planned=max([now(), *(record.planned for record in workspace.studies())]),
        command=command,
        budget=budget,
        networks=tuple(describe(model) for model in (*(arm.model for arm in study.arm), *study.initial)),
    )


def _begun(study: StudySpec, workspace: Workspace, tuner: Autotuner) -> Backend | None:
    """Returns the backend that the study was begun with, if each of its networks can be computed in it."""
    begun = begun_backend(study, workspace)
    if begun is None:
        return None
    try:
        for model, recipe in arms_of(study):
            if UserNetwork.parse(model) is not None:  # its file may have changed
                tuner.timing(model, recipe.backend(begun))
    except Exception:  # noqa: BLE001 - whatever it is, choosing one anew says so
        return None
    return begun


def _threads(study: StudySpec, backend: Backend) -> int:
    """Returns the largest number of threads of the study's runs."""
    return max(int(recipe.backend(backend).threads) for _, recipe in arms_of(study))


def _initial_measurements(
    study: StudySpec, workspace: Workspace, data: DataCard, tuner: Autotuner
) -> Iterator[InitialMeasurement]:
    """Yields what is not measured yet; it is measured in fp32, whatever backend the study has."""
    for model, seeds in unmeasured(study, data.sha256, workspace):
        usual, _ = tuner.usual([(model, Recipe())], threads=1)
        for seed in seeds:
            seconds = estimate.FORWARD * start_passes(model) * tuner.timing(model, usual).seconds
            yield InitialMeasurement(model=model, seed=seed, seconds=seconds)


def _runs(
    study: StudySpec, workspace: Workspace, data: Dataset, backend: Backend, costs: Costs
) -> Iterator[PlannedRun]:
    """Yields each run with its state in the workspace, and what the rest of it takes."""
    card, images = _card(data), len(data.train)
    for arm, spec in resolve(study, backend, data.sha256, leaves_out=data.left_out > 0):
        folder, recipe, steps = workspace.run_folder(spec.id), spec.recipe, all_steps(spec.recipe, images)
        found = _found(folder)
        run = PlannedRun(arm=arm, spec=spec, state=None if found is None else found.state, steps=steps)
        missing, seconds, kept = list[str](), 0.0, NOTHING
        if run.trains:
            missing = applying(spec.model, study.probes_of(arm), "frozen")
            step_seconds, left = costs.per_image(spec.model, recipe), 1 - _steps_done(folder) / steps
            seconds = estimate.run_seconds(step_seconds, recipe, card, images, left=left)
            seconds += costs.at_start(spec.model, recipe) if left == 1 else 0.0
            kept = kept_by(spec, study.snapshots)
        elif run.state == "done":
            missing = missing_probes(folder, spec.model, steps, study.probes_of(arm))
        a_pass = costs.a_pass(spec.model, recipe) if missing else 0.0
        lacking = found and study.snapshots and found.state == "done" and lacks(found, study.snapshots)
        yield replace(
            run,
            training=seconds,
            measuring=tuple(tasks_of(spec, steps, steps, missing, a_pass)),
            a_pass=a_pass,
            kept=kept,
            snapshots=study.snapshots,
            lacks_snapshots=bool(lacking),
        )


def _found(folder: RunFolder) -> RunRecord | None:
    """Returns the run's record; one that ended in an error is unfinished, and a damaged one is not there."""
    record = folder.read_if_sound()
    if record is None or (record.state == "done" and folder.damaged()):
        return None
    if record.failure is not None and record.failure.kind == "error":
        return record.model_copy(update={"state": "unfinished"})
    return record


def _steps_done(folder: RunFolder) -> int:
    """Counts the steps of an unfinished run that need not be made again; none of a damaged one."""
    try:
        return folder.last_step() if folder.state_file.exists() or folder.state_before.exists() else 0
    except WorkspaceError:
        return 0


def _card(data: Dataset) -> DataCard:
    shared = ("name", "sha256", "classes", "source", "mean", "std", "likeness")
    same = {key: getattr(data, key) for key in shared}
    return DataCard(train=len(data.train), validation=len(data.validation), test=data.test_size, **same)
