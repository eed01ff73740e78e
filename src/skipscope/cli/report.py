"""`skipscope report`: writes a study's report from its records."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from skipscope.cli.options import busy
from skipscope.cli.plans import say_if_untrained
from skipscope.errors import FontError

FORMATS = ("html", "md")
"""The default: what is made in seconds and read at once."""


def report(
    study: Annotated[
        str | None,
        typer.Argument(help="The study's name.  [default: the one planned last]", show_default=False),
    ] = None,
    *,
    lang: Annotated[
        str | None,
        typer.Option(
            help="zh or en: the language the page opens in (it holds both), and that of PDF and DOCX.  "
            "[default: the reader's; both]",
            show_default=False,
        ),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            help="html, md, pdf or docx, repeated or with commas.  [default: html,md]", show_default=False
        ),
    ] = None,
    workspace: Annotated[
        Path,
        typer.Option("--workspace", "-w", envvar="SKIPSCOPE_WORKSPACE", help="Where runs and reports live."),
    ] = Path("skipscope-out"),
) -> None:
    """Write a study's report: web page, Markdown, PDF, DOCX."""
    # altair and polars take half a second to import: `skipscope --help` does not wait for them
    from skipscope.records.store import Workspace
    from skipscope.report import build_report

    wanted = {part.strip() for given in format or FORMATS for part in given.split(",") if part.strip()}
    store = Workspace(workspace)
    try:
        with busy(f"Writing the report as {', '.join(sorted(wanted))}"):
            written = build_report(store, study, formats=wanted, language=lang)
    except FontError as error:
        print_paths(error.written)
        raise
    print_paths(written)
    say_if_untrained(store, study)


def print_paths(written: Iterable[Path]) -> None:
    """Prints paths verbatim: neither wrapped nor read as markup."""
    console = Console(soft_wrap=True)
    for path in written:
        console.print(Text(str(path)))
