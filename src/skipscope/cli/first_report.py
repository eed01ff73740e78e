"""A report that is written while trained networks are still measured: curves need not wait for probes."""

import multiprocessing as mp
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import SpawnProcess
from pathlib import Path

WORTH_SECONDS = 30.0
"""A report is written before measuring ends if that takes longer: it takes about ten seconds itself."""


class FirstReport:
    """Writes a study's report in a process of its own, so that Ctrl-C is heard meanwhile."""

    def __init__(self, workspace: Path, study: str) -> None:
        """Begins nothing yet."""
        self.workspace, self.study = workspace, study
        self.process: SpawnProcess | None = None

    def begin(self, seconds: float, *, say: Callable[[str], object]) -> None:
        """Starts writing, and says where, unless what is left to measure takes few seconds."""
        from skipscope.interrupts import INTERRUPTS, signals_blocked
        from skipscope.records.store import Workspace

        if seconds <= WORTH_SECONDS:
            return
        page = Workspace(self.workspace).report_folder(self.study) / "report.html"
        say(f"All runs are trained. A first report is being written, and again when all is measured: {page}")
        self.process = mp.get_context("spawn").Process(
            target=write, args=(self.workspace, self.study), daemon=True
        )
        with signals_blocked(*INTERRUPTS):
            self.process.start()

    def end(self, *, at_once: bool) -> None:
        """Waits until it is written, or stops it where it is: files are whole or not there."""
        if self.process is None:
            return
        if at_once:
            self.process.kill()
        self.process.join()


def write(workspace: Path, study: str) -> None:
    """Writes the report; what goes wrong is told when it is written for good."""
    from skipscope.records.store import Workspace
    from skipscope.report import build_report

    with suppress(Exception):
        build_report(Workspace(workspace), study)
