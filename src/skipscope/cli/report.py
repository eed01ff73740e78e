"""`skipscope report`: writes a study's report from its records."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from skipscope.cli.options import (
    DEFAULT_WORKSPACE,
    CourseOption,
    DateOption,
    NameOption,
    NotesOption,
    StudentIdOption,
    StudyArgument,
    WorkspaceOption,
    busy,
    say,
)
from skipscope.cli.plans import say_if_untrained
from skipscope.errors import FontError

FORMATS = ("html",)
"""The default: what is read at once. All else shows charts as pictures, which take longer than the page."""


@contextmanager
def _collector_off() -> Iterator[None]:
    """Looks for no cycles among objects, which live until the report is written: a tenth of its time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


@_collector_off()
def report(
    study: StudyArgument = None,
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
            help="html, md, pdf or docx, repeated or with commas.  [default: html]", show_default=False
        ),
    ] = None,
    notes: NotesOption = None,
    student_id: StudentIdOption = None,
    name: NameOption = None,
    course: CourseOption = None,
    date: DateOption = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Write a study's report: web page, Markdown, PDF, DOCX.

    Number, name, course and date may stand in skipscope.toml, under [author].
    """
    # altair and polars take half a second to import: `skipscope --help` does not wait for them
    from skipscope.records.store import Workspace
    from skipscope.report import build_report
    from skipscope.spec.author import read_author

    wanted = {part.strip() for given in format or FORMATS for part in given.split(",") if part.strip()}
    store = Workspace(workspace)
    author = read_author(store.path, name=name, student_id=student_id, course=course, date=date)
    try:
        with busy(f"Writing the report as {', '.join(sorted(wanted))}"):
            written = build_report(store, study, formats=wanted, language=lang, author=author, notes=notes)
    except FontError as error:
        for path in error.written:
            say(path)
        raise
    for path in written:
        say(path)
    if notes is None and wanted & {"pdf", "docx"}:
        say(f"Your own analysis, as Markdown: {store.typed('skipscope report --notes notes.md')}")
    say_if_untrained(store, study)
