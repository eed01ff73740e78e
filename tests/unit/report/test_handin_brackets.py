"""Where intervals stand in the hand-in, and where they are left out."""

import pytest

from skipscope.report.document import Equation, Paragraph
from skipscope.report.handin.brackets import bare, once
from skipscope.report.statements import Statement
from skipscope.report.words import Inline

RATIO = "9,000 \\[6,500,\u00a012,000\\]"
OPEN = "+0.14 \\[−0.31,\u00a0+0.58\\]"
LOSS = "−1.6 \\[−2.3,\u00a0−0.9\\]"


def paragraph(text):
    told = Inline(text)
    return Paragraph(text=told, statements=(Statement(text=told),))


def texts(blocks):
    return [block.text for block in blocks if isinstance(block, Paragraph)]


def test_an_interval_stands_where_its_value_is_told_first():
    told = set()
    first = once([paragraph(f"It is {RATIO}."), paragraph(f"Again {RATIO}, and {OPEN}.")], told)
    later = once([paragraph(f"Later {RATIO}, but 9,000 \\[7,000,\u00a012,000\\].")], told)
    assert texts(first) == [f"It is {RATIO}.", f"Again 9,000, and {OPEN}."]
    assert texts(later) == ["Later 9,000, but 9,000 \\[7,000,\u00a012,000\\]."]  # of another study
    assert [each.statements[0].text for each in (*first, *later)] == texts([*first, *later])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (RATIO, "9,000"),
        ("57.7% \\[57.0,\u00a058.4\\]", "57.7%"),
        ("7.2 × 10⁵ \\[1.2 × 10⁵,\u00a04.3 × 10⁶\\]", "7.2 × 10⁵"),
        (LOSS, "−1.6"),
        (OPEN, OPEN),  # without it, a reader would take the sign for settled
        ("\\[own\\]", "\\[own\\]"),
    ],
)
def test_what_sums_up_has_few_intervals(written, shown):
    assert texts(bare([paragraph(f"It is {written}.")])) == [f"It is {shown}."]


def test_other_blocks_stay():
    assert once([Equation(lines=("x",))], set()) == bare([Equation(lines=("x",))]) == [Equation(lines=("x",))]
