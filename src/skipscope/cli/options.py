"""Options that several commands share, the consoles they print to, and how they format."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import typer
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.status import Status
from rich.text import Text

from skipscope.language import language, spoken

if TYPE_CHECKING:
    from rich.table import Table

    from skipscope.spec import DataName


class Terminal(Console):
    """Says what it is told in the language of its reader; what is no sentence of ours stays as it is."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Prints; text is translated. The terminal wraps Chinese: rich breaks lines at spaces only."""
        if language() == "zh" and all(isinstance(each, str) for each in objects):
            how["soft_wrap"] = True
        super().print(*(spoken(each) if isinstance(each, str) else each for each in objects), **how)

    def status(self, status: RenderableType, **how: Any) -> Status:
        """Shows that something is going on."""
        return super().status(spoken(status) if isinstance(status, str) else status, **how)


console = Terminal(highlight=False, soft_wrap=False)
complaints = Terminal(stderr=True, highlight=False)

StudyArgument = Annotated[
    str | None, typer.Argument(help="The study's name.  [default: the one planned last]", show_default=False)
]
WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="SKIPSCOPE_WORKSPACE",
        help="The folder for runs, studies and reports; an archive of one can be read.",
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="Your name, in any script, on the first page.", show_default=False),
]
StudentIdOption = Annotated[
    str | None, typer.Option("--student-id", help="Your number, on the first page.", show_default=False)
]
CourseOption = Annotated[
    str | None, typer.Option("--course", help="The course, on the first page.", show_default=False)
]
DateOption = Annotated[
    str | None,
    typer.Option("--date", help="The date there.  [default: the day of the last run]", show_default=False),
]
NotesOption = Annotated[
    Path | None,
    typer.Option("--notes", help="Your own analysis as Markdown, for the report.", show_default=False),
]
DEFAULT_WORKSPACE = Path("skipscope-out")
WIDEST = 1_000
"""Columns that a table may have at most."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets are kept. [env: SKIPSCOPE_DATA]", show_default=False),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Runs side by side; default: one a core.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def busy(what: str) -> Status:
    """Shows on a terminal that a silent part of a command is at work; what is piped on is not touched."""
    return complaints.status(what)


def say(text: object, style: str = "") -> None:
    """Prints a sentence or a path: neither wrapped nor read as markup, so that paths can be copied."""
    told = spoken(text) if isinstance(text, str) else str(text)
    console.print(Text(told, style=style), soft_wrap=True)


def complain(error: Exception) -> None:
    """Prints an error on stderr."""
    complaints.print(f"[bold red]skipscope:[/] {escape(spoken(str(error)))}", soft_wrap=True)


def print_json(content: dict[str, Any], *, ensure_ascii: bool = True) -> None:
    """Prints one JSON object."""
    import json

    typer.echo(json.dumps(content, indent=1, ensure_ascii=ensure_ascii))


def table_of(*words: str, numbers: Iterable[str] = (), indent: int = 0) -> "Table":
    """Makes a table without lines: columns of words, then of numbers, which are aligned to the right."""
    from rich.table import Table

    table = Table(*map(spoken, words), box=None, padding=(0, 2, 0, indent))
    for column in numbers:
        table.add_column(spoken(column), justify="right", no_wrap=True)
    return table


def print_table(table: "Table") -> None:
    """Prints a table at its full width: a narrower terminal wraps its lines, and no number is cut."""
    from rich.measure import Measurement

    table.width = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    console.print(table, soft_wrap=True)


class Overrides(TypedDict):
    """Values from the command line that replace a study's; None where the study's hold."""

    data: "DataName | None"
    epochs: int | None
    seeds: int | None
    train_limit: int | None
