"""A workspace as scripts and notebooks use it: its records, its curves, its claims, its reports."""

import os
from collections.abc import Iterable
from pathlib import Path

from skipscope.analysis.tables import gather
from skipscope.api.claims import Claims
from skipscope.api.curves import Curves
from skipscope.api.guard import refuse_unguarded
from skipscope.api.runs import Run, Runs, arms
from skipscope.api.shown import Link, Shown
from skipscope.exports.export import export
from skipscope.records import store
from skipscope.report import build_report
from skipscope.report.appendix.results import lead
from skipscope.report.document import Block, Paragraph
from skipscope.report.words import Inline, code, literal

STANDALONE = {"html"}
"""Formats that are written without further processes."""


class Report(Shown):
    """The files of a report."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = tuple(files)

    def __fspath__(self) -> str:
        """Returns the path of the first file: the page, if there is one."""
        return os.fspath(self.files[0])

    def __repr__(self) -> str:
        """Lists the files."""
        return f"Report({', '.join(map(str, self.files))})"

    def blocks(self) -> Iterable[Link]:
        """Links the files."""
        return [Link(text="Report", path=path) for path in self.files]


class Workspace(store.Workspace, Shown):
    """The folder a user's runs, studies and reports live in; `study` is always the name of one in it.

    Where no study is named, it is the one planned last.
    """

    def __repr__(self) -> str:
        """Names the folder."""
        return f"Workspace({str(self.given)!r})"

    def runs(self) -> Runs:
        """Reads every run, in the order of their ids; skips copies of a run's folder under another name.

        Raises:
            WorkspaceError: one of them cannot be read.
        """
        named = arms(self)
        return Runs(Run.of(each, named, self) for each in super().runs())

    def run(self, id: str) -> Run:
        """Reads the run with this id.

        Raises:
            UnknownName: there is none.
        """
        return Run.of(super().run(id), arms(self), self)

    def curves(self, study: str | None = None, *, lang: str = "en") -> Curves:
        """Returns loss and accuracies of a study's runs, as far as they have come.

        Raises:
            SkipscopeError: there is no such study or language, or a record is damaged.
        """
        return Curves(gather(self, study, readings=False), lang)

    def claims(self, study: str | None = None, *, lang: str = "en") -> Claims:
        """Judges every claim on a study, and returns them by their ids.

        Raises:
            SkipscopeError: there is no such study or language, or a record is damaged.
        """
        return Claims(gather(self, study), lang)

    def report(
        self,
        study: str | None = None,
        *,
        formats: Iterable[str] = STANDALONE,
        lang: str | None = None,
        notes: os.PathLike[str] | str | None = None,
    ) -> Report:
        """Writes a study's report and returns its files; `[author]` in skipscope.toml is named in it.

        Args:
            study: its name.
            formats: html, md, pdf or docx. All but html start processes, so that a script needs its guard.
            lang: zh or en: the language the page opens in (it holds both), and that of PDF and DOCX.
            notes: a Markdown file with your own analysis.

        Raises:
            SkipscopeError: there is no such study, format or language, or a record or the notes are damaged.
        """
        wanted = {formats} if isinstance(formats, str) else set(formats)
        if wanted - STANDALONE:
            refuse_unguarded("Workspace.report")
        own = None if notes is None else Path(notes)
        return Report(build_report(self, study, formats=wanted, language=lang, notes=own))

    def export(
        self, run: str, to: str, *, step: int | None = None, path: os.PathLike[str] | str | None = None
    ) -> Path:
        """Writes a finished run for other programs, and returns the file, or the folder of several.

        Args:
            run: its id, the beginning of it, or an arm of the study planned last.
            to: onnx, torchscript, tensorboard or csv.
            step: the weights that the run kept after so many steps, in place of the trained ones.
            path: the file or folder to write; by default in the workspace's folder exports.

        Raises:
            SkipscopeError: there is no such run, format or step, a package is missing, or nothing can be
                written there.
        """
        return export(self, run, to, step=step, path=None if path is None else Path(path)).path

    def blocks(self) -> Iterable[Block | Link]:
        """Builds the summary and table of results, curves, and the link to the report."""
        *others, last = self.studies() or [self.study()]
        tables = gather(self, None, readings=False)
        curves = Curves(tables, "en")
        yield Paragraph(text=Inline(f"Study {code(last.study.name)} in {code(str(self.given))}"))
        yield from lead(curves.context)
        yield from curves.overview()
        page = self.report_folder(last.study.name) / "report.html"
        if page.exists():
            yield Link(text="Report", path=page)
        else:
            yield Paragraph(text=literal("No report was written yet: .report() does it."))
        if others:
            names = ", ".join(code(each.study.name) for each in others)
            yield Paragraph(text=Inline(f"Other studies here: {names}"))
