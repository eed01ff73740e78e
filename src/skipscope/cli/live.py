"""`skipscope live`: the lab page, on which runs are watched while they train."""

from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from skipscope.cli.options import DEFAULT_WORKSPACE, WorkspaceOption, complaints, say

if TYPE_CHECKING:
    from skipscope.live.serve import Served

Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Where to serve it.  [default: 8457, or a free one]", show_default=False
    ),
]
NoOpen = Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")]


def live(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    port: Port = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Let other machines reach it; its token is asked for.")
    ] = "127.0.0.1",
    no_open: NoOpen = False,
) -> None:
    """Serve the lab page: watch runs while they train, in a browser."""
    from skipscope.language import language
    from skipscope.live.serve import serving
    from skipscope.records.store import Workspace

    with serving(Workspace(workspace), language=language(), host=host, port=port) as served:
        announce(served, no_open=no_open)
        wait_for_ctrl_c()


def announce(served: "Served", *, no_open: bool) -> None:
    """Prints the page's address alone on its line, says how to reach it, and opens a browser."""
    typer.echo(served.url)  # flushed: whoever reads it can open it at once
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
    if not no_open:
        import webbrowser

        webbrowser.open(served.url)


def wait_for_ctrl_c() -> None:
    """Waits until somebody ends the page."""
    try:
        while True:
            sleep(3600)
    except KeyboardInterrupt:
        return
