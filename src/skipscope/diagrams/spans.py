"""Finds where in a drawing a block is: the steps between a join's two ends, or those of a module."""

from collections.abc import Iterator

from skipscope.diagrams.row import Row
from skipscope.diagrams.wiring import Kind, Wiring

ENDS: tuple[tuple[Kind, ...], ...] = (("shortcut",), ("append", "beside"), ("gate",))
"""Joins that a block may end with; of several in one module the first of these counts."""
Box = tuple[float, float, float, float]
"""Left, top, width, height."""


def span_of(wiring: Wiring, block: str) -> list[int]:
    """Returns the indices of a block's steps: it is named after the join that it ends with, or a module."""
    steps = wiring.steps
    for kinds in ENDS:
        for end, step in enumerate(steps):
            if step.kind in kinds and step.call.module == block:
                start = end - 1 if step.start is None or step.kind == "gate" else step.start
                earlier = (i for i in range(end) if step.kind == "append" and steps[i].kind == "append")
                return list(range(max([start, *earlier]) + 1, end + 1))
    return [
        index
        for index, step in enumerate(steps)
        if step.call.module == block or step.call.module.startswith(f"{block}.")
    ]


def boxes_of(row: Row, block: str) -> list[Box]:
    """Returns rectangles around a block, one in each line that it stands in; none if it is not drawn."""
    return list(_boxes(row, span_of(row.wiring, block)))


def _boxes(row: Row, span: list[int]) -> Iterator[Box]:
    placed = [row.layout.steps[index] for index in span]
    for line in sorted({each.line for each in placed}):
        here = [each for each in placed if each.line == line]
        left, right = min(each.left for each in here), max(each.right for each in here)
        top, bottom = row.extent(line)
        yield round(left, 1), round(top, 1), round(right - left, 1), round(bottom - top, 1)
