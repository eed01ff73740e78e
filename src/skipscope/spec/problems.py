"""What pydantic finds wrong with a spec, said to a person."""

from pydantic import ValidationError

from skipscope.spec.toml_file import lines_of

MESSAGES = {"extra_forbidden": "there is no such key", "missing": "this key is missing"}
"""In place of what pydantic says to programmers."""
SAYS_ALL = {"missing", "value_error", "extra_forbidden"}
"""What is told without the value."""
TOLD = 20
"""Problems that are told; a file with more of them is no study."""


def problems(error: ValidationError, text: str = "") -> str:
    """A line for each problem: its line in the study's text, its key, what it says and what it may say."""
    found = error.errors(include_url=False)[:TOLD]
    told = []
    for problem, line in zip(found, lines_of([problem["loc"] for problem in found], text), strict=True):
        key = ".".join(str(part) for part in problem["loc"]) or "the study"
        place = key if line is None else f"line {line}, {key}"
        message = MESSAGES.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        given = "" if problem["type"] in SAYS_ALL else f" (it says {problem['input']!r})"
        told.append(f"{place}: {message}{given}")
    more = error.error_count() - len(found)
    return "\n".join([*told, f"and {more} more"] if more else told)
