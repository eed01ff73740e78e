"""Charts drawn by nobody: Vega takes most of a report's time, and most tests look at what is around it.

monkeypatch.setattr("skipscope.report.Drawing", Undrawn)
"""

from typing import Any

from skipscope.figures.rendering.drawing import Picture


class Undrawn:
    """In place of `figures.rendering.drawing.Drawing`: the same picture of every chart."""

    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'

    def draw(self, name: str, chart: dict[str, Any]) -> Picture:
        return lambda: self.svg

    def close(self) -> None:
        """Nothing was begun."""
