"""Reads a study's TOML file with care: it may come from anywhere."""

import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from skipscope.errors import SpecError, UsageError
from skipscope.spec.text_file import read_text
from skipscope.spec.toml_mistakes import mended

Key = Sequence[str | int]
"""Path to a value: `("arm", 2, "model")` leads to the third arm's."""

MOST_BYTES = 200_000
"""A hundred times a long study."""
MOST_DOTS = 200
"""More than a line of a study has: the parser takes time and memory by the square of a key's parts."""
LOCATED = 5_000
"""Characters of a study in which lines are looked for: the time this takes grows with their square."""


class Document(NamedTuple):
    """A file's table; if it is not TOML, the table that it seems to mean, and what is wrong."""

    table: dict[str, Any]
    text: str
    mistakes: list[tuple[int, str]]
    whole: bool


def read_toml(path: Path) -> Document:
    """Reads the file.

    Raises:
        SpecError: there is no such file, or it cannot be read, or was made to fill a memory.
    """
    try:
        text = _small(path)
        found = mended(text)
        return Document(tomllib.loads(found.text), found.text, found.mistakes, found.whole)
    except FileNotFoundError:
        raise SpecError("There is no such study file.", where=str(path), hint="check the path") from None
    except OSError as error:
        raise SpecError(f"This file cannot be read: {error.strerror}.", where=str(path)) from None
    except (ValueError, RecursionError) as error:  # a number or nesting without end
        raise SpecError(
            f"This is not a TOML file: {error}.", where=str(path), hint="mend that line"
        ) from None


def _small(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise SpecError(f"This file has more than {MOST_BYTES:,} bytes.", where=str(path))
    try:
        text = read_text(path)
    except UsageError as error:
        raise SpecError(error.what, where=error.where, hint=error.hint) from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MOST_DOTS:
            raise SpecError(f"Line {number} has more than {MOST_DOTS} dots.", where=str(path), hint="mend it")
    return text


def lines_of(keys: Sequence[Key], text: str) -> list[int | None]:
    """Returns the line that introduces each key, or as much of its path as is there.

    The parser reports no lines, but parsing the first n lines shows whether a key is in them.
    """
    found: list[int | None] = [None] * len(keys)
    if not keys or not text or len(text) > LOCATED:  # of a sound file none is asked for
        return found
    complete = tomllib.loads(text)
    whole = [_steps(key, complete) for key in keys]
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        with suppress(tomllib.TOMLDecodeError):  # it ends in the middle of a value
            table = tomllib.loads("".join(lines[:number]))
            for index, (key, steps) in enumerate(zip(keys, whole, strict=True)):
                if found[index] is None and steps and _steps(key, table) == steps:
                    found[index] = number
    return found


def _steps(key: Key, table: Any) -> int:
    """Counts the steps of the path that exist."""
    for step, part in enumerate(key):
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            return step
    return len(key)
