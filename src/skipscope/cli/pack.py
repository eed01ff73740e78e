"""`skipscope pack`: report, code and records as one archive, ready to hand in."""

from pathlib import Path
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
    complaints,
    say,
)
from skipscope.cli.plans import say_if_untrained

UNNAMED = (
    "It does not say whose it is: --student-id and --name, or [author] in skipscope.toml, put both into "
    "the file's name and on the report's first page."
)

IN_ENGLISH = "It is in English: --lang zh packs it in Chinese."
IN_CHINESE = "It is in Chinese: --lang en packs it in English."


def pack(
    study: StudyArgument = None,
    *,
    notes: NotesOption = None,
    student_id: StudentIdOption = None,
    name: NameOption = None,
    course: CourseOption = None,
    date: DateOption = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write to.", show_default="this one")
    ] = Path(),
    lang: Annotated[
        str | None,
        typer.Option(help="zh or en: the language of what is packed.  [default: yours]", show_default=False),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Pack report, code and records as STUDENT_ID+NAME.zip.

    The report is packed in one language, as PDF and DOCX and as a page (which has both). The code is one
    file, code.py, with the networks, the data and the training loop: it needs torch and numpy only. A
    notebook with its outputs lies beside it. Weights are not packed. Number and name may stand in
    skipscope.toml, under [author].
    """
    from skipscope.language import language
    from skipscope.records.store import Workspace
    from skipscope.spec.author import read_author
    from skipscope.submission.archive import pack as packed

    store, chosen = Workspace(workspace), lang or language()
    author = read_author(store.path, name=name, student_id=student_id, course=course, date=date)
    with busy("Packing the report, the code and the records"):
        path = packed(store, study, author=author, notes=notes, output=output, language=chosen)
    say(path)
    if lang is None:
        complaints.print(IN_CHINESE if chosen == "zh" else IN_ENGLISH, soft_wrap=True, markup=False)
    if not (author.name and author.student_id):
        complaints.print(UNNAMED, soft_wrap=True, markup=False)
    say_if_untrained(store, study)
