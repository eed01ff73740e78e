"""Options that several commands share, and the console they print to."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console(highlight=False, soft_wrap=False)
complaints = Console(stderr=True, highlight=False)

Place = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", envvar="SKIPSCOPE_WORKSPACE", help="The folder for runs, studies and reports.",
    ),
]  # fmt: skip
PLACE = Path("skipscope-out")

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets are kept. [env: SKIPSCOPE_DATA]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON object.")]


class DataSet(StrEnum):
    """The data sets, as the command line names them."""

    CIFAR10 = "cifar10"
    SHAPES = "shapes"
