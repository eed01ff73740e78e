"""`skipscope work`: one run from a file, on any machine."""

from pathlib import Path
from typing import Annotated

import typer

from skipscope.cli.options import DataDir, console, say
from skipscope.language import spoken


def work(
    spec: Annotated[
        Path, typer.Argument(help="A run as a file: skipscope run STUDY --specs FOLDER writes them.")
    ],
    into: Annotated[
        Path, typer.Option("--into", help="The workspace: the run's folder is made in its folder runs.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Train one run from its spec; resumes where it stopped.

    For a cluster's own scheduler. Ctrl-C or SIGTERM saves the run, and the same command goes on with it.
    """
    from skipscope.api.progress import opened
    from skipscope.engine.one_run import ordered, train_ordered
    from skipscope.engine.order import read_order
    from skipscope.records.store import Workspace

    store = Workspace(into)
    run = ordered(read_order(spec), store, data_dir)
    with opened(console) as shown:
        shown.runs = {run.spec.id: run}
        record = train_ordered(
            run,
            store,
            data_dir=data_dir,
            on_event=shown.on_event,
            interrupted=lambda: shown.say("Stopping: the run saves what it has (Ctrl-C again: stop now)"),
        )
    say(f"written: {store.run_folder(run.spec.id).path}")
    if record is None or record.state != "done":
        if record is not None and record.failure is not None:
            say(f"{spoken(f'{record.id} failed.')} {spoken(record.failure.message)}", "red")
        else:
            console.print("The run is not finished. The same command goes on.")
        raise typer.Exit(1)
