"""Turns what pydantic finds wrong with a spec into lines for a person."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from skipscope.errors import closest
from skipscope.spec.toml_file import lines_of

MESSAGES = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "tuple_type": "several may stand here: write it in brackets, [...], or, above a table, in two: [[...]]",
    "dict_type": "this is a table: write its keys one by one, as in title.en = ...",
    "int_type": "this is a whole number, without quotes or a point",
    "float_type": "this is a number, without quotes",
    "bool_type": "this is true or false, without quotes",
    "too_short": "one at least is needed",
    "string_pattern_mismatch": "a name begins with a letter or digit and has 64 of these and _ . - at most",
}
"""Replaces what pydantic says to programmers."""
SAYS_ALL = {"missing", "value_error", "extra_forbidden"}
"""Problems that are reported without the value."""
_UNION = re.compile(r"literal\[|constrained-int$")
"""Parts of pydantic's path that name a member of a union and are no key."""
MAX_PROBLEMS = 20
"""Problems that are reported; a file with more of them is no study."""


KeyPath = tuple[str | int, ...]


class Within(ValueError):
    """Raised by a validator that found problems in parts of what it validates."""

    def __init__(self, *parts: tuple[KeyPath, ValidationError | str]) -> None:
        """Takes the path to each part, and what is wrong with it."""
        super().__init__("; ".join(str(problem) for _, problem in parts))
        self.parts = parts


def problems(error: ValidationError, text: str, keys: Mapping[str, Iterable[str]]) -> str:
    """Writes a line for each problem: its line in the study's text, its key, the value and what is allowed.

    `keys` are those that a table of this name may have ("" for the whole), for suggestions.
    """
    every = list(_each(error))
    found = every[:MAX_PROBLEMS]
    told: list[str] = []
    before = None
    for problem, line in zip(found, lines_of([problem["loc"] for problem in found], text), strict=True):
        key = ".".join(str(part) for part in problem["loc"]) or "the study"
        position = key if line is None else f"line {line}, {key}"
        message = MESSAGES.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden" and (meant := _meant(problem["loc"], keys)):
            message += f"; did you mean {meant[0]!r}?"
        given = "" if problem["type"] in SAYS_ALL else f" (it says {_written(problem['input'])})"
        if before is not None and problem["loc"] == before["loc"] and problem["type"] != before["type"]:
            position = f"{told.pop().partition(' (it says ')[0]}, or"  # of what may be one or the other
        told.append(f"{position}: {message}{given}")
        before = problem
    more = len(every) - len(found)
    return "\n".join([*told, f"and {more} more"] if more else told)


def _meant(path: KeyPath, keys: Mapping[str, Iterable[str]]) -> list[str]:
    """Suggests the key that was meant."""
    *above, key = path
    table = next((part for part in reversed(above) if isinstance(part, str)), "")
    return closest(str(key), keys.get(table, ()))


def _written(value: object) -> str:
    """Writes a value as TOML does."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _each(error: ValidationError) -> Iterator[Any]:
    """Yields the error's problems, those of a part with the path to the part."""
    for problem in error.errors(include_url=False):
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, Within):
            for at, part in cause.parts:
                inners = [problem | {"loc": (), "msg": part}] if isinstance(part, str) else _each(part)
                for inner in inners:
                    yield inner | {"loc": (*problem["loc"], *at, *inner["loc"])}
        elif problem["type"] == "too_short" and problem["input"]:
            continue  # parts with mistakes are not counted; theirs are told
        else:
            loc = (part for part in problem["loc"] if not _UNION.match(str(part)))
            yield problem | {"loc": tuple(loc)}
