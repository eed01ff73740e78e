"""Runs a study in one call, for notebooks and scripts."""

from pathlib import Path

from skipscope.engine.at_init import measure_starts
from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.records.lock import held
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec


def run(study: StudySpec, workspace: Path | str = "skipscope-out", *, jobs: int | None = None) -> Workspace:
    """Trains what is missing of the study and returns the workspace that holds it.

    Workers are spawned, so a script calls this under `if __name__ == "__main__":`.
    """
    folder = Workspace(workspace)
    planned = plan(study, folder, command=f"skipscope.run(load_study({study.name!r}))", jobs=jobs)
    with held(folder.path, doing=planned.record.command):
        measure_starts(planned.record, folder, jobs=jobs)
        execute(planned, folder, on_event=lambda _event: None, interrupted=lambda: None)
    return folder
