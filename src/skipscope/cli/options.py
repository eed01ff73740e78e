"""Options that several commands share, and the console they print to."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer
from rich.console import Console

if TYPE_CHECKING:
    from rich.table import Table

    from skipscope.spec import DataName

console = Console(highlight=False, soft_wrap=False)
complaints = Console(stderr=True, highlight=False)

Place = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", envvar="SKIPSCOPE_WORKSPACE", help="The folder for runs, studies and reports.",
    ),
]  # fmt: skip
PLACE = Path("skipscope-out")
WIDEST = 1_000
"""Columns of a table."""

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets are kept. [env: SKIPSCOPE_DATA]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON object.")]


def counted(number: int, noun: str) -> str:
    """1 run, 2 runs."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def print_table(table: "Table") -> None:
    """As wide as it is: a terminal that is narrower breaks its lines, and no number is cut."""
    from rich.measure import Measurement

    table.width = Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum
    console.print(table, soft_wrap=True)


class DataSet(StrEnum):
    """The data sets, as the command line names them."""

    CIFAR10 = "cifar10"
    SHAPES = "shapes"


class Overrides(TypedDict):
    """What stands on a command line in place of what a study's file says; None where it says nothing."""

    data: "DataName | None"
    epochs: int | None
    seeds: int | None
    train_limit: int | None


def words_of(said: Overrides, budget: str | None = None) -> list[str]:
    """The same as it is typed."""
    values = said | {"budget": budget}
    return [
        word
        for key, value in values.items()
        if value is not None
        for word in (f"--{key.replace('_', '-')}", str(value))
    ]
