"""`skipscope probe`: measures a finished run again, and lists what can be measured."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from skipscope.cli.options import (
    DEFAULT_WORKSPACE,
    DataDir,
    WorkspaceOption,
    console,
    print_table,
    say,
    table_of,
)
from skipscope.language import listed, spoken

if TYPE_CHECKING:
    from skipscope.engine.probe import ProbedRun
    from skipscope.probes.base import Probe

WHEN = {
    "step": "while training, at some steps",
    "epoch": "while training, after each epoch",
    "initial": "before the first step",
    "equal_loss": "where a loss is first reached",
    "frozen": "on the trained network",
}
"""In the order of a run."""


def probe(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run's id or the beginning of one, or an arm of the study planned last.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="This probe only; may be repeated.", show_default=False),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List what each probe measures.")] = False,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    data_dir: DataDir = None,
) -> None:
    """Measure a finished run again.

    Runs the probes of trained networks on it, with the validation images that were used when its training
    ended. Their new readings replace their old ones; readings of other probes are kept. A report shows them
    once it is written again: skipscope report.
    """
    if list_all:
        from skipscope.probes.registry import PROBES

        for each in PROBES.values():
            _describe(each)
        return
    if run is None:
        raise typer.BadParameter("name a run, or give --list", param_hint="RUN")
    from skipscope.api.measuring import measuring
    from skipscope.engine.probe import measure_again
    from skipscope.records.store import Workspace

    with measuring(console) as on_event:
        measured = measure_again(
            Workspace(workspace), run, only=only or [], data_dir=data_dir, on_event=on_event
        )
    _show(measured)


def _show(measured: "ProbedRun") -> None:
    table = table_of("probe", numbers=("readings", "seconds"))
    for name, seconds in measured.seconds.items():
        table.add_row(name, f"{measured.readings[name]:,}", f"{seconds:.1f}")
    say(measured.record.id, "bold")
    print_table(table)
    for sentence in measured.unfollowed:
        say(sentence)
    say(f"written: {measured.file}")


def _describe(each: "Probe[Any]") -> None:
    """Prints when a probe runs, what it measures in which unit, its source and its cost."""
    from rich.table import Table

    console.print(Text(each.name, style="bold"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    moments = listed(spoken(words) for key, words in WHEN.items() if key in each.when)
    when, source, cost = map(spoken, ("when", "source", "cost"))
    rows = {when: moments, **each.units, source: each.source, cost: each.cost}
    for key, words in rows.items():
        table.add_row(Text(f"  {key}"), Text(spoken(words)))
    console.print(table)
    console.print()
