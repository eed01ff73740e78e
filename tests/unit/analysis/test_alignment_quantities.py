"""What a chain's layers make of the gradient, by hand."""

from math import log10

import pytest
from made_up_evidence import evidence, read

from skipscope.analysis.alignment_quantities import ALIGNMENT_QUANTITIES

LAYERS = {
    "forward_gain": {"a": 0.5, "b": 2.0, "c": 8.0},
    "backward_gain": {"a": 7.0, "b": 3.0, "c": 1.5},
    "output_l2": {"a": 0.02, "b": 0.1, "c": 0.4},
    "variance_kept": {"r": 0.25, "s": 0.4, "t": 0.9},
    "gradient_kept": {"r": 0.5, "s": 0.6, "t": 0.3},
}


def told(name, **changed):
    runs = [
        read("plain8", 0, "signal_alignment", quantity, values, step=9)
        for quantity, values in (LAYERS | changed).items()
    ]
    return evidence("plain8", measured=runs).series(name)["plain8"][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forward gain", log10(4.0)),  # of b and c
        ("backward gain", log10(4.5) / 2),
        ("relu gain", log10(0.09 / 0.09) / 3),
        ("first over last of one batch", log10(0.05)),
        ("first over last by convolutions", log10(3.0 * 1.5 / (0.5 * 2.0)) / 2),
        ("first over last by relus", log10(0.5 * 0.6 / (0.25 * 0.4)) / 2),
    ],
)
def test_quantities_are_those_by_hand(name, value):
    assert told(name) == pytest.approx(value)
    assert told(name, forward_gain={"a": 0.5, "b": 0.0, "c": 8.0}) is None


def test_every_name_is_tested():
    assert len(ALIGNMENT_QUANTITIES) == 6
