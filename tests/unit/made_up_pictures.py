"""Charts drawn by nobody: Vega takes most of a report's time, and most tests look at what is around it.

monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
"""

from concurrent.futures import Future
from typing import Any


class Undrawn:
    """In place of `figures.rendering.drawing.Drawing`: the same picture of every chart."""

    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'

    def draw(self, name: str, chart: dict[str, Any]) -> Future[str]:
        drawn: Future[str] = Future()
        drawn.set_result(self.svg)
        return drawn

    def close(self) -> None:
        """Nothing was begun."""
