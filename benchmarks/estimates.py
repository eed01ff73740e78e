"""What a plan says that a study takes, beside what it takes: five small studies, each trained and measured.

`python benchmarks/estimates.py [DATA [STUDY ...]]` with `shapes` (the default, embedded) or an imported data
set, and all studies or these. The aim is a ratio within a quarter of 1 on a quiet machine; beside other work
the second ratio, of seconds of a core, says more. Each study has a workspace of its own; the steps of its
networks are timed before the clock starts. The report is no part of it.
"""

import resource
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.records.store import Workspace
from skipscope.spec import parse_study
from skipscope.training.events import Event

RECIPE = {"epochs": 1, "batch_size": 64}
STUDIES: Mapping[str, Mapping[str, Any]] = {
    "training": {"arm": [{"model": "resnet8"}, {"model": "plain8"}], "seeds": 2, "probes": []},
    "classroom": {"arm": [{"model": "cnn"}, {"model": "resnet"}], "train_limit": 1_000},
    "residual": {"arm": [{"model": "plain8"}, {"model": "resnet8"}, {"model": "se_resnet8"}]},
    "dense": {"arm": [{"model": "densenet10_k4"}, {"model": "cnn"}]},
    "equal-loss": {
        "arm": [{"model": "plain8"}, {"model": "resnet8"}],
        "probes": ["landscape", "curvature"],
        "snapshots": {"losses": [2.4, 2.3, 2.2, 2.0]},
    },
}
"""Training alone; probes of small and of larger networks; dense ones; and measuring at equal loss."""


def compared(name: str, data: str) -> str:
    """Plans and carries out one of the studies; formats what it was estimated to take, and what it took."""
    table = {"name": name, "data": data, "train_limit": 2_000, "recipe": RECIPE} | dict(STUDIES[name])
    study = parse_study(table, where="this benchmark")
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        planned = plan(study, workspace, command="")
        start, before = perf_counter(), core_seconds()
        execute(planned, workspace, on_event=say_troubles, interrupted=lambda: None)
        taken, used = perf_counter() - start, core_seconds() - before
        undone = plan(study, workspace, command="").waiting
    if undone:
        left = ", ".join(f"{run.spec.id} ({run.state}, {run.missing_probes})" for run in undone)
        raise SystemExit(f"{name} is not done: {left}")
    of_cores = sum(run.seconds for run in planned.runs)
    return (
        f"{name:10} estimated {planned.seconds:6.1f} s, took {taken:6.1f} s: {planned.seconds / taken:.2f}; "
        f"of a core {of_cores:6.1f} s, {used:6.1f} s: {of_cores / used:.2f}"
    )


def core_seconds() -> float:
    """Counts the seconds that cores worked for processes which this one started and which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def say_troubles(event: Event) -> None:
    """Prints what keeps a run from its end, or a probe."""
    if event.state in ("failed", "warned", "restarted", "stopped"):
        print(f"{event.run} {event.part}: {event.message}", file=sys.stderr)


def main() -> None:
    """Print a line per study."""
    data, *names = sys.argv[1:] or ["shapes"]
    for name in names or STUDIES:
        print(compared(name, data), flush=True)


if __name__ == "__main__":
    main()
