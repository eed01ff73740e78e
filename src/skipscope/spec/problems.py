"""What pydantic finds wrong with a spec, said to a person."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

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
"""In place of what pydantic says to programmers."""
SAYS_ALL = {"missing", "value_error", "extra_forbidden"}
"""What is told without the value."""
_UNION = re.compile(r"literal\[|constrained-int$")
"""What pydantic calls one of several kinds, behind the key that may have any."""
TOLD = 20
"""Problems that are told; a file with more of them is no study."""


class Within(ValueError):
    """What a validator of the whole raises of a part that it validates itself."""

    def __init__(self, at: tuple[str | int, ...], error: ValidationError) -> None:
        """`at` is the way from the whole to the part."""
        super().__init__(str(error))
        self.at, self.error = at, error


def problems(error: ValidationError, text: str = "") -> str:
    """A line for each problem: its line in the study's text, its key, what it says and what it may say."""
    every = list(_each(error))
    found = every[:TOLD]
    told: list[str] = []
    before = None
    for problem, line in zip(found, lines_of([problem["loc"] for problem in found], text), strict=True):
        key = ".".join(str(part) for part in problem["loc"]) or "the study"
        place = key if line is None else f"line {line}, {key}"
        message = MESSAGES.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        given = "" if problem["type"] in SAYS_ALL else f" (it says {_written(problem['input'])})"
        if before is not None and problem["loc"] == before["loc"] and problem["type"] != before["type"]:
            place = f"{told.pop().partition(' (it says ')[0]}, or"  # of what may be one or the other
        told.append(f"{place}: {message}{given}")
        before = problem
    more = len(every) - len(found)
    return "\n".join([*told, f"and {more} more"] if more else told)


def _written(value: object) -> str:
    """As TOML has it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _each(error: ValidationError) -> Iterator[Any]:
    """Its problems, those of a part with the way to the part."""
    for problem in error.errors(include_url=False):
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, Within):
            for inner in _each(cause.error):
                yield inner | {"loc": (*problem["loc"], *cause.at, *inner["loc"])}
        elif problem["type"] == "too_short" and problem["input"]:
            continue  # parts with mistakes are not counted; theirs are told
        else:
            loc = (part for part in problem["loc"] if not _UNION.match(str(part)))
            yield problem | {"loc": tuple(loc)}
