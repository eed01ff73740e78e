"""`skipscope calibrate`: false verdicts and power of the claims, and the coverage of their intervals."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skipscope.cli.options import (
    DEFAULT_WORKSPACE,
    Jobs,
    Json,
    WorkspaceOption,
    console,
    print_json,
    print_table,
    say,
    table_of,
)
from skipscope.language import spoken

if TYPE_CHECKING:
    from skipscope.analysis.tables import StudyTables
    from skipscope.claims.calibration.coverage import Coverage
    from skipscope.records.store import Workspace


def calibrate(
    studies: Annotated[
        int | None, typer.Option(min=1, help="Simulated studies of each kind: 1,000; with --coverage 20,000.")
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="How often intervals contain the truth, and nothing else.")
    ] = False,
    against_itself: Annotated[
        int,
        typer.Option(min=0, help="Studies of a network against itself, ten runs each on the embedded data."),
    ] = 0,
    jobs: Jobs = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: Json = False,
) -> None:
    """Measure how often claims are falsely supported or contradicted, and their power.

    Simulates studies at the spread and skewness of the workspace's runs: without an effect, with the smallest
    effect worth having, and with twice that. Prints the rates and keeps them for reports.
    """
    if coverage:
        _coverage(studies, json=json)
        return
    from skipscope.claims.calibration.against_itself import rates, verdicts
    from skipscope.claims.calibration.calibrate import STUDIES, document, save_calibration
    from skipscope.records.store import Workspace

    kept = Workspace(workspace)
    real: dict[str, Any] = {}
    if against_itself:  # first: a command that was stopped resumes them
        tables = _trained(kept, against_itself, jobs)
        with console.status("Comparing a network with itself"):
            real = rates(verdicts(tables))
    number = studies or STUDIES
    found = document(_simulated(kept, number), real, studies=number, source=kept.path.name)
    path = save_calibration(kept, found)
    if json:
        print_json(found)
        return
    _print(found)
    say(path)


def _coverage(studies: int | None, *, json: bool) -> None:
    """Simulates the intervals of every distribution, and prints how many contain the truth."""
    from rich.progress import Progress

    from skipscope.claims.calibration.coverage import ACCURACY, PAIRS, STUDIES, coverage
    from skipscope.claims.calibration.draws import DISTRIBUTIONS

    number = studies or STUDIES
    with Progress(console=console, transient=True, disable=json) as progress:
        task = progress.add_task(spoken("Simulated studies"), total=len(PAIRS) * (len(DISTRIBUTIONS) + 1))
        found = coverage(number, on_event=lambda: progress.advance(task))
    if json:
        print_json({"schema": 1, "coverage": [each.model_dump() for each in found]})
        return
    _print_coverage(found, PAIRS, [*DISTRIBUTIONS, ACCURACY])


def _print_coverage(found: "list[Coverage]", pairs: tuple[int, ...], names: list[str]) -> None:
    table = table_of("pairs differ as", *(f"n = {n}" for n in pairs))
    covered = {(each.differences, each.pairs): each.covered for each in found}
    for name in names:
        table.add_row(spoken(name), *(f"{covered[name, n]:.1%}" for n in pairs))
    print_table(table)


def _simulated(workspace: "Workspace", studies: int) -> dict[str, Any]:
    from rich.progress import Progress

    from skipscope.claims.calibration.calibrate import calibrate
    from skipscope.claims.calibration.recorded import recorded

    with console.status("Reading how pairs differ in the workspace's runs"):
        found = recorded(workspace)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(spoken("Simulated claims"), total=len(found))
        return calibrate(found, studies=studies, on_event=lambda: progress.advance(task))


def _trained(workspace: "Workspace", studies: int, jobs: int | None) -> "StudyTables":
    """Trains the runs of one network that are not there yet, and reads all of them."""
    from skipscope.analysis.tables import gather
    from skipscope.api.progress import display
    from skipscope.claims.calibration.against_itself import study
    from skipscope.engine.local import execute
    from skipscope.engine.plan import plan

    spec = study(studies)
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
    columns = ("study", "false at 0", "at the bound", "least favourable", "power", "against itself")
    table = table_of("", *columns)
    for id, row in found["claims"].items():
        real = row.get("real")
        cells = (
            _worst(row.get("null")),
            _worst(row.get("at_bound", {}).get("skewed")),
            _worst(row.get("least_favourable", {}).get("skewed")),
            f"{row['power']:.1%}" if "power" in row else "-",
            spoken(f"{real['supported']:.1%} of {real['studies']}") if real else "-",
        )
        table.add_row(id, row.get("study", "-"), *cells)
    print_table(table)
    for id, row in found["claims"].items():
        for miss in row.get("misses", ()):
            say(f"  {id} misses its bar: {miss}")


def _worst(rates: dict[str, float] | None) -> str:
    """Formats the larger of two false rates."""
    return f"{max(rates.values()):.1%}" if rates else "-"
