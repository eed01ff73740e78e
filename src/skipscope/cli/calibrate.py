"""`skipscope calibrate`: false-positive rate and power of the verdicts, by simulation."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skipscope.cli.options import (
    DEFAULT_WORKSPACE,
    Jobs,
    WorkspaceOption,
    console,
    print_table,
    say,
    table_of,
)

if TYPE_CHECKING:
    from skipscope.analysis.tables import StudyTables
    from skipscope.records.store import Workspace


def calibrate(
    comparisons: Annotated[int, typer.Option(min=1, help="Simulated studies per scenario.")] = 200,
    pairs: Annotated[
        int, typer.Option(min=0, help="Real pairs of runs of one network on the embedded data set; 0: none.")
    ] = 10,
    splits: Annotated[int, typer.Option(min=1, help="How often these runs are divided in two.")] = 20,
    jobs: Jobs = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Measure the false-positive rate and the power of the claims.

    Simulates studies without an effect, with the smallest effect of interest, and with twice that; and
    compares real runs of one network with each other. Prints the rates and keeps them for reports.
    """
    from skipscope.claims.calibration.against_itself import rates, verdicts
    from skipscope.claims.calibration.calibrate import document, save_calibration
    from skipscope.records.store import Workspace

    kept = Workspace(workspace)
    real: dict[str, Any] = {}
    if pairs:  # first: a command that was stopped resumes them
        tables = _trained(kept, pairs, jobs)
        with console.status("Comparing a network with itself"):
            real = rates(verdicts(tables, splits))
    found = document(_simulated(comparisons), real, comparisons=comparisons, pairs=pairs, splits=splits)
    path = save_calibration(kept, found)
    _print(found)
    say(path)


def _simulated(comparisons: int) -> dict[str, Any]:
    from rich.progress import Progress

    from skipscope.anatomy.describe import describe
    from skipscope.claims.calibration.calibrate import SCENARIOS, STUDIES, calibrate

    with Progress(console=console, transient=True) as progress:
        total = comparisons * len(SCENARIOS) * len(STUDIES)
        task = progress.add_task("Simulated studies", total=total)
        return calibrate(describe, comparisons=comparisons, on_event=lambda: progress.advance(task))


def _trained(workspace: "Workspace", pairs: int, jobs: int | None) -> "StudyTables":
    """Trains the runs of one network that are not there yet, and reads all of them."""
    from skipscope.analysis.tables import gather
    from skipscope.api.progress import display
    from skipscope.claims.calibration.against_itself import study
    from skipscope.engine.local import execute
    from skipscope.engine.plan import plan

    spec = study(pairs)
    with console.status("Planning the runs of a network against itself"):
        planned = plan(spec, workspace, command="skipscope calibrate", jobs=jobs)
    with display(planned, console) as shown:
        stopping = partial(shown.say, "Stopping")
        records = execute(planned, workspace, on_event=shown.on_event, interrupted=stopping)
    if sum(record.state == "done" for record in records) < len(planned.runs):
        console.print("Not every run is finished. The same command goes on with them.")
        raise typer.Exit(1)
    return gather(workspace, spec.name)


def _print(found: dict[str, Any]) -> None:
    table = table_of("", "study", "false positives", "any at the bound", "power", "against itself")
    for id, row in found["claims"].items():
        shares = (row.get(key) for key in ("false_supported", "at_bound", "power"))
        real = row.get("real", {}).get("false_supported")
        percents = ("-" if share is None else f"{share:.1%}" for share in (*shares, real))
        table.add_row(id, row.get("study", "-"), *percents)
    print_table(table)
