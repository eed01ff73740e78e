"""Tests `report.handin.epoch_by_epoch`: when a connection acts, by curves that ship or are planted."""

import pytest
from made_up_bodies import prose, read

from skipscope.report.document import Panels
from skipscope.report.handin import epoch_by_epoch as section
from skipscope.report.handin.evidence import Evidence
from skipscope.report.handin.one_page import when

SEEDS = range(5)


@pytest.fixture
def written(study_tables):
    return prose(study_tables())


def planted(monkeypatch, **changes):
    """Adds these numbers, epoch by epoch, to the losses of arms in every study, from the first step on."""
    find = Evidence.series

    def changed(evidence, quantity, arms, moment="end"):
        for origin, series in find(evidence, quantity, arms, moment):
            yield origin, {arm: _changed(found, changes.get(arm, ())) for arm, found in series.items()}

    monkeypatch.setattr(Evidence, "series", changed)


def _changed(found, added):
    """Adds to the losses of each seed; beyond the numbers that are given, nothing."""
    more = (*added, *[0.0] * 9)
    return {
        seed: [[epoch, seconds, loss + more[int(epoch)]] for epoch, seconds, loss in curve]
        for seed, curve in found.items()
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_the_lead_of_shortcuts_grows_and_that_of_others_does_not(study_tables, language):
    blocks = section.epoch_by_epoch(prose(study_tables(), language=language))
    text = read(blocks)
    assert "0.58 [0.44, 0.71]" in text  # 56 layers, last epoch
    assert "0.53 [0.39, 0.67]" in text  # and above the plain network in the first
    assert {"en": "0.09, 0.16 and 0.25", "zh": "0.09、0.16 和 0.25"}[language] in text
    ends = {
        "en": "by 0.16 nats in the first and 0.12 in the last",
        "zh": "第一轮领先 0.16 nat，最后一轮 0.12",
    }
    assert ends[language] in text
    assert {"en": "lead plain ones by more and more", "zh": "领先幅度同样不断扩大"}[language] in text
    assert {"en": "halved leads by 0.14 and 0.12", "zh": "减半也领先 0.14 和 0.12"}[language] in text
    assert {"en": "se_resnet20 over resnet20 is gone", "zh": "领先到最后一轮已经消失"}[language] in text
    (figure,) = (block for block in blocks if isinstance(block, Panels))
    left, middle, right = (each.chart.data for each in figure.figures)
    assert left["pair"].unique(maintain_order=True).to_list() == [
        *("resnet8", "resnet20", "resnet32", "resnet56", "resnet")
    ]
    assert middle["pair"].unique(maintain_order=True).to_list() == [
        *("densenet31_k8", "densenet22_k12", "se_resnet20")
    ]
    assert (right["low"] < right["value"]).all()


def test_differences_are_those_of_equal_epochs_without_the_first_step():
    one = [[0.0, 0.0, 9.0], [1.0, 3.0, 2.0], [2.0, 5.0, 1.5]]
    other = [[0.0, 0.0, 1.0], [1.0, 9.0, 2.5], [2.0, 9.0, 1.25], [3.0, 9.0, 1.0]]
    assert section.differences(one, other) == [-0.5, 0.25]


def test_a_lead_that_does_not_grow_is_not_said_to(written, monkeypatch):
    assert when(written) is not None
    planted(monkeypatch, resnet56=(0, 0, 0, 0.3))
    assert section.gains(written).late is None
    assert section.epoch_by_epoch(written) == []
    assert when(written) is None


def test_a_lead_at_eight_layers_is_not_called_none(written, monkeypatch):
    planted(monkeypatch, resnet8=(0, 0, 0, -0.2))
    assert section.epoch_by_epoch(written) == []


def test_a_start_that_costs_nothing_is_not_said_to_cost(written, monkeypatch):
    planted(monkeypatch, resnet56=(0, -0.6, 0, 0))
    text = read(section.epoch_by_epoch(written))
    assert "cost something at first" not in text
    assert "the training loss of the residual network is lower" in text


def test_gates_that_lead_later_by_more_are_not_said_to_lead_early(written, monkeypatch):
    planted(monkeypatch, se_resnet_pool=(0, 0, 0, -0.5), se_resnet20=(0, 0, 0, -0.5))
    text = read(section.epoch_by_epoch(written))
    assert section.gains(written).gated is None
    assert "in contrast" not in text
    assert "above all at the start" not in text


def test_a_lead_over_plain_networks_that_shrinks_is_not_said_to_grow(written, monkeypatch):
    planted(monkeypatch, plain20=(0, 0.5, 0, 0))  # densenet22_k12 and se_resnet20 lead it most in the first
    text = read(section.epoch_by_epoch(written))
    assert "by more and more" not in text
    assert "all three connections" not in text


def test_a_lead_that_lasts_is_not_said_to_fade(written, monkeypatch):
    planted(monkeypatch, se_resnet20=(0, -0.5, -0.4, -0.3))
    assert "is gone by" not in read(section.epoch_by_epoch(written))


def test_a_halved_branch_that_lags_is_not_told_beside_gates(written, monkeypatch):
    assert "merely halved" in read(section.epoch_by_epoch(written))
    planted(monkeypatch, se_resnet_pool_half=(0, 0.5, 0, 0))
    assert "merely halved" not in read(section.epoch_by_epoch(written))


def test_few_seeds_or_few_epochs_tell_no_course(written, monkeypatch):
    find = Evidence.series
    cut = {"seeds": 4, "epochs": 9}

    def fewer(evidence, quantity, arms, moment="end"):
        for origin, series in find(evidence, quantity, arms, moment):
            yield (
                origin,
                {
                    arm: {seed: found[seed][: cut["epochs"]] for seed in list(found)[: cut["seeds"]]}
                    for arm, found in series.items()
                },
            )

    monkeypatch.setattr(Evidence, "series", fewer)
    assert section.gains(written) is None
    cut |= {"seeds": 9, "epochs": 3}  # with the first step, two epochs
    assert section.gains(written) is None
