"""`skipscope pack`: report, records and code as one archive, ready to hand in."""

from pathlib import Path
from typing import Annotated

import typer

from skipscope.cli.options import DEFAULT_WORKSPACE, StudyArgument, WorkspaceOption, busy, say
from skipscope.cli.plans import say_if_untrained


def pack(
    study: StudyArgument = None,
    *,
    student_id: Annotated[str, typer.Option("--student-id", help="The first part of the file's name.")],
    name: Annotated[str, typer.Option("--name", help="The last part of the file's name, in any script.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write to.", show_default="this one")
    ] = Path(),
    lang: Annotated[
        str | None,
        typer.Option(help="zh or en: the language of PDF and DOCX.  [default: both]", show_default=False),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
) -> None:
    """Pack report, records and code as STUDENT_ID+NAME.zip.

    The report is packed as a page, PDF and DOCX. The code is one file, code.py, with the networks, the data
    and the training loop: it needs torch and numpy only. A notebook that runs it lies beside it. Weights are
    not packed.
    """
    from skipscope.records.store import Workspace
    from skipscope.submission.archive import pack as packed

    store = Workspace(workspace)
    with busy("Packing the report, its records and the code"):
        path = packed(store, study, student_id=student_id, name=name, output=output, language=lang)
    say(path)
    say_if_untrained(store, study)
