"""Turns what pydantic finds wrong with a spec into lines for a person."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from skipscope.errors import closest
from skipscope.spec.toml_file import lines_of

MESSAGES = {
    "extra_forbidden": "there is no such key",
    "missing": "this key is missing",
    "tuple_type": "several may stand here: write it in brackets, [...], or, above a table, in two: [[...]]",
    "model_type": "this is a table: write its keys one by one, as in model = ...",
    "dict_type": "this is a table: write its keys one by one, as in title.en = ...",
    "int_type": "this is a whole number, without quotes or a point",
    "float_type": "this is a number, without quotes",
    "string_type": "this is text in quotes",
    "bool_type": "this is true or false, without quotes",
    "too_short": "one at least is needed",
    "too_long": "sixteen at most",
}
"""Replaces what pydantic says to programmers."""
SAYS_ALL = {"missing", "value_error", "extra_forbidden"}
"""Problems that are reported without the value."""
_UNION = re.compile(r"literal\[|constrained-int$")
"""Parts of pydantic's path that name a member of a union and are no key."""
NEEDS_ALL = {"missing", "value_error", "too_short"}
"""Problems that are none once a line, which is not TOML, is mended."""
MAX_PROBLEMS = 20
"""Problems that are reported; a file with more of them is no study."""
SYNONYMS = {
    "network": "model",
    "net": "model",
    "dataset": "data",
    "clip": "clip_norm",
    "grad_clip": "clip_norm",
    "max_norm": "clip_norm",
    "dtype": "precision",
    "amp": "precision",
    "l2": "weight_decay",
    "cifar": "cifar10",
    "transform": "augmentation",
}
"""Other words for keys and values."""
HOMES = {
    "": "above the first [table]",
    "recipe": "under [recipe], or in an arm as recipe.KEY",
    "arm": "under [[arm]]",
    "comparison": "under [[comparison]]",
    "snapshots": "under [snapshots]",
    "author": "under [author]",
}
"""Where the keys of each table are written."""


KeyPath = tuple[str | int, ...]


class Within(ValueError):
    """Raised by a validator that found problems in parts of what it validates."""

    def __init__(self, *parts: tuple[KeyPath, ValidationError | str]) -> None:
        """Takes the path to each part, and what is wrong with it."""
        super().__init__("; ".join(str(problem) for _, problem in parts))
        self.parts = parts


def problems(
    error: ValidationError, text: str, keys: Mapping[str, Collection[str]], *, whole: bool = True
) -> list[tuple[int | None, str]]:
    """Lists each problem's line in the study's text, and a sentence: its key, the value and what is allowed.

    `keys` are those that a table of this name may have ("" for the whole), for suggestions; of a text that is
    not `whole`, what may be missing through that is left out.
    """
    found = [each for each in _each(error) if whole or each["type"] not in NEEDS_ALL]
    told: list[tuple[int | None, str]] = []
    before = None
    for problem, line in zip(found, lines_of([problem["loc"] for problem in found], text), strict=True):
        key = written(problem["loc"])
        message = MESSAGES.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message += _meant(problem["loc"], keys)
        elif problem["type"] == "literal_error" and isinstance(problem["input"], str):
            message += _did_you_mean(problem["input"], re.findall(r"'([^']+)'", problem["ctx"]["expected"]))
        given = "" if problem["type"] in SAYS_ALL else f" (it says {_value(problem['input'])})"
        if before is not None and problem["loc"] == before["loc"] and problem["type"] != before["type"]:
            key = f"{told.pop()[1].partition(' (it says ')[0]}, or"  # of what may be one or the other
        told.append((line, f"{key}: {message}{given}"))
        before = problem
    return told


def in_lines(told: Iterable[tuple[int | None, str]]) -> str:
    """Writes problems one below the other, in the order of the file."""
    ordered = sorted(told, key=lambda each: (each[0] is None, each[0] or 0))
    lines = [text if line is None else f"line {line}, {text}" for line, text in ordered[:MAX_PROBLEMS]]
    more = len(ordered) - len(lines)
    return "\n".join([*lines, f"and {more} more"] if more else lines)


def _meant(path: KeyPath, keys: Mapping[str, Collection[str]]) -> str:
    """Suggests the key that was meant, or the table that it belongs to."""
    *above, key = path
    table = next((part for part in reversed(above) if isinstance(part, str)), "")
    if said := _did_you_mean(str(key), keys.get(table, ())):
        return said
    homes = [home for home, its in keys.items() if str(key) in its and home != table]
    return f"; it belongs {HOMES[homes[0]]}" if homes else ""


def _did_you_mean(word: str, known: Collection[str]) -> str:
    synonym = SYNONYMS.get(word.lower(), "")
    meant = [synonym] if synonym in known else closest(word, known)
    return f"; did you mean {meant[0]!r}?" if meant else ""


def written(path: KeyPath) -> str:
    """Writes the path to a key: arm.0.model."""
    return ".".join(map(str, path)) or "the study"


def _value(value: object) -> str:
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
