"""A study's TOML file, read with care: it may come from anywhere."""

import tomllib
from pathlib import Path
from typing import Any

from skipscope.errors import SpecError

MOST_BYTES = 200_000
"""A hundred times a long study."""
MOST_DOTS = 200
"""More than a line of a study has: the parser takes time and memory by the square of a key's parts."""


def read_toml(path: Path) -> dict[str, Any]:
    """The file's table.

    Raises:
        SpecError: there is no such file, or it cannot be read, is not TOML, or was made to fill a memory.
    """
    try:
        return tomllib.loads(_small(path))
    except FileNotFoundError:
        raise SpecError("There is no such study file.", where=str(path), todo="check the path") from None
    except OSError as error:
        raise SpecError(f"The study file cannot be read: {error.strerror}.", where=str(path)) from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8; a number or nesting without end
        raise SpecError(
            f"This is not a TOML file: {error}.", where=str(path), todo="mend that line"
        ) from None


def _small(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise SpecError(f"A study's file has at most {MOST_BYTES:,} bytes.", where=str(path))
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MOST_DOTS:
            raise SpecError(f"Line {number} has more than {MOST_DOTS} dots.", where=str(path), todo="mend it")
    return text
