"""Training with the page open: the same bits, as the engine only looks whether somebody asks it to stop."""

from pathlib import Path
from threading import Event, Thread

import pytest
from live_server import browsing, events, free_port
from small_study import denormals, small
from workers_in_process import workers_in_process

from skipscope.engine.local import execute
from skipscope.engine.plan import plan
from skipscope.live.control import Control
from skipscope.live.serve import serving
from skipscope.records.store import Workspace
from skipscope.spec import StudySpec

__all__ = ["denormals", "small", "workers_in_process"]


def trained(study: StudySpec, folder: Path) -> tuple[bytes, bytes]:
    """The weights that a study's run ends with, and its losses."""
    workspace = Workspace(folder)
    (run,) = execute(
        plan(study, workspace, command="skipscope run small", jobs=1),
        workspace,
        on_event=lambda _event: None,
        interrupted=lambda: None,
    )
    files = workspace.run_folder(run.id)
    rows = [line for line in files.metrics_file.read_bytes().splitlines() if b'"step"' in line]
    return files.model_file.read_bytes(), b"\n".join(row for row in rows if b'"kind": "step"' in row)


@pytest.mark.usefixtures("workers_in_process")
def test_a_page_that_is_open_changes_no_bit(small: StudySpec, tmp_path: Path) -> None:
    alone = trained(small, tmp_path / "alone")
    watched = tmp_path / "watched"
    ended, seen = Event(), list[int]()

    def look() -> None:
        with browsing(page) as client, events(client, study="") as news:
            for _, each in news:
                seen.extend(step for line in each.get("lines", {}).values() for step in line["step"])
                if ended.is_set() or 3 in seen:
                    return

    with serving(Control(Workspace(watched)), language="en", port=free_port()) as page:
        looking = Thread(target=look)
        looking.start()
        beside = trained(small, watched)
        ended.set()
        looking.join(20)
    assert beside == alone
    assert seen == [1, 2, 3]
