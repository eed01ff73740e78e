"""Stops what trains in a workspace, and continues a study: what a person does from the page.

A stop is a request in the workspace, which any run there hears. A study is continued by its own command, as a
child process. A record that somebody sent must not choose what is run here: only a study that comes with
skipscope is continued, or the one that was named when the page was opened.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from skipscope.errors import UsageError
from skipscope.language import language
from skipscope.records.lock import refuse_if_held
from skipscope.records.schema import StudyRecord
from skipscope.records.stop import ask_to_stop
from skipscope.records.store import Workspace
from skipscope.spec import shipped_studies

PROGRAM = (sys.executable, "-P", "-c", "from skipscope.cli import main; main()")
OPTIONS = ("--data", "--epochs", "--seeds", "--train-limit", "--budget")
"""What a study's command may have behind its name."""
TOLD = 2000
"""Bytes of what a command printed last that are shown."""


class Control:
    """Knows the process that the page began last."""

    def __init__(
        self, workspace: Workspace, *, named: str | None = None, data_dir: Path | None = None
    ) -> None:
        """`named` is the study that the person at the terminal named, if any."""
        self.workspace, self.named, self.data_dir = workspace, named, data_dir
        self.child: subprocess.Popen[bytes] | None = None
        self.asked = False
        """Whether this page asked for a stop."""
        self._printed: IO[bytes] | None = None

    def stop(self) -> None:
        """Asks what trains here to save and stop.

        Raises:
            WorkspaceError: the request cannot be written.
        """
        self.asked = True
        ask_to_stop(self.workspace.path)

    def go_on(self, study: StudyRecord) -> None:
        """Begins the study's command again: it goes on where it stopped.

        Raises:
            UsageError: its command is not one that a page may begin.
            WorkspaceError: another process works here.
        """
        words = command_of(study, named=self.named)
        refuse_if_held(self.workspace.path)
        if self.child is not None and self.child.poll() is None:
            return
        own = ["-w", str(self.workspace.path.resolve())]
        own += ["--data-dir", str(self.data_dir)] if self.data_dir else []
        self._printed = TemporaryFile()  # noqa: SIM115 - it is read for as long as the server lasts
        self.child = subprocess.Popen(  # noqa: S603 - our own program, with arguments that were looked through
            [*PROGRAM, "--lang", language(), "run", *words, *own],
            stdin=subprocess.DEVNULL, stdout=self._printed, stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},  # in the order of writing
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Tells what became of the process."""
        if self.child is None:
            return {"began": False, "ended": None, "said": ""}
        code = self.child.poll()
        return {"began": True, "ended": code, "said": self._said() if code else ""}

    def _said(self) -> str:
        """Reads the end of what the process printed."""
        if self._printed is None:
            return ""
        self._printed.seek(max(0, self._printed.seek(0, 2) - TOLD))
        return self._printed.read().decode("utf-8", "replace").strip()

    def end(self, seconds: float) -> None:
        """Waits for the process to save what it has, as Ctrl-C reached it, too; it may outlive this one."""
        if self.child is not None:
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(seconds)
        if self._printed is not None:
            self._printed.close()


def command_of(study: StudyRecord, *, named: str | None) -> Sequence[str]:
    """Returns the arguments of `skipscope run` that a study was planned with.

    Raises:
        UsageError: a page may not begin them; the hint is what to type.
    """
    try:
        program, command, name, *options = shlex.split(study.command)
    except ValueError:
        program = command = name = ""
        options = []
    keys, values = options[::2], options[1::2]
    plain = (
        len(keys) == len(values) and set(keys) <= {*OPTIONS} and not any(v.startswith("-") for v in values)
    )
    known = name in shipped_studies() or (named is not None and name == named)
    if (program, command) != ("skipscope", "run") or not plain or not known:
        raise UsageError(
            f"{study.study.name} is not a study that comes with skipscope, and a page starts no other.",
            hint=f"type it yourself: {study.command}",
        )
    return [name, *options]
