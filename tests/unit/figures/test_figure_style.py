"""Colours, dashes and markers."""

from itertools import combinations

import pytest

from skipscope.figures import channels, style
from skipscope.spec import load_study


def test_a_network_looks_the_same_in_any_company():
    alone = style.looks(["resnet"])["resnet"]
    assert style.looks(["x", "se_resnet", "resnet"])["resnet"] == alone


def test_other_arms_look_the_same_every_time_and_unlike_each_other():
    arms = [f"arm{n}" for n in range(8)]
    assert style.looks(arms) == style.looks(list(arms))
    assert len({look.color for look in style.looks(arms).values()}) == 8
    assert len(style.looks([f"arm{n}" for n in range(30)])) == 30


def test_networks_are_told_apart_in_grey():
    for one, other in combinations(style.NETWORKS.values(), 2):
        assert one.dash != other.dash
        assert one.shape != other.shape


def test_a_family_has_a_colour_that_darkens_with_depth_and_no_two_members_alike():
    study = load_study("depth")
    arms = [arm.label for arm in study.arm]
    found = style.looks(arms)
    assert len(set(found.values())) == len(arms)
    for family in ("plain", "resnet", "densenet"):
        members = [found[arm] for arm in arms if arm.startswith(family)]
        light = [sum(int(look.color[at : at + 2], 16) for at in (1, 3, 5)) for look in members]
        assert light == sorted(light, reverse=True)
        assert len({look.shape for look in members}) == len(members)
        assert {look.dash for look in members} == {style.FAMILIES[family].dash}
        assert members[0].color == style.FAMILIES[family].color
    assert style.looks(["resnet", "resnet20"])["resnet20"] != style.NETWORKS["resnet"]


@pytest.mark.parametrize(
    "arms",
    [["plain20", "resnet20", "se_resnet20", "densenet22_k12", "densenet19_k10"], ["resnet20", "resnet"]],
)
def test_one_of_each_family_has_a_marker_of_its_own(arms):
    """Points have no dashes: in grey only the marker tells them apart."""
    assert len({look.shape for look in style.looks(arms).values()}) == len(arms)


@pytest.mark.parametrize("look", [*style.NETWORKS.values(), *style.OTHERS, *style.FAMILIES.values()])
def test_lines_stand_out_from_paper(look):
    """WCAG 2.1, 1.4.11: graphics have a contrast of at least 3."""
    channels = [int(look.color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 3


def test_many_names_go_on_two_columns():
    many = channels.color([f"a_long_name_{n}" for n in range(6)]).to_dict()
    assert many["legend"]["columns"] == 2
    assert channels.color(["cnn", "resnet"]).to_dict()["legend"]["columns"] == 2
    assert channels.color(["cnn"], legend=False).to_dict()["legend"] is None
