"""The order of a plan's tasks: training first, in rounds; measuring fills cores that would idle."""

from collections.abc import Callable

from skipscope.engine.measuring import at_equal_loss, tasks_of
from skipscope.engine.plan import Plan
from skipscope.engine.tasks import Measuring, Task, Training, longest_first
from skipscope.records.store import Workspace


class Queue:
    """Holds the tasks that wait.

    Runs are trained in the plan's order. What measures a run is there once it is trained, the longest first,
    and what measures runs at equal losses once all are: which losses these are is seen only then.
    """

    def __init__(self, plan: Plan, workspace: Workspace, trained: Callable[[float], object]) -> None:
        """`trained` is called once all is trained and more is to be measured, with the seconds that takes."""
        self.plan, self.workspace, self.trained = plan, workspace, trained
        self.training: list[Task] = [run.task for run in plan.training]
        self.unfinished = len(self.training)
        self.later = {run.spec.id: run.measuring for run in plan.runs}
        self.measuring: list[Measuring] = []
        for run in plan.runs:
            if run.state == "done":
                self._release(run.spec.id)
        if not self.training:
            self._compare()

    def __bool__(self) -> bool:
        """Tells whether a task can be begun now."""
        return bool(self.training or self.measuring)

    def next(self, fits: Callable[[Task], bool] = lambda _task: True) -> Task | None:
        """Takes the next task that fits off the queue; None if none does."""
        waiting: tuple[list[Task], list[Measuring]] = (self.training, self.measuring)
        for tasks in waiting:
            for index, task in enumerate(tasks):
                if fits(task):
                    return tasks.pop(index)
        return None

    def close(self) -> None:
        """Empties the queue for good: nothing more is begun."""
        self.training.clear()
        self.measuring.clear()
        self.later.clear()
        self.unfinished = -1

    def ended(self, task: Task, *, again: bool) -> None:
        """Learns that a worker has left a task, which is begun `again`, or is over, well or not."""
        if self.unfinished < 0:
            return
        if again:
            (self.training if isinstance(task, Training) else self.measuring).insert(0, task)  # type: ignore[arg-type]
        elif isinstance(task, Training):
            self._release(task.spec.id)
            self.unfinished -= 1
            if not self.unfinished:
                self._compare()

    def _release(self, run: str) -> None:
        """Lets a run be measured, if it is done."""
        record = self.workspace.run_folder(run).read_if_sound()
        if record is not None and record.state == "done":
            self.measuring = longest_first([*self.measuring, *self.later.pop(run, ())])

    def _compare(self) -> None:
        """Lets runs be measured where those that they are compared with have the same loss; tells of it."""
        record = self.plan.record
        found = at_equal_loss(record.study, record.members, self.workspace)
        for run, member in zip(self.plan.runs, record.members, strict=True):
            for step, probes in found.pop(member.run, ()):
                self.measuring += tasks_of(run.spec, run.steps, step, probes, run.a_pass)
        self.measuring = longest_first(self.measuring)
        if self.measuring:
            self.trained(sum(task.seconds for task in self.measuring) / self.plan.jobs)
