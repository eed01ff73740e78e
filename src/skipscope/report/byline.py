"""Writes who hands a report in, below its title."""

from datetime import date

from skipscope.analysis.tables import StudyTables
from skipscope.report.words import Inline, Words
from skipscope.spec.author import NOBODY, Author

FIELDS = ("name", "student_id", "course", "date")


def byline(tables: StudyTables, words: Words, author: Author) -> Inline | None:
    """Names the author, number, course and date; nothing where nobody is known."""
    if author == NOBODY:
        return None
    known = author.model_dump() | {"date": _written(author.date or last_day(tables), words)}
    told = [words(f"byline.{key}", value=known[key]) for key in FIELDS if known[key]]
    return Inline(words.raw("byline.between").join(told))


def last_day(tables: StudyTables) -> str:
    """Returns the day on which the last run finished, else that of the plan: 2026-11-29."""
    records = (entry.record for entry in tables.entries)
    ended = [record.finished for record in records if record is not None and record.finished]
    return max(ended, default=tables.record.planned)[:10]


def _written(day: str, words: Words) -> str:
    """Writes a date as the language does; what is none stays as it is."""
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        return day
    month = words.raw("byline.months")[parsed.month - 1]
    return str(words.raw("byline.day").format(year=parsed.year, month=month, day=parsed.day))
