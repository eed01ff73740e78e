"""Runs a study in one call, for notebooks and scripts."""

import os
import shlex
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from skipscope.api.cluster import HERE, Where, executing, typed, warn_of_another_kind, workers
from skipscope.api.cluster import opened as opened_cluster
from skipscope.api.guard import refuse_unguarded
from skipscope.api.notebook import Page, in_notebook
from skipscope.api.plans import summary
from skipscope.api.progress import Display, name_of, opened
from skipscope.api.wording import counted, flags
from skipscope.api.workspace import Workspace
from skipscope.engine.adapt import adapt
from skipscope.engine.at_init import measure_starts
from skipscope.engine.local import execute
from skipscope.engine.plan import Plan, plan
from skipscope.engine.resolve import unknown_names
from skipscope.errors import TrainingError, UsageError
from skipscope.records.lock import held, refuse_if_held
from skipscope.records.schema import RunRecord
from skipscope.records.store import USUAL
from skipscope.said_once import saying_once
from skipscope.spec import DataName, StudySpec, load_study
from skipscope.training.events import Event

if TYPE_CHECKING:
    from skipscope.engine.cluster.execute import Cluster


class RunFailed(TrainingError):
    """Runs of a study failed; the results of the others are kept."""

    def __init__(
        self, what: str, *, where: str, hint: str, workspace: Workspace, failures: Mapping[str, str]
    ) -> None:
        """`workspace` has all that is kept; `failures` says by the ids of the runs why they failed."""
        super().__init__(what, where=where, hint=hint)
        self.workspace, self.failures = workspace, dict(failures)


def run(
    study: StudySpec | Path | str,
    workspace: os.PathLike[str] | str = USUAL,
    *,
    data: DataName | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    train_limit: int | None = None,
    jobs: int | None = None,
    budget: str | None = None,
    executor: Literal["local", "ray"] = "local",
    address: str | None = None,
    any_kind: bool = False,
) -> Workspace:
    """Trains what is missing of a study, showing its progress, and returns the workspace that holds it.

    Workers are spawned, so a script calls this under `if __name__ == "__main__":`; a notebook need not.
    Ctrl-C (in a notebook: interrupt) lets the runs save first; the same call then goes on.

    Args:
        study: the name of a shipped study ("lab"), the path of a TOML file, or what `load_study` read.
        workspace: the folder for runs, studies and reports.
        data: replaces the study's data set.
        epochs: of every arm, instead of the study's.
        seeds: runs per arm, instead of the study's.
        train_limit: trains on this many images.
        jobs: runs side by side; by default one a core.
        budget: cuts the study to fit into "20m", "1h30m" ...: fewer seeds, then epochs, then images.
        executor: "ray" trains on the nodes of a Ray cluster (docs/cluster.md).
        address: of that cluster: "HOST:6379", "ray://HOST:10001"; by default the one of this machine.
        any_kind: lets several kinds of processor train the arms of a seed.

    Raises:
        RunFailed: a run failed, or diverged; says why. What the others gave is kept: `error.workspace`.
        UsageError: the script has no guard, or an argument is impossible.
        DataError: the data set is not there, or damaged.
        WorkspaceError: another process works in the workspace, or it cannot be written to.
        MachineError: there is no cluster, or none that can train.
        KeyboardInterrupt: Ctrl-C, after all runs have saved.
    """
    refuse_unguarded("skipscope.run")
    changed = _whole(epochs=epochs, seeds=seeds, train_limit=train_limit)
    spec = adapt(_study(study, data), data=data, where="skipscope.run", **changed)
    where = _where(executor, address, any_kind=any_kind)
    command = _command(study, spec, {"data": data, **changed, "budget": budget}, where)
    folder = Workspace(workspace)
    refuse_if_held(folder.path)  # before anything is timed
    with _watched() as shown, saying_once(), _cluster(where, shown) as cluster:
        shown.say("Planning: a few timed steps of each network")
        elsewhere = workers(cluster)
        planned = plan(spec, folder, command=command, jobs=jobs, budget=budget, elsewhere=elsewhere)
        shown.announce(summary(planned))
        warn_of_another_kind(cluster, planned, shown.say)
        with held(folder.path, doing=command):
            failures = _carry_out(planned, folder, shown, executing(cluster, where))
    if failures:
        raise _failed(planned, folder, failures)
    return folder


def _study(study: StudySpec | Path | str, data: object) -> StudySpec:
    if not isinstance(data, str | None):
        raise UsageError(
            f"data is the name of a data set, not a {type(data).__name__}.",
            hint="cifar10, shapes, or one of your own: skipscope data import PATH --as NAME",
        )
    if isinstance(study, StudySpec):
        return study
    return load_study(study, unknown=partial(unknown_names, instead=data))


def _whole(**given: Any) -> dict[str, int | None]:
    """Returns whole numbers of any kind, numpy's too, as Python's."""
    for name, value in given.items():
        if value is not None and not hasattr(value, "__index__"):
            raise UsageError(f"{name} is a whole number, not {value!r}.")
    return {name: None if value is None else value.__index__() for name, value in given.items()}


def _where(executor: str, address: str | None, *, any_kind: bool) -> Where:
    if executor != "local":
        return Where(executor=executor, address=address, any_kind=any_kind)
    if address is not None or any_kind:
        raise UsageError("address and any_kind are for a cluster.", hint='give executor="ray" with them')
    return HERE


def _cluster(where: Where, shown: Display) -> AbstractContextManager["Cluster | None"]:
    return opened_cluster(where, say=shown.say, waiting=lambda said: nullcontext(shown.say(said)))


def _command(
    study: StudySpec | Path | str, spec: StudySpec, asked: Mapping[str, object], where: Where = HERE
) -> str:
    """Returns what is typed for the same: on the command line, unless the study exists in Python only."""
    if not isinstance(study, StudySpec):
        return shlex.join(["skipscope", "run", os.fspath(study), *flags(asked), *typed(where)])
    chosen = {key: value or None for key, value in where.items()}
    given = "".join(f", {key}={value!r}" for key, value in {**asked, **chosen}.items() if value is not None)
    return f"skipscope.run(load_study({spec.name!r}){given})"


@contextmanager
def _watched() -> Iterator[Display]:
    """Shows progress: a table in a notebook, bars on a terminal, else lines on stderr."""
    if in_notebook():
        yield Page()
    else:
        with opened(Console(stderr=True, highlight=False)) as shown:
            yield shown


def _carry_out(planned: Plan, folder: Workspace, shown: Display, elsewhere: Any = None) -> dict[str, str]:
    """Measures and trains, here or `elsewhere`; returns by run why some of them failed."""
    failures: dict[str, str] = {}
    warned: dict[str, str] = {}
    stopped: list[bool] = []

    def interrupted() -> None:
        stopped.append(True)
        shown.say("Stopping: the runs save what they have")

    def on_event(event: Event) -> None:
        if event.state == "failed":
            failures[event.run] = event.message
        if event.state == "warned":
            warned[event.run] = f"{name_of(shown.runs[event.run])}: {event.message}"
        shown.on_event(event)

    measuring = "Measuring networks before their first step"
    measure_starts(
        planned.record,
        folder,
        jobs=min(planned.jobs, planned.cores) if elsewhere else planned.jobs,
        on_event=lambda said: shown.say(f"{measuring}: {said}"),
        warn=lambda said: warned.update({said: said}),
    )
    shown.begin(planned)
    records = (elsewhere or execute)(planned, folder, on_event=on_event, interrupted=interrupted)
    for run, said in warned.items():
        if run not in failures:
            warnings.warn(said, stacklevel=3)
    if stopped:
        raise KeyboardInterrupt("the runs have saved; the same call goes on with them")
    return failures | {record.id: _reason(record) for record in records if record.state == "failed"}


def _reason(record: RunRecord) -> str:
    return record.failure.message if record.failure else "it left no reason"


def _failed(planned: Plan, folder: Workspace, failures: Mapping[str, str]) -> RunFailed:
    """Returns the error that names each failed run, with the reason, file and line, and what helps."""
    names = {run.spec.id: name_of(run) for run in planned.runs}
    reasons: dict[str, list[str]] = {}
    for run, message in failures.items():
        reasons.setdefault(message, []).append(names[run])
    parts = [(names, *_parted(message)) for message, names in reasons.items()]
    what = "; ".join(f"{', '.join(names)}: {what}" for names, what, _, _ in parts)
    rest = len(planned.runs) - len(failures)
    others = "the other run is" if rest == 1 else f"the other {rest} runs are"
    kept = f"; {others} kept, in this error's .workspace" if rest else ""
    hints = dict.fromkeys(hint for _, _, _, hint in parts if hint)
    return RunFailed(
        f"{len(failures)} of {counted(len(planned.runs), 'run')} failed. {what}",
        where="; ".join(dict.fromkeys(where for _, _, where, _ in parts if where)) or str(folder.path),
        hint=f"{'; '.join(hints) or 'see the reason'}, then call skipscope.run again{kept}",
        workspace=folder,
        failures=failures,
    )


def _parted(message: str) -> tuple[str, str, str]:
    """Parts an error's text, as `SkipscopeError` writes it, into what, where and what next."""
    found = {"where: ": "", "next:  ": ""}
    what = []
    for line in message.splitlines():
        key = next((key for key in found if line.startswith(key)), None)
        if key is None:
            what.append(line)
        else:
            found[key] = line.removeprefix(key)
    return " ".join(what), found["where: "], found["next:  "]
