"""Charts drawn by nobody: Vega takes most of a report's time, and most tests look at what is around it.

monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
"""

from collections.abc import Iterable
from typing import Any


class Undrawn:
    """In place of `figures.drawing.Drawing`: the same picture of every chart."""

    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'

    lines: list[Any] | None = None

    def start(self) -> None:
        """Nothing is drawn."""

    def begin(self, charts: Iterable[dict[str, Any]]) -> None:
        self.lines = list(charts)

    def pictures(self) -> list[str]:
        return [self.svg] * len(self.lines or [])

    def close(self) -> None:
        """Nothing was begun."""
