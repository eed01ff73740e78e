"""`skipscope live`: the lab page, on which runs are watched while they train."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.cli.options import DEFAULT_WORKSPACE, DataDir, WorkspaceOption, complaints, say

if TYPE_CHECKING:
    from skipscope.live.serve import Served
    from skipscope.records.store import Workspace

SAVING_SECONDS = 10.0
"""What a run that the page began has to save in, when Ctrl-C ends both."""
Port = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="Where to serve it.  [default: 8457, or a free one]", show_default=False
    ),
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")]
Live = Annotated[bool, typer.Option("--live", help="Open the lab page beside it.")]


def live(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    port: Port = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Let other machines reach it; its token is asked for.")
    ] = "127.0.0.1",
    data_dir: DataDir = None,
    no_open: NoOpen = False,
) -> None:
    """Serve the lab page: watch runs while they train, in a browser."""
    from skipscope.language import language
    from skipscope.live.control import Control
    from skipscope.live.serve import serving
    from skipscope.records.store import Workspace

    control = Control(Workspace(workspace), data_dir=data_dir)
    with serving(control, language=language(), host=host, port=port) as served:
        announce(served, no_open=no_open)
        wait_for_ctrl_c()
    control.end(SAVING_SECONDS)


@contextmanager
def page_beside(workspace: "Workspace", study: str, data_dir: Path | None, *, wanted: bool) -> Iterator[None]:
    """Serves the lab page, if that is `wanted`, while a study is run.

    It stays afterwards until Ctrl-C, if a person is at the terminal and has not pressed that already.
    """
    if not wanted:
        yield
        return
    from skipscope.language import language
    from skipscope.live.control import Control
    from skipscope.live.serve import serving

    control = Control(workspace, named=study, data_dir=data_dir)
    with serving(control, language=language()) as served:
        announce(served, no_open=False)
        failed = None
        try:
            yield
        except typer.Exit as exit:
            failed = exit
        if sys.stdin.isatty() and (failed is None or control.asked):
            say("The lab page stays. Ctrl-C ends it.")
            wait_for_ctrl_c()
    control.end(SAVING_SECONDS)
    if failed:
        raise failed


def announce(served: "Served", *, no_open: bool) -> None:
    """Prints the page's address alone on its line, says how to reach it, and opens a browser."""
    typer.echo(served.url)
    sys.stdout.flush()  # whoever reads it through a pipe can open it at once
    if served.is_local:
        port = served.port
        say(f"From another machine: ssh -L {port}:127.0.0.1:{port} USER@THIS-MACHINE, then that address.")
    else:
        complaints.print(
            f"Anybody who reaches {served.host} and knows this address can watch and stop runs here. "
            "What is sent is not encrypted: in a network that you do not trust, use ssh -L.",
            style="yellow",
            soft_wrap=True,
            markup=False,
        )
    say("Ctrl-C ends it.")
    if not no_open and has_screen():
        import webbrowser

        webbrowser.open(served.url)


def has_screen() -> bool:
    """Tells whether a browser can be shown here: elsewhere one in text would take the terminal."""
    if "SSH_CONNECTION" in os.environ:
        return False
    return sys.platform in ("win32", "darwin") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())


def wait_for_ctrl_c() -> None:
    """Waits until somebody ends the page."""
    try:
        while True:
            sleep(3600)
    except KeyboardInterrupt:
        return
