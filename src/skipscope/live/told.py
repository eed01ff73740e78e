"""Says what went wrong in both languages: a page shows its own, and may change it at any time."""

from typing import Any

from skipscope.errors import SkipscopeError
from skipscope.language.sentences import chinese


def both(text: str) -> dict[str, str]:
    """Returns a sentence in both languages; one that the catalogue lacks stays English."""
    return {"en": text, "zh": chinese(text)}


def explained(error: SkipscopeError) -> dict[str, Any]:
    """Tells a page what is wrong, where, and what to do next."""
    return {"what": both(error.what), "where": error.where, "hint": both(error.hint)}
