"""What the first update does to the first layer, by the reference that ships."""

from dataclasses import replace

import pytest
from made_up_bodies import prose

from skipscope.report.handin import first_steps as section
from skipscope.report.words import unmarked


@pytest.fixture
def written(study_tables):
    return prose(study_tables())


@pytest.fixture
def deepest(written):
    return written.evidence.judged("S1b").deepest


def test_the_first_update_of_a_deep_chain_outweighs_its_first_layer(written, deepest):
    said = [*section.damped(written, deepest), *section.shallow(written, deepest)]
    text = " ".join(unmarked(each.text) for each in said).replace("\u00a0", " ")
    assert "plain network by 1.5 [1.0, 2.0] times the norm of its weights (residual network: 0.0068" in text
    assert "With 20 layers, the first update is small either way" in text


def test_where_both_networks_begin_alike_nothing_is_said(written, deepest, monkeypatch):
    find = section._first
    monkeypatch.setattr(
        section, "_first", lambda prose, piece, arm: find(prose, piece, arm.replace("plain", "resnet"))
    )
    assert section.damped(written, deepest) == []
    assert section.overwritten(written) == []


def test_large_first_updates_explain_the_deepest_networks_alone(written, monkeypatch):
    (said,) = section.overwritten(written)
    assert "can explain the deepest networks at most" in unmarked(said.text)
    find = section._first

    def large(prose, piece, arm):
        found = find(prose, piece, arm)
        return replace(found, values=tuple(0.1 for _ in found.values)) if found else None

    monkeypatch.setattr(section, "_first", large)  # in shallow networks as well
    assert section.overwritten(written) == []
