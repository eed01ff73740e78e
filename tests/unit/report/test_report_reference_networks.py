"""The appendix lists the networks that the hand-in quotes from the reference."""

import pytest
from documents import context_of

from skipscope.reference import shipped
from skipscope.report.appendix.provenance import provenance
from skipscope.report.appendix.reference_networks import reference_networks
from skipscope.report.document import Table
from skipscope.report.words import unmarked


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_network_of_each_study_has_a_row(study_tables, language):
    text, table = reference_networks(context_of(study_tables(), language))
    assert isinstance(table, Table)
    arms = [(card.study, arm) for card in shipped.cards().values() for arm in card.arms]
    rows = {(unmarked(row[0]), unmarked(row[1])): row for row in table.rows}
    assert len(table.rows) == len(arms)
    for study, arm in arms:
        row = rows[study, arm.arm]
        assert row[-1] == str(len(arm.seeds))
        assert row[2] == f"{arm.parameters:,}"
    assert "_nobn" in text.text


def test_the_hand_in_leads_to_it(study_tables):
    found = provenance(context_of(study_tables()))
    assert "run-reference_networks" in [section.id for section in found.sections]
