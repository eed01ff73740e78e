"""The four designs side by side: gradients in one order before training, in the other during it."""

from dataclasses import replace

import pytest
from made_up_bodies import prose

from skipscope.report.handin import ordered as section
from skipscope.report.handin.evidence import Evidence
from skipscope.report.words import unmarked


def text_of(said):
    return " ".join(unmarked(each.text) for each in said).replace("\u00a0", " ")


def test_the_reference_s_four_designs_change_their_order_in_training(study_tables):
    text = text_of(section.ordered(prose(study_tables())))
    assert "ratios fall from the plain to the residual, the gated and the dense network" in text
    assert "the order of the ratios is reversed" in text
    alike = "the residual and the gated network and the residual and the dense network"
    assert f"errors of {alike} do not differ beyond their intervals" in text


@pytest.mark.parametrize("asked", [section.START, section.TRAINING, section.ERROR])
def test_nothing_is_said_of_orders_that_are_others(study_tables, monkeypatch, asked):
    find = Evidence.together

    def swapped(evidence, quantity, arms, moment="end"):
        found = find(evidence, quantity, arms, moment)
        return [found[1], found[0], *found[2:]] if (quantity, moment) == asked else found

    monkeypatch.setattr(Evidence, "together", swapped)
    assert section.ordered(prose(study_tables())) == []


def test_errors_that_differ_beyond_their_intervals_are_not_called_alike(study_tables, monkeypatch):
    find = Evidence.together

    def narrow(evidence, quantity, arms, moment="end"):
        found = find(evidence, quantity, arms, moment)
        return [replace(each, values=(each.ends[0],) * 3) for each in found]

    monkeypatch.setattr(Evidence, "together", narrow)
    assert "beyond their intervals" not in text_of(section.ordered(prose(study_tables())))
