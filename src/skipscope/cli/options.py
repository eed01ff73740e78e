"""Options that several commands share, the consoles they print to, and how they format."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer
from rich.console import Console
from rich.status import Status

if TYPE_CHECKING:
    from rich.table import Table

    from skipscope.spec import DataName

console = Console(highlight=False, soft_wrap=False)
complaints = Console(stderr=True, highlight=False)

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", envvar="SKIPSCOPE_WORKSPACE", help="The folder for runs, studies and reports.",
    ),
]  # fmt: skip
DEFAULT_WORKSPACE = Path("skipscope-out")
WIDEST = 1_000
"""Columns that a table may have at most."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets are kept. [env: SKIPSCOPE_DATA]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def busy(what: str) -> Status:
    """Shows on a terminal that a silent part of a command is at work; what is piped on is not touched."""
    return complaints.status(what)


def counted(number: int, noun: str) -> str:
    """Formats a number of things: 1 run, 2 runs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Formats a duration: 12 s, 3 min 05 s, 2 h 10 min, 13 d 04 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600:02} h"


def print_table(table: "Table") -> None:
    """Prints a table at its full width: a narrower terminal wraps its lines, and no number is cut."""
    from rich.measure import Measurement

    table.width = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    console.print(table, soft_wrap=True)


class DataSet(StrEnum):
    """The data sets, as the command line names them."""

    CIFAR10 = "cifar10"
    SHAPES = "shapes"


class Overrides(TypedDict):
    """Values from the command line that replace a study's; None where the study's hold."""

    data: "DataName | None"
    epochs: int | None
    seeds: int | None
    train_limit: int | None


def words_of(said: Overrides, budget: str | None = None) -> list[str]:
    """The overrides as they are typed."""
    values = said | {"budget": budget}
    return [
        word
        for key, value in values.items()
        if value is not None
        for word in (f"--{key.replace('_', '-')}", str(value))
    ]
