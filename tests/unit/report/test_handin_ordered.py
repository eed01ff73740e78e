"""The four designs side by side: gradients in one order before training, in the other during it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_up_bodies import prose

from skipscope.report.handin import ordered as section
from skipscope.report.handin.evidence import Evidence
from skipscope.report.statements import Source
from skipscope.report.words import unmarked

SOURCE = Source(basis="own", key="S1c", study="lab")


def text_of(said):
    return " ".join(unmarked(each.text) for each in said).replace("\u00a0", " ")


def test_the_reference_s_four_designs_change_their_order_in_training(study_tables):
    text = text_of(section.ordered(prose(study_tables())))
    assert "before training fall from the plain to the residual, the gated and the dense network" in text
    assert "the order of the ratios is reversed" in text
    alike = "residual–gated and residual–dense"
    assert f"The intervals of these training errors overlap: {alike}." in text


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


def test_another_order_of_the_assignment_s_own_networks_is_told(study_tables, monkeypatch):
    written = prose(study_tables())
    up = [SimpleNamespace(ends=(value, value, value), source=SOURCE) for value in (0.3, 0.6, 0.8)]
    for levels, told in ((up, True), (up[::-1], False), (up[:2], False)):
        monkeypatch.setattr(Evidence, "levels", lambda *_, found=levels: iter([found]))
        assert bool(section._own(written)) == told
