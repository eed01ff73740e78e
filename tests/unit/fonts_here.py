"""Fonts for tests: what a test finds of them, or pretends, is forgotten after it."""

from collections.abc import Iterator

import pytest
import typst

from skipscope.figures.rendering import drawing, fonts, vega


def forget() -> None:
    """Forgets which fonts there are: each is looked for once a process."""
    for found in (fonts.book, fonts.chinese, vega.has_chinese, drawing.know_fonts):
        # one that a test has replaced remembers nothing
        getattr(found, "cache_clear", lambda: None)()


@pytest.fixture
def fonts_forgotten() -> Iterator[None]:
    """Lets a test patch the fonts: nothing found before counts in it, nothing found in it counts later."""
    forget()
    yield
    forget()


@pytest.fixture
def no_chinese(monkeypatch: pytest.MonkeyPatch, fonts_forgotten: None) -> None:
    """A machine without any font but those that typst brings."""
    own = typst.Fonts(include_system_fonts=False)
    monkeypatch.setattr(fonts, "book", lambda: own)
