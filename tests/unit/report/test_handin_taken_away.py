"""What came of chains from which one thing was taken away, by the reference that ships."""

from dataclasses import replace

import pytest
from made_up_bodies import prose

from skipscope.report.handin import taken_away as section
from skipscope.report.handin.conclusion import candidates
from skipscope.report.handin.evidence import Evidence
from skipscope.report.handin.residual import without_norm
from skipscope.report.handin.without import alone
from skipscope.report.words import unmarked


@pytest.fixture
def written(study_tables):
    return prose(study_tables())


def text_of(said):
    return " ".join(unmarked(each.text) for each in said).replace("\u00a0", " ")


def planted(monkeypatch, quantity, arm, value):
    """Lets all seeds of one arm have this value of one quantity."""
    find = Evidence.together

    def changed(evidence, asked, arms, moment="end"):
        found = find(evidence, asked, arms, moment)
        if asked != quantity:
            return found
        return [
            replace(level, values=(value,) * len(level.values)) if level.arm == arm else level
            for level in found
        ]

    monkeypatch.setattr(Evidence, "together", changed)


def test_even_gradients_do_not_suffice_and_small_first_updates_did_not_help(written):
    text = text_of(alone(written))
    assert "Evenly sized gradients do not suffice" in text
    assert "The same holds at peak rates of 0.01 and 0.2 (0.05 here)" in text
    assert "Small first updates did not help either. If gradients are clipped to a norm of 5," in text
    # the trial is not fair to them, and this is told wherever its outcome is
    assert "up to about step 45 (unclipped: 8)" in text
    assert "was not measured" not in text
    assert "cannot be all that makes residual networks trainable" in text_of(without_norm(written))
    weighed = text_of(candidates(written))
    assert "Evenly sized gradients do not suffice" in weighed
    assert "not a fair trial" in weighed
    assert "The fourth candidate is gradients that disagree" in weighed
    assert "None of these is shown to be the reason" in weighed
    assert "Two experiments" not in weighed


def test_a_chain_that_learns_without_batchnorm_refutes_nothing(written, monkeypatch):
    planted(monkeypatch, section.LOSS, section.BARE, 1.9)
    assert section.evened(written) is None
    told = text_of([*alone(written), *without_norm(written), *candidates(written)])
    assert "it has not been shown that even gradients" in told
    assert "can explain the deepest networks at most" in told
    for wrong in ("was not measured", "do not suffice", "did not help"):
        assert wrong not in told


def test_where_nobody_tried_this_is_said(written, monkeypatch):
    monkeypatch.setattr(Evidence, "together", lambda *_: [])
    assert "Whether a chain without BatchNorm also trains as well was not measured" in text_of(alone(written))
    weighed = text_of(candidates(written))
    assert "are not shown to matter" in weighed
    assert "Two experiments would help" in weighed


@pytest.mark.parametrize(
    ("quantity", "arm", "value"),
    [
        (section.START, section.BARE, 3.0),  # its gradients are no more even
        (section.LOSS, section.NORMED, 2.3),  # the other one does not learn either
        (section.LOSS, section.OTHER_RATES[0], 2.0),  # at a lower rate it learns
    ],
)
def test_uneven_gradients_and_two_failures_say_nothing_of_evenness(
    written, monkeypatch, quantity, arm, value
):
    planted(monkeypatch, quantity, arm, value)
    assert section.evened(written) is None
    assert section.said_of_evened(written) == []


@pytest.mark.parametrize(
    ("quantity", "arm", "value"),
    [
        (section.LOSS, section.CLIPPED, 2.0),  # it learns
        (section.LOSS, section.SHALLOW, 2.3),  # clipped like that nothing learns
        (section.FIRST, section.CLIPPED, 0.0),  # its first update is as large as its weights
    ],
)
def test_a_deep_chain_must_fail_with_small_updates_where_a_shallow_one_learns(
    written, monkeypatch, quantity, arm, value
):
    planted(monkeypatch, quantity, arm, value)
    assert section.tamed(written) is None
    assert section.said_of_tamed(written) == []
    assert "Small first updates did not help" not in text_of(candidates(written))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_languages_tell_the_same_numbers(study_tables, language):
    told = prose(study_tables(), language=language)
    said = [*section.said_of_evened(told), *section.said_of_tamed(told)]
    assert [len(each.numbers) for each in said] == [7, 3, 6, 2]
