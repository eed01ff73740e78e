"""Tests `report.handin.beyond_verdicts`: what a row of the conclusion tells beyond its verdict."""

import pytest
from made_up_bodies import card, prose

from skipscope.report.handin.beyond_verdicts import kept_later

START = ("start", "resnet56 − plain56", "supported", 2.4)


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        ({20: "contradicted", 56: "supported"}, {"contradicted": "20", "supported": "56"}),
        ({20: "inconclusive", 56: "supported"}, {}),  # an open depth is not one at which it fails
        ({20: "contradicted", 56: "contradicted"}, {}),
    ],
)
def test_depths_are_told_apart_where_some_keep_the_ratio_and_others_do_not(study_tables, verdicts, told):
    later = [
        ("training", f"resnet{depth} − plain{depth}", verdict, 0.1 if verdict == "contradicted" else 0.9)
        for depth, verdict in verdicts.items()
    ]
    shipped = card("depth", {"S1c": ("inconclusive", [START, *later])})
    found = kept_later(prose(study_tables(), shipped))
    assert {verdict: str(depths) for verdict, depths in found.items()} == told


def test_on_the_reference_one_depth_of_three_keeps_it(study_tables):
    found = kept_later(prose(study_tables()))
    assert {verdict: str(depths) for verdict, depths in found.items()} == {
        "contradicted": "20 and 32",
        "supported": "56",
    }
