"""Says once what code that is called again and again says each time: warnings, and what a network prints.

A scope tells each warning once, and of each line that prints the first text: others show how often it was
called. What workers hear is told to their parent, which has heard the others.
"""

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

PRINTS = ", prints: "


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - what somebody else's code said


_Scope = tuple[set[str], Callable[[str], object]]
_scope: ContextVar[_Scope] = ContextVar("scope", default=(set(), _to_stderr))


def say_once(text: str) -> None:
    """Tells a warning, or what a line prints, unless it was told in this scope."""
    said, tell = _scope.get()
    if _is_new(text.partition(PRINTS)[0], said):
        tell(text)


def printer(file: str) -> Callable[..., None]:
    """Makes the `print` of a user's file: standard output is ours, and may be JSON."""

    def prints(*values: object, sep: str | None = " ", **_others: Any) -> None:
        line = sys._getframe(1).f_lineno  # noqa: SLF001 - Python's documentation names it
        say_once(f"{file}, line {line}{PRINTS}{(sep or ' ').join(map(str, values))}")

    return prints


@contextmanager
def saying_once(tell: Callable[[str], object] | None = None) -> Iterator[None]:
    """Opens a scope; `tell` hears what is said, in place of standard error and of Python's way to warn."""
    said: set[str] = set()
    before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = f"{filename}, line {lineno}, warns: {message}"
        if _is_new(text, said):
            if tell is None:
                before(message, category, filename, lineno, file, line)
            else:
                tell(text)

    warnings.showwarning = show
    outer = _scope.set((said, tell or _to_stderr))
    try:
        yield
    finally:
        _scope.reset(outer)
        warnings.showwarning = before


def _is_new(what: str, said: set[str]) -> bool:
    new = what not in said
    said.add(what)
    return new
