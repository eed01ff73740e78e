"""Runs as objects of a notebook."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pydantic import Field

from skipscope.analysis.tables import gather
from skipscope.api.curves import Curves
from skipscope.api.shown import Link, Shown
from skipscope.api.status import COLUMNS, row
from skipscope.errors import UnknownName, WorkspaceError
from skipscope.records.schema import RunRecord
from skipscope.records.store import Workspace
from skipscope.report.document import Block, Column, Note, Table
from skipscope.report.words import Inline, literal


def arms(workspace: Workspace) -> dict[str, str]:
    """Names the arm of each run, as the study planned last has it; none if a study is damaged."""
    with suppress(WorkspaceError):
        return {member.run: member.arm for study in workspace.studies() for member in study.members}
    return {}


class Run(RunRecord, Shown):
    """A run's record, with what else there is of it."""

    arm: str = Field(exclude=True)
    workspace: Any = Field(exclude=True, repr=False)

    @classmethod
    def of(cls, record: RunRecord, named: Mapping[str, str], workspace: Workspace) -> "Run":
        """Makes a run of its record; one that is in no study is named after its network."""
        arm = named.get(record.id, record.id.rsplit("-", 2)[0])
        return cls.model_construct(record.model_fields_set, **dict(record), arm=arm, workspace=workspace)

    def curves(self, *, lang: str = "en") -> Curves:
        """Returns the run's loss and accuracies.

        Raises:
            UnknownName: no study has this run.
            WorkspaceError: a record or its metrics are damaged.
        """
        for study in reversed(self.workspace.studies()):
            if any(member.run == self.id for member in study.members):
                tables = gather(self.workspace, study.study.name, readings=False)
                entries = tuple(entry for entry in tables.entries if entry.run == self.id)
                return Curves(replace(tables, entries=entries), lang)
        raise UnknownName("study of the run", self.id, ())

    def blocks(self) -> Iterable[Block | Link]:
        """Builds its row, why it failed, and its curves."""
        yield table([row(self, self.arm, self.workspace)])
        if self.failure is not None:
            yield Note(text=literal(self.failure.message), kind="warning")
        if self.id in arms(self.workspace):
            yield from self.curves().overview()


class Runs(list[Run], Shown):
    """All runs of a workspace."""

    def __repr__(self) -> str:
        """Writes the table, not all of every record."""
        return self._repr_mimebundle_()["text/plain"]

    def blocks(self) -> Iterable[Block]:
        """Builds a table with a row for each."""
        yield table([row(run, run.arm, run.workspace) for run in self])


def table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Tabulates rows with the `COLUMNS`."""
    words = {"id", "arm", "state"}
    columns = (
        Column(title=Inline(title), align="left" if key in words else "right")
        for key, (title, _) in COLUMNS.items()
    )
    cells = (
        tuple("-" if each[key] is None else form(each[key]) for key, (_, form) in COLUMNS.items())
        for each in rows
    )
    return Table(columns=tuple(columns), rows=tuple(cells))
