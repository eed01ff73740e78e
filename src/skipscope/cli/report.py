"""`skipscope report`: draws a study's report again from its records."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

FORMATS = ("html", "md")


def report(
    study: Annotated[
        str | None,
        typer.Argument(help="The study's name.  [default: the one planned last]", show_default=False),
    ] = None,
    *,
    lang: Annotated[
        str | None,
        typer.Option(help="zh or en: the language the page opens in; it holds both.", show_default=False),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(help="html or md, repeated or with commas.  [default: both]", show_default=False),
    ] = None,
    workspace: Annotated[
        Path,
        typer.Option("--workspace", "-w", envvar="SKIPSCOPE_WORKSPACE", help="Where runs and reports live."),
    ] = Path("skipscope-out"),
) -> None:
    """Draw the report of a study from its records: a page in Chinese and English, and Markdown."""
    # altair and polars take half a second to import: `skipscope --help` does not wait for them
    from skipscope.records.store import Workspace
    from skipscope.report import build_report

    wanted = {part.strip() for given in format or FORMATS for part in given.split(",") if part.strip()}
    written = build_report(Workspace(workspace), study, formats=wanted, language=lang)
    console = Console(soft_wrap=True)
    for path in written:
        console.print(Text(str(path)))
