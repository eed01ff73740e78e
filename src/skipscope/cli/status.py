"""`skipscope status`: the runs of a workspace."""

from typing import Any

import typer

from skipscope.cli.options import DEFAULT_WORKSPACE, Json, WorkspaceOption, complain, console, print_json, say
from skipscope.language import spoken

KEYS = (
    "id", "arm", "seed", "state", "epochs", "params", "val_accuracy", "test_accuracy", "seconds",
    "images_per_second",
)  # fmt: skip
STYLES = {"title": "bold", "done": "", "failed": "red", "unfinished": "yellow", "unreadable": "red"}


def status(workspace: WorkspaceOption = DEFAULT_WORKSPACE, json: Json = False) -> None:
    """List every run with its state, accuracy and speed."""
    from skipscope.api.status import row
    from skipscope.errors import WorkspaceError
    from skipscope.records.glances import RunGlance, StudyGlance
    from skipscope.records.store import Workspace, opened

    store = Workspace(workspace)
    arms: dict[str, str] = {}
    runs: list[dict[str, Any]] = []
    unreadable: list[WorkspaceError] = []
    try:
        arms = {member.run: member.arm for study in store.studies_as(StudyGlance) for member in study.members}
    except WorkspaceError as error:
        unreadable.append(error)
    for id, found in store.each_found(RunGlance):
        arm = arms.get(id) or id.rsplit("-", 2)[0]  # as its network is called
        try:
            runs.append(row(opened(found), arm, store))
        except WorkspaceError as error:
            runs.append(dict.fromkeys(KEYS) | {"id": id, "arm": arm, "state": "unreadable"})
            unreadable.append(error)
    if json:
        print_json({"schema": 1, "runs": runs})
    elif runs:
        _print(runs)
    elif not unreadable:
        say(f"No run in {workspace} yet. Begin with: skipscope demo")
    for why in unreadable:
        complain(why)
    if unreadable:
        raise typer.Exit(1)


def _print(runs: list[dict[str, Any]]) -> None:
    """Prints a table that fits 80 columns; the arm has one only where it is not in the run's id."""
    from rich.cells import cell_len
    from rich.text import Text

    from skipscope.api.status import COLUMNS

    named = any(not run["id"].startswith(f"{run['arm']}-s") for run in runs)
    columns = {key: column for key, column in COLUMNS.items() if named or key != "arm"}
    titles = [spoken(title) for title, _ in columns.values()]
    rows = [
        ["-" if run[key] is None else spoken(form(run[key])) for key, (_, form) in columns.items()]
        for run in runs
    ]
    widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    words = {*map(spoken, ("run", "arm", "state"))}
    # rich's own table takes a millisecond a row
    text = Text()
    for number, cells in enumerate((titles, *rows)):
        state = runs[number - 1]["state"] if number else "title"
        padded = (
            cell + gap if title in words else gap + cell
            for title, cell, width in zip(titles, cells, widths, strict=True)
            for gap in [" " * (width - cell_len(cell))]
        )
        text.append(" ".join(padded).rstrip() + "\n", style=STYLES[state])
    console.print(text, soft_wrap=True, end="")
