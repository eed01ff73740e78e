"""The language of the command line: which one its reader wants, and what it says in it.

The program speaks English inside. Errors, records, JSON and what a worker tells its parent are the same in
every language; only what a person reads is put into Chinese, at the very end, by `spoken`. A sentence is
therefore written where it is said, as English, and its Chinese stands in `zh/*.toml`.
"""

import os
from collections.abc import Iterable, Mapping
from locale import getlocale
from typing import Literal, TextIO

from skipscope.errors import UnknownName

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
OTHER_LANGUAGES = {"cn": "zh", "chinese": "zh", "zh-cn": "zh", "中文": "zh", "english": "en", "en-us": "en"}
"""Other words for the languages."""
VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""What a system says about its user's language; the first that is set holds."""

_spoken: Language = "en"


def language_of(name: str) -> Language:
    """Returns the language of this name.

    Raises:
        UnknownName: the program does not speak it.
    """
    for known in LANGUAGES:
        if known == name:
            return known
    raise UnknownName("language", name, LANGUAGES, synonyms=OTHER_LANGUAGES)


def readers(environ: Mapping[str, str] = os.environ) -> Language:
    """Returns the language that a user's system is set to: English unless that is Chinese."""
    named = next((value for name in VARIABLES if (value := environ.get(name))), "")
    if not named and os.name == "nt":  # Windows has a setting in place of the variables
        named = getlocale()[0] or ""
    return "zh" if named.startswith(("zh", "Chinese")) else "en"


def can_show(streams: Iterable[TextIO]) -> bool:
    """Tells whether all of these can hold Chinese: a pipe on Windows may have a code page that cannot."""
    try:
        for stream in streams:
            "中文".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def speak(language: Language) -> None:
    """Says what follows in this language, until another is chosen."""
    global _spoken  # noqa: PLW0603 - a terminal has one reader
    _spoken = language


def language() -> Language:
    """Returns the language that is spoken."""
    return _spoken


def spoken(text: str) -> str:
    """Returns a sentence in the language that is spoken; one without a translation stays as it is."""
    if _spoken == "en":
        return text
    from skipscope.language.sentences import chinese

    return chinese(text)


def listed(items: Iterable[str]) -> str:
    """Lists names within a sentence."""
    return ("、" if _spoken == "zh" else ", ").join(items)


__all__ = [
    "LANGUAGES",
    "OTHER_LANGUAGES",
    "VARIABLES",
    "Language",
    "can_show",
    "language",
    "language_of",
    "listed",
    "readers",
    "speak",
    "spoken",
]
