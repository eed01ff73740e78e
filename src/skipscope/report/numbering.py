"""Numbers the sections of a document: 1, 1.1, 2 of the hand-in, A, A.1, B of the appendix."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from skipscope.report.document import Section


def numbered(sections: Iterable[Section], outer: str = "") -> tuple[Section, ...]:
    """Returns the sections with their numbers: 1, 1.1, 1.2, 2 ..."""
    return tuple(
        replace(section, number=f"{outer}{index}", sections=numbered(section.sections, f"{outer}{index}."))
        for index, section in enumerate(sections, start=1)
    )


def lettered(sections: Sequence[Section]) -> tuple[Section, ...]:
    """Returns the sections as those of an appendix: A, A.1, A.2, B ..."""
    letters = [chr(ord("A") + index) for index in range(len(sections))]
    return tuple(
        replace(section, number=letter, sections=numbered(section.sections, f"{letter}."))
        for letter, section in zip(letters, sections, strict=True)
    )
