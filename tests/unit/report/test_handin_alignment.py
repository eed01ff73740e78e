"""Why the gradient's ratio turns round, said on the reference and only where the numbers show it."""

import pytest
from made_up_bodies import prose, read

from skipscope.reference import shipped
from skipscope.report.handin import alignment as section
from skipscope.report.handin.alignment import alignment


@pytest.fixture
def said(study_tables, monkeypatch):
    """What is said where the shipped numbers at the end of a training are others: by quantity."""
    recorded = shipped.values

    def of(language="en", **ends):
        changed = {name.replace("_", " "): value for name, value in ends.items()}

        def values(study, quantity, moment="end"):
            found = recorded(study, quantity, moment)
            if moment != "end" or quantity not in changed:
                return found
            return {
                arm: {seed: changed[quantity] + seed / 1e4 for seed in runs} for arm, runs in found.items()
            }

        monkeypatch.setattr(shipped, "values", values)
        written = prose(study_tables(), language=language)
        return read(alignment(written))

    return of


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("accounts for 970 [220, 4,200]", "weights are aligned as well", "do not show")),
     ("zh", ("的变化贡献 970 [220, 4,200] 倍", "56 层残差网络的权重同样对齐", "并未证明"))],
)  # fmt: skip
def test_the_reference_has_mechanism_numbers_and_limit(said, language, words):
    text = said(language)
    for each in (*words, "1.185 [1.180, 1.190]", "0.974 [0.951, 0.998]"):
        assert each in text


def test_it_is_said_only_where_it_was_measured(said, monkeypatch):
    assert said(forward_gain=-0.1) == ""  # nothing became aligned
    assert said(first_over_last_by_convolutions=2.0) == ""  # the gradient as much as the signal
    assert said(first_over_last_of_one_batch=5.0) == ""  # no reversal
    assert "alone accounts for 970" in said(first_over_last_by_relus=4.0)
    monkeypatch.setattr(section, "DEPTHS", (32,))
    assert said() == ""


def test_residual_networks_that_are_not_aligned_are_not_named(said, monkeypatch):
    find = section.course

    def of_plain(prose, name, of, arm=""):
        return None if arm else find(prose, name, of)

    monkeypatch.setattr(section, "course", of_plain)
    text = said()
    assert "resnet56" not in text
    assert "is not shown" in text
