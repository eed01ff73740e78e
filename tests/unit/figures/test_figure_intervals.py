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


def test_the_first_rows_are_set_apart_by_a_gap(draw):
    def places(picture):
        found = re.findall(r'translate\(-?[\d.]+,([\d.]+)\)"[^>]*>([abc])</text>', picture)
        return {name: float(y) for y, name in found}

    even, apart = places(drawn(draw)), places(drawn(draw, first=2))
    assert even["b"] - even["a"] == pytest.approx(even["c"] - even["b"])
    assert apart["c"] - apart["b"] > 1.9 * (apart["b"] - apart["a"])
