"""Where a block is in a drawing: what a person clicks is what is changed."""

import pytest

from skipscope.anatomy.describe import describe
from skipscope.diagrams import svg
from skipscope.diagrams.layout import laid_out
from skipscope.diagrams.row import Row
from skipscope.diagrams.spans import boxes_of, span_of
from skipscope.diagrams.wiring import wired


def modules(name: str, block: str) -> list[str]:
    """The layers on the main path that a block of a network has in the drawing, within the block."""
    wiring = wired(describe(name))
    steps = (wiring.steps[index] for index in span_of(wiring, block))
    return [
        step.call.module.removeprefix(f"{block}.") if step.kind == "conv" else step.kind for step in steps
    ]


@pytest.mark.parametrize(
    ("name", "block", "expected"),
    [
        ("resnet20", "layer1.1", ["conv1", "conv2", "shortcut"]),
        ("resnet20", "layer2.0", ["conv1", "conv2", "shortcut"]),
        ("plain20", "layer1.1", ["conv1", "conv2"]),
        ("se_resnet20", "layer1.1", ["conv1", "conv2", "gate", "shortcut"]),
        ("densenet10_k4", "denseblock1.0", ["layer.2", "append"]),
        ("densenet10_k4", "denseblock1.1", ["layer.2", "append"]),
        ("resnet20", "nothing", []),
    ],
)
def test_a_block_is_drawn_from_where_its_join_begins(name: str, block: str, expected: list[str]) -> None:
    assert modules(name, block) == expected


@pytest.mark.parametrize("name", ["resnet20", "resnet56", "densenet"])
def test_its_rectangles_lie_in_the_drawing_and_apart(name: str) -> None:
    card = describe(name)
    wiring = wired(card)
    row = Row(wiring, laid_out(card, wiring, "image"), top=2.0, color="#000000")
    blocks = [step.call.module for step in wiring.steps if step.kind in ("shortcut", "append")]
    boxes = [box for block in blocks for box in boxes_of(row, block)]
    assert len(boxes) >= len(blocks)
    assert all(
        x >= 0 and x + width <= svg.WIDTH and y >= 0 and y + height <= row.bottom
        for x, y, width, height in boxes
    )
    for i, (x, y, width, _) in enumerate(boxes):
        others = [each for each in boxes[:i] if each[1] == y]
        assert all(x + 0.2 >= left + wide or left + 0.2 >= x + width for left, _, wide, _ in others)
