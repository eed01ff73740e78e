"""What can be looked into, from records: finished runs, their kept weights and their plain twins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from skipscope.records.printed import anatomy_of
from skipscope.records.schema import DataCard, RunRecord, StudyRecord
from skipscope.records.store import Workspace
from skipscope.spec import network_name


@dataclass(frozen=True, kw_only=True)
class Step:
    """A moment of a run whose weights are there."""

    step: int | None
    """Training steps made before; None at the end of training."""
    epoch: float
    """Epochs trained so far, the current one in part."""


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A run whose network can be loaded."""

    record: RunRecord
    arm: str
    """What the latest study with this run calls it."""
    study: str
    data: DataCard
    steps: tuple[Step, ...]
    """From before the first step to the end."""
    twin: str | None = None
    """A run of a network as deep that has no shortcuts, gates or concatenations, if this one has any."""

    @property
    def parts(self) -> dict[str, int]:
        """Counts additions f(x) + x, gates and concatenations."""
        inside = anatomy_of(self.record.network)
        return {
            "shortcuts": len(inside.shortcuts),
            "gates": len(inside.gates),
            "concatenations": len(inside.concatenations),
        }


def finished_runs(workspace: Workspace) -> list[FinishedRun]:
    """Lists finished runs with weights, those of the latest study first, in the studies' order of arms."""
    found = {id: run for id, run in workspace.found().items() if isinstance(run, RunRecord)}
    listed: dict[str, FinishedRun] = {}
    for study in reversed(workspace.studies()):
        order = [arm.label for arm in study.study.arm]
        members = [member for member in study.members if member.arm in order]
        for member in sorted(members, key=lambda member: (member.seed, order.index(member.arm))):
            record = found.get(member.run)
            if member.run not in listed and record is not None and _is_there(workspace, record):
                listed[member.run] = FinishedRun(
                    record=record,
                    arm=member.arm,
                    study=study.study.name,
                    data=study.data,
                    steps=_steps(workspace, record, study),
                )
    runs = list(listed.values())
    return [_with_twin(run, runs) for run in runs]


def _is_there(workspace: Workspace, record: RunRecord) -> bool:
    return record.state == "done" and workspace.run_folder(record.id).model_file.exists()


def _steps(workspace: Workspace, record: RunRecord, study: StudyRecord) -> tuple[Step, ...]:
    """Lists the moments whose weights are there; those before the first step are made anew from the seed."""
    folder, recipe = workspace.run_folder(record.id), record.spec.recipe
    limit = record.spec.data.train_limit
    an_epoch = max(1, (limit or study.data.train) // recipe.batch_size)
    kept = (each for each in record.snapshots if folder.snapshot_file(each.step).exists())
    steps = [Step(step=each.step, epoch=round(each.step / an_epoch, 2)) for each in kept]
    return (Step(step=0, epoch=0), *steps, Step(step=None, epoch=recipe.epochs))


def _with_twin(run: FinishedRun, runs: Iterable[FinishedRun]) -> FinishedRun:
    """Adds the twin: of the same seed rather than another."""
    if not any(run.parts.values()):
        return run
    depth, data = anatomy_of(run.record.network).depth, run.record.spec.data.sha256
    plain = [
        each.record
        for each in runs
        if not any(each.parts.values())
        and each.record.spec.data.sha256 == data
        and anatomy_of(each.record.network).depth == depth
    ]
    nearest = min(plain, key=lambda record: record.spec.seed != run.record.spec.seed, default=None)
    return FinishedRun(**{**vars(run), "twin": None if nearest is None else nearest.id})


def facts(runs: Sequence[FinishedRun]) -> list[dict[str, Any]]:
    """Describes the runs as JSON has it."""
    return [
        {
            "run": run.record.id,
            "arm": run.arm,
            "study": run.study,
            "network": network_name(run.record.spec.model),
            "seed": run.record.spec.seed,
            "data": {"name": run.data.name, "sha256": run.data.sha256, "classes": run.data.classes},
            "steps": [vars(step) for step in run.steps],
            "twin": run.twin,
            "depth": anatomy_of(run.record.network).depth,
            "parameters": run.record.network.params,
            "validation": run.record.result and run.record.result.val_accuracy,
            **run.parts,
        }
        for run in runs
    ]
