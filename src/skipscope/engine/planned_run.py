"""One run of a plan: what is still to be trained and measured of it, and how long that takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from skipscope.engine.costs import Costs
from skipscope.engine.measuring import applying, at_equal_loss, grouped_seconds, probes_at_equal_loss
from skipscope.engine.snapshots import NOTHING, Kept
from skipscope.engine.tasks import Measuring, Training
from skipscope.records.schema import State, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import Recipe, RunSpec, Snapshots, StudySpec

LEVELS = 2
"""Losses at which a run is expected to be measured, at most: comparisons of one arm tend to share them."""


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """Describes one run of a plan before it starts."""

    arm: str
    spec: RunSpec
    state: State | None
    """Its state in the workspace; None if there is nothing of it."""
    steps: int
    """Training steps in all."""
    training: float = 0.0
    """Seconds estimated for the rest of it, with the sealed test."""
    measuring: tuple[Measuring, ...] = ()
    """What is to be measured once it is trained, as far as the study asks and it was not."""
    compared: tuple[float, ...] = ()
    """Seconds estimated for each task that measures it at losses that others have reached, too."""
    a_pass: float = 0.0
    """Seconds estimated for an image's forward pass, as probes compute; 0 where none was needed."""
    snapshots: Snapshots | None = None
    """Weights that it keeps on the way."""
    kept: Kept = NOTHING
    """How much that may be."""
    lacks_snapshots: bool = False
    """Whether it ended without weights that the study asks for; it is not trained again for them."""

    @property
    def trains(self) -> bool:
        """Whether it is still to be trained, wholly or in part."""
        return self.state not in ("done", "failed")

    @property
    def waits(self) -> bool:
        """Whether it is still to be trained or measured."""
        return self.trains or bool(self.after)

    @property
    def after(self) -> tuple[float, ...]:
        """Lists the seconds of what comes after its training."""
        return (*(task.seconds for task in self.measuring), *self.compared)

    @property
    def seconds(self) -> float:
        """Adds up what the rest of it takes."""
        return self.training + sum(self.after)

    @property
    def missing_probes(self) -> tuple[str, ...]:
        """Lists the probes of this study that a finished run has not been looked at with."""
        return () if self.trains else tuple(name for task in self.measuring for name in task.probes)

    @property
    def task(self) -> Training:
        """Returns what a worker does to train it."""
        return Training(spec=self.spec, steps=self.steps, snapshots=self.snapshots)


def compared(
    record: StudyRecord, runs: Sequence[PlannedRun], workspace: Workspace, costs: Costs
) -> Iterator[PlannedRun]:
    """Yields the runs with what measuring them at equal loss takes: expected, until all are trained."""
    study = record.study
    ahead = any(run.trains for run in runs)
    found = {} if ahead else at_equal_loss(study, record.members, workspace)
    for run, member in zip(runs, record.members, strict=True):
        expected = run.state != "failed" and not run.lacks_snapshots and _levels(study, run.arm)
        if ahead and expected:
            a_pass = costs.a_pass(run.spec.model, run.spec.recipe)
            seconds = _at_equal_loss_seconds(study, run.arm, run.spec.model, a_pass) * expected
            yield replace(run, a_pass=a_pass, compared=tuple(seconds))
        elif member.run in found:
            a_pass = costs.a_pass(run.spec.model, run.spec.recipe)
            at_steps = (grouped_seconds(probes, a_pass) for _, probes in found[member.run])
            seconds = [each for groups in at_steps for _, each in groups]
            yield replace(run, a_pass=a_pass, compared=tuple(seconds))
        else:
            yield run


def seconds_after(study: StudySpec, costs: Costs, arm: str, model: str, recipe: Recipe) -> list[float]:
    """Estimates each task that measures a run of this arm once it is trained."""
    frozen, levels = applying(model, study.probes_of(arm), "frozen"), _levels(study, arm)
    if not frozen and not levels:
        return []
    a_pass = costs.a_pass(model, recipe)
    at_its_end = [seconds for _, seconds in grouped_seconds(frozen, a_pass)]
    return at_its_end + _at_equal_loss_seconds(study, arm, model, a_pass) * levels


def _at_equal_loss_seconds(study: StudySpec, arm: str, model: str, a_pass: float) -> list[float]:
    probes = probes_at_equal_loss(study, arm, model)
    return [seconds for _, seconds in grouped_seconds(probes, a_pass)]


def _levels(study: StudySpec, arm: str) -> int:
    """Counts the losses at which a run of this arm is expected to be measured."""
    if study.snapshots is None:
        return 0
    compared = {frozenset(each.arms) for each in study.comparisons if arm in each.arms}  # these share a loss
    return min(LEVELS, len(study.snapshots.losses), len(compared))
