"""Who hands a report in, for which course, and when: from options, or from `[author]` in skipscope.toml.

[author]
name = "张三"
student_id = "2023123456"
course = "深度学习"
date = 2026-12-01
"""

import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_config_path
from pydantic import AfterValidator, BeforeValidator, ValidationError

from skipscope.errors import SpecError, UsageError
from skipscope.spec.problems import in_lines, problems
from skipscope.spec.toml_file import read_toml
from skipscope.spec.values import Frozen

FILE = "skipscope.toml"
LONGEST = 100
"""Characters of a name: more do not fit a title page."""


def _as_text(value: Any) -> Any:
    """Takes a date and a number as TOML writes them without quotes."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_line(text: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    odd = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    if odd:
        raise ValueError(f"it contains the control character U+{ord(odd[0]):04X}")
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text)} characters; {LONGEST} fit the first page")
    return text


Line = Annotated[str, BeforeValidator(_as_text), AfterValidator(_one_line)]


class Author(Frozen):
    """Who hands a report in; empty where that is not known."""

    name: Line = ""
    student_id: Line = ""
    course: Line = ""
    date: Line = ""


NOBODY = Author()


class _Settings(Frozen):
    """What `skipscope.toml` may contain."""

    author: Author = NOBODY


def read_author(workspace: Path, **said: str | None) -> Author:
    """Returns the author: each field as it was `said`, else from the nearest file that has it.

    The files are `skipscope.toml` in the workspace, in the current folder and in the user's settings.

    Raises:
        UsageError: what was said cannot be printed on one line.
        SpecError: a file is not TOML, or a key or value in it is impossible.
    """
    given = {key: value for key, value in said.items() if value is not None}
    try:
        nearest = Author.model_validate(given)
    except ValidationError as error:
        [problem, *_] = error.errors()
        option = f"--{problem['loc'][0]}".replace("_", "-")
        what = problem["msg"].removeprefix("Value error, ")
        raise UsageError(f"{option} cannot be printed: {what}.", hint="give it as one line of text") from None
    known = nearest.model_dump(exclude_defaults=True)
    for found in map(_read, _files(workspace)):
        known = found.model_dump(exclude_defaults=True) | known
    return Author.model_validate(known)


def _files(workspace: Path) -> Iterable[Path]:
    """Yields the files that there are, the nearest first, each once."""
    folders = (workspace, Path(), user_config_path("skipscope"))
    there = (folder / FILE for folder in folders if (folder / FILE).is_file())
    return {path.resolve(): path for path in there}.values()


def _read(path: Path) -> Author:
    document = read_toml(path)
    told: list[tuple[int | None, str]] = [*document.mistakes]
    try:
        settings = _Settings.model_validate(document.table)
    except ValidationError as error:
        keys = {"": list(_Settings.model_fields), "author": list(Author.model_fields)}
        told += problems(error, document.text, keys, whole=document.whole)
    if told:
        raise SpecError(in_lines(told), where=str(path), hint="fix the keys named above")
    return settings.author
