"""What papers report for changes by hand: every kind has some, with a source, in both languages."""

from typing import get_args

from skipscope.analysis.reported import reported
from skipscope.engine.dissection.changes import Change

KINDS = {each.model_fields["kind"].annotation.__args__[0] for each in get_args(get_args(Change)[0])}


def test_every_kind_of_change_has_a_report_with_its_source_in_both_languages() -> None:
    assert {kind for each in reported() for kind in each["changes"]} == KINDS
    for each in reported():
        assert set(each) == {"changes", "source", "setting", "finding"}
        assert any(word in each["source"] for word in ("section", "abstract", "role of excitation"))
        for text in (each["setting"], each["finding"]):
            assert set(text) == {"en", "zh"}
            assert all(text.values())
