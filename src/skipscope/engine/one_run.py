"""Trains one run that was ordered by a file, with the loop and the worker that train a study."""

from collections.abc import Callable
from pathlib import Path

from skipscope.data.dataset import check, load, named
from skipscope.engine.executor import carry_out
from skipscope.engine.local import STOP_SECONDS, LocalExecutor
from skipscope.engine.order import RunOrder
from skipscope.engine.planned_run import PlannedRun
from skipscope.engine.tasks import Task
from skipscope.engine.trust import refuse_unless_trusted
from skipscope.models.registry import maker
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace
from skipscope.spec import network_name
from skipscope.training.events import EventHandler
from skipscope.training.loop import all_steps


class OneTask:
    """Holds a single task, in the manner of `task_queue.Queue`."""

    def __init__(self, task: Task) -> None:
        self.waiting = [task]

    def __bool__(self) -> bool:
        """Tells whether it waits."""
        return bool(self.waiting)

    def next(self, fits: Callable[[Task], bool]) -> Task | None:
        """Hands it out."""
        return self.waiting.pop() if self.waiting and fits(self.waiting[0]) else None

    def close(self) -> None:
        """Drops it."""
        self.waiting.clear()

    def ended(self, task: Task, *, again: bool) -> None:
        """Takes it back, if it is begun again."""
        self.waiting += [task] * again


def ordered(order: RunOrder, workspace: Workspace, data_dir: Path | None) -> PlannedRun:
    """Checks that the run can be trained here, and returns it as a plan has it.

    Raises:
        DataError: its data set is not here, or damaged.
        UnknownName: its network or data set is none that this skipscope knows.
        NetworkError: its network is a user's that no study has named on this machine.
    """
    spec = order.spec
    maker(spec.model)
    refuse_unless_trusted(spec.model)
    ref = spec.data
    name = named(ref.name, ref.sha256, data_dir=data_dir)
    check(name, data_dir=data_dir)
    data = load(name, data_dir=data_dir, train_limit=ref.train_limit, seed=spec.subset_seed)
    found = workspace.run_folder(spec.id).read_if_sound()
    return PlannedRun(
        arm=network_name(spec.model),
        spec=spec,
        state=None if found is None else found.state,
        steps=all_steps(spec.recipe, len(data.train)),
        snapshots=order.snapshots,
    )


def train_ordered(
    run: PlannedRun,
    workspace: Workspace,
    *,
    data_dir: Path | None,
    on_event: EventHandler,
    interrupted: Callable[[], object],
) -> RunRecord | None:
    """Trains the run in the workspace, from its checkpoint if one lies there; returns its record.

    Raises:
        WorkspaceError: the workspace cannot be written to, or the record is damaged.
    """
    executor = LocalExecutor(
        workspace=workspace.path, data_dir=data_dir, jobs=1, cores=0, stop_seconds=10 * STOP_SECONDS
    )
    carry_out(OneTask(run.task), executor, workspace.path, on_event=on_event, interrupted=interrupted)
    return workspace.run_folder(run.spec.id).read_if_sound()
