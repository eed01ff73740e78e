"""Scales: what is compared on them, and how a number on them is read."""

from math import inf, log, nan

import pytest

from skipscope.analysis.scales import EDGE, bound_on, onto, readable


@pytest.mark.parametrize(
    ("scale", "value", "on_it"),
    [
        ("linear", -3.0, -3.0),
        ("log", 2.0, log(2)),
        ("log", 0.0, None),
        ("log", -1.0, None),
        ("logit", 0.75, log(3)),
        ("logit", 0.0, log(EDGE / (1 - EDGE))),  # what is counted may be nothing, or all
        ("logit", 1.0, -log(EDGE / (1 - EDGE))),
        ("logit", 1.1, None),
        ("log", None, None),
        ("linear", nan, None),
        ("linear", inf, None),
    ],
)
def test_a_value_on_a_scale(scale: str, value: float, on_it: float | None) -> None:
    assert onto(scale, value) == (None if on_it is None else pytest.approx(on_it))


def test_what_a_reader_reads() -> None:
    assert readable("linear", -2.0, level=False) == -2
    assert readable("log", log(1.5), level=False) == pytest.approx(1.5)  # a ratio
    assert readable("log", log(1.5), level=True) == pytest.approx(1.5)  # the quantity itself
    assert readable("logit", log(3), level=True) == pytest.approx(0.75)  # a share
    assert readable("logit", log(3), level=False) == pytest.approx(3)  # a ratio of odds
    assert readable("log", 1e4, level=False) == inf
    assert readable("logit", -1e4, level=True) == 0


def test_a_bound_is_put_where_it_is_read() -> None:
    for scale, bound, level in [("log", 0.8, False), ("logit", 0.05, True), ("logit", 2.0, False)]:
        assert readable(scale, bound_on(scale, bound, level=level), level=level) == pytest.approx(bound)
    with pytest.raises(ValueError, match="no bound"):
        bound_on("log", -1.0, level=False)
    with pytest.raises(ValueError, match="no bound"):
        bound_on("logit", 2.0, level=True)
