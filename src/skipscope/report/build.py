"""Builds the parts of a report from a study's tables: the hand-in, and the appendix with all behind it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skipscope.analysis.tables import StudyTables
from skipscope.claims.calibration.calibrate import load_calibration
from skipscope.claims.evaluate import evaluate
from skipscope.claims.model import ClaimResult
from skipscope.figures import style
from skipscope.language import Language
from skipscope.report.appendix.explanation import explanation
from skipscope.report.appendix.networks import networks
from skipscope.report.appendix.overlay import overlay
from skipscope.report.appendix.pictures import pictures
from skipscope.report.appendix.provenance import provenance
from skipscope.report.appendix.results import lead
from skipscope.report.appendix.trained import trained
from skipscope.report.appendix.viva import viva
from skipscope.report.appendix.while_training import while_training
from skipscope.report.byline import byline
from skipscope.report.context import Context, figure_numbers
from skipscope.report.document import Block, Document, Note, Part, Section
from skipscope.report.handin.chapters import CHAPTERS
from skipscope.report.handin.references import references
from skipscope.report.numbering import lettered, numbered
from skipscope.report.words import Inline, Words
from skipscope.spec import StudySpec
from skipscope.spec.author import NOBODY, Author

APPENDIX = (overlay, networks, while_training, trained, pictures, explanation, viva, provenance)
SECTIONS: Mapping[Part, Sequence[Callable[[Context], Section]]] = {"handin": CHAPTERS, "appendix": APPENDIX}


def build_document(
    tables: StudyTables,
    language: Language,
    *,
    part: Part = "appendix",
    chart_language: Language | None = None,
    results: tuple[ClaimResult, ...] | None = None,
    calibration: Mapping[str, Any] | None = None,
    author: Author = NOBODY,
    notes: Path | None = None,
    finished: Callable[[Iterable[Block]], object] = tuple,
) -> Document:
    """Builds one part of the report in one language, with its charts in `chart_language` if that is given.

    `results` are the claims' verdicts if they were evaluated before; `calibration` is the workspace's, the
    package's own if left out; `author` is named below the title, `notes` are the reader's own analysis;
    `finished` is called with the blocks of each part as soon as it is built.
    """
    words = Words(language)
    context = Context(
        tables=tables,
        words=words,
        charts=Words(chart_language or language),
        results=evaluate(tables) if results is None else results,
        calibration=load_calibration() if calibration is None else calibration,
        notes=notes,
        numbers=figure_numbers(part),
    )
    replaced = (Note(text=words("page.english_labels")),) if chart_language not in (None, language) else ()
    begin = (*(lead(context) if part == "appendix" else context.troubles()), *replaced)
    finished(begin)
    sections: list[Section] = []
    for section in SECTIONS[part]:
        sections.append(section(context))
        finished(sections[-1].all_blocks)
    cited = references(context, sections) if part == "handin" else None
    told = numbered(sections) if part == "handin" else lettered(sections)
    return Document(
        part=part,
        language=language,
        title=_title(tables.record.study, words),
        banner=words("banner.shapes") if tables.record.data.name == "shapes" else None,
        about=_about(tables, words),
        lead=begin,
        sections=(*told, cited) if cited else told,
        looks=style.looks(tables.arms),
        made_by=words("page.made_by" if notes is None else "page.made_by_and_notes"),
        author=author,
        byline=byline(tables, words, author),
    )


def _title(study: StudySpec, words: Words) -> str:
    title = study.title.get(words.language) or study.title.get("en")
    return title or words.raw("title.default").format(study=study.name)


def _about(tables: StudyTables, words: Words) -> Inline:
    """Writes the line below the title: study, date and version."""
    record = tables.record
    versions = {run.environment.versions.get("skipscope") for arm in tables.summaries for run in arm.records}
    version = " / ".join(sorted(filter(None, versions))) or words("value.unknown")
    return words("page.eyebrow", study=record.study.name, date=record.planned[:10], version=version)
