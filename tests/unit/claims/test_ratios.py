"""Ratios that readers are told where logarithms are compared."""

from math import inf

import pytest
from made_up_results import finding

from skipscope.claims.catalogue import catalogue, part_of
from skipscope.claims.model import Effect
from skipscope.claims.ratios import compared, told_as_ratio


def effect(unit, **other):
    made = {"estimate": -1.0, "low": -2.0, "high": None, "n": 5, "unit": unit, "spread": 1, "images_error": 0}
    return Effect(**made | other)


def test_a_logarithm_becomes_a_ratio_with_its_interval_and_bound():
    one = finding(part_of("T1", "epochs"), effect=effect("log2", adjusted_low=-3.0), bound=0.5)
    told = told_as_ratio(one)
    shown = told.effect.model_dump(include={"estimate", "low", "high", "adjusted_low", "unit", "ratio"})
    assert shown == {
        "estimate": 0.5,
        "low": 0.25,
        "high": None,
        "adjusted_low": pytest.approx(0.125),
        "unit": "times",
        "ratio": True,
    }
    assert told.bound == pytest.approx(2**0.5)
    assert told.verdict == one.verdict
    assert (compared(one), compared(told)) == ("resnet20 - plain20", "resnet20 / plain20")
    agreement = finding(part_of("T5", "images"), effect=effect("ratio", ratio=True))
    assert compared(agreement) == "resnet20, plain20"  # no quotient of the two


def test_a_number_too_large_is_infinite():
    one = finding(part_of("S7", "slice"), effect=effect("log10", estimate=400.0, high=-400.0))
    assert (told_as_ratio(one).effect.estimate, told_as_ratio(one).effect.high) == (inf, 0.0)


def test_whatever_is_no_logarithm_stays_as_it_is():
    for one in (finding(part_of("S6", "start")), finding(part_of("S6", "start"), "not_measured")):
        assert told_as_ratio(one) is one


def test_no_part_of_a_logarithmic_unit_has_another_scale_that_would_be_undone_twice():
    for claim in catalogue().values():
        for part in claim.parts.values():
            assert part.scale == "linear" or not part.unit.startswith("log"), (claim.id, part.id)
