"""What pydantic finds wrong with a spec, said to a person."""

from pydantic import ValidationError

from skipscope.spec.toml_file import line_of

MESSAGES = {"extra_forbidden": "there is no such key", "missing": "this key is missing"}
"""In place of what pydantic says to programmers."""
SAYS_ALL = {"missing", "value_error", "extra_forbidden"}
"""What is told without the value."""


def problems(error: ValidationError, text: str = "") -> str:
    """A line for each problem: its line in the study's text, its key, what it says and what it may say."""
    lines = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"]) or "the study"
        line = line_of(problem["loc"], text)
        place = key if line is None else f"line {line}, {key}"
        message = MESSAGES.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        given = "" if problem["type"] in SAYS_ALL else f" (it says {problem['input']!r})"
        lines.append(f"{place}: {message}{given}")
    return "\n".join(lines)
