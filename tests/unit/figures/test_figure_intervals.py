"""Estimates with their intervals: what tells series apart, and what stands apart."""

import re

import polars as pl
import pytest
from labels import LABELS

from skipscope.figures import intervals, style

ROWS = [(name, series, 2.0, 1.0, 4.0) for name in ("a", "b", "c") for series in ("one", "other")]


def drawn(draw, **options):
    table = pl.DataFrame(ROWS, intervals.SCHEMA, orient="row")
    return draw(intervals.intervals(table, title="factor", labels=LABELS, neutral=1.0, log=True, **options))


def test_no_series_has_the_colour_of_a_network():
    networks = {look.color for look in (*style.NETWORKS.values(), *style.FAMILIES.values())}
    assert networks.isdisjoint(look.color for look in intervals.LOOKS)
    assert len({look.shape for look in intervals.LOOKS}) == len(intervals.LOOKS)


def test_groups_have_headings_above_their_rows(draw):
    def heights(picture):
        found = re.findall(r'translate\(-?[\d.]+,([\d.]+)\)"[^>]*>(a|b|c|first|second)</text>', picture)
        return {name: float(y) for y, name in found}

    even, headed = heights(drawn(draw)), heights(drawn(draw, groups={"first": 2, "second": 1}))
    assert even["b"] - even["a"] == pytest.approx(even["c"] - even["b"])
    assert sorted(headed, key=headed.__getitem__) == ["first", "a", "b", "second", "c"]


def test_bars_of_the_second_series_are_dashed_and_its_marker_in_the_legend_is_not(draw):
    picture = drawn(draw)
    assert picture.count('stroke-dasharray="5,3"') == 3
    symbols = re.findall(r'<g class="mark-symbol role-legend-symbol".*?</g>', picture)
    assert not [symbol for symbol in symbols if "dasharray" in symbol]


def test_names_of_rows_leave_room_for_the_plot_so_that_letters_keep_their_size():
    def wide(name):
        table = pl.DataFrame([(name, "", 2.0, 1.0, 4.0)], intervals.SCHEMA, orient="row")
        return intervals.intervals(table, title="factor", labels=LABELS).width

    assert wide("a") > wide("a long name of a row") > wide("一行很长很长的名称，比上一行还要长")


def test_the_smallest_difference_worth_having_is_drawn_at_both_sides(draw):
    table = pl.DataFrame([("a", "", 1.0, -1.0, 2.0)], intervals.SCHEMA, orient="row")

    def dotted(**options):
        return draw(intervals.intervals(table, title="t", labels=LABELS, **options)).count('dasharray="1,2"')

    assert dotted(neutral=0.0, bound=0.5) == 2
    assert dotted(neutral=0.0) == dotted(bound=0.5) == 0
