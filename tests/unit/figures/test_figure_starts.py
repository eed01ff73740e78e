"""How networks of different initial weights start, drawn: a line each, and the loss of guessing."""

import re

import polars as pl
from labels import LABELS

from skipscope.figures import guides, starts, style

LOOKS = {"usual": style.Look("#c0679a", (4, 3), "circle"), "both": style.Look("#009e73", (1, 0), "square")}


def test_lines_are_told_apart_by_colour_dashes_and_markers(draw):
    rows = [
        (arm, step, loss - 0.004 * step, loss - 0.1 - 0.004 * step, loss + 0.1 - 0.004 * step)
        for arm, loss in (("usual", 2.6), ("both", 2.3))
        for step in range(1, 101)
    ]
    table = pl.DataFrame(rows, starts.SCHEMA, orient="row")
    picture = draw(starts.starts(table, looks=LOOKS, guess=2.3026, labels=LABELS))
    for look in LOOKS.values():
        assert re.search(rf'<path[^>]*stroke="{look.color}"', picture)
    assert re.search(r'stroke="#c0679a"[^>]*stroke-dasharray="4,3"', picture)
    symbols = re.findall(r'<g class="mark-symbol role-legend-symbol".*?</g>', picture)
    assert len(symbols) == 2  # and none for the bands of the seeds
    for look in LOOKS.values():
        assert re.search(rf'<path[^>]*fill="{look.color}"[^>]*opacity="{guides.BAND}"', picture)
    assert not [symbol for symbol in symbols if "stroke-dasharray" in symbol]
    assert ">0.0<" not in picture  # the axis shows what differs


def test_what_lies_far_above_guessing_is_cut_off(draw):
    cut = (("usual", 1, 9.0), ("usual", 2, 2.3), ("both", 1, 2.3), ("both", 2, 2.0))
    table = pl.DataFrame(
        [(arm, step, loss, loss, loss) for arm, step, loss in cut], starts.SCHEMA, orient="row"
    )
    picture = draw(starts.starts(table, looks=LOOKS, guess=2.3, labels=LABELS))
    assert ">9.0<" not in picture
    assert "clip-path" in picture
