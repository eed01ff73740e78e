"""Names of studies and arms: such that every system can store a file that is called so."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

MAX_CHARACTERS = 64
MAX_BYTES = 200
"""In UTF-8: a file's name may have 255, and more is added to it."""
PUNCTUATION = "_.-"
RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789¹²³")]
)
"""Names of devices, which Windows has for no file, whatever its extension."""


def refusal(name: str) -> str | None:
    """Says in a clause why not every system can store a file of this name; None if all can."""
    return problem_with(name) or forbidden_by_windows(name)


def problem_with(name: str) -> str | None:
    """Says in a clause why this is no name, on whatever system; None if it is one."""
    odd = [character for character in name if not _is_usual(character)]
    if odd:
        return f"{odd[0]!r} cannot be in a name; letters and digits of any script can, and {PUNCTUATION}"
    if not name or name[0] in PUNCTUATION.replace("_", ""):
        return "a name begins with a letter, a digit or _"
    if len(name) > MAX_CHARACTERS or len(name.encode()) > MAX_BYTES:
        return f"a name has at most {MAX_CHARACTERS} characters and {MAX_BYTES} bytes"
    return None


def forbidden_by_windows(name: str) -> str | None:
    """Says in a clause why Windows has no file of this name; None if it can have one."""
    if name.endswith("."):
        return "Windows stores no name that ends in a dot"
    if name.partition(".")[0].lower() in RESERVED:
        return f"{name.partition('.')[0]!r} is a device on Windows, and no name for a file there"
    return None


def _is_usual(character: str) -> bool:
    """Returns whether it is a letter, a mark on one, a digit, or of the allowed punctuation."""
    return character in PUNCTUATION or unicodedata.category(character)[0] in "LMN"


def composed(name: str) -> str:
    """Returns the name in one spelling of its accents: macOS hands out another."""
    return unicodedata.normalize("NFC", name)


def _valid(name: str, info: ValidationInfo) -> str:
    name = composed(name)
    written = forbidden_by_windows(name) if info.context == WRITTEN else None
    if why := problem_with(name) or written:
        raise ValueError(why)
    return name


WRITTEN = "written by a person"
"""The context of a validation that refuses what Windows forbids, which older records may have."""
Name = Annotated[str, AfterValidator(_valid)]
"""A name in a study."""
