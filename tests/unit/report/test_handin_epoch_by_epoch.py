"""Tests `report.handin.epoch_by_epoch`: when a connection acts, by curves that ship or are planted."""

import pytest
from made_up_bodies import prose, read

from skipscope.report.document import Panels
from skipscope.report.handin import epoch_by_epoch as section
from skipscope.report.handin import epoch_gains
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
def test_on_the_reference_every_lead_over_plain_networks_grows(study_tables, language):
    blocks = section.epoch_by_epoch(prose(study_tables(), language=language))
    text = read(blocks)
    assert "0.58 [0.44, 0.71]" in text  # 56 layers, last epoch
    assert "0.53 [0.39, 0.67]" in text  # and above the plain network in the first
    assert {"en": "0.09, 0.16 and 0.25", "zh": "0.09、0.16 和 0.25"}[language] in text
    longer = {"en": "no longer grows after the second: 0.14, 0.19, 0.18", "zh": "不再扩大：0.14、0.19、0.18"}
    assert longer[language] in text
    begins = {
        "en": "densenet31_k8 leads resnet32 by 0.50 nats, but plain32 by only 0.26",
        "zh": "densenet31_k8 领先 resnet32 0.50 nat、领先 plain32 只有 0.26 nat",
    }
    assert begins[language] in text
    gates = {"en": "gates lead by 0.16, 0.13 and 0.12", "zh": "门控逐轮领先 0.16、0.13 和 0.12"}
    assert gates[language] in text
    assert {"en": "lead plain ones by more and more", "zh": "对普通网络的领先也逐轮扩大"}[language] in text
    assert {"en": "halved leads by 0.14 and 0.12", "zh": "减半也领先 0.14 和 0.12"}[language] in text
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
    assert epoch_gains.differences(one, other) == [-0.5, 0.25]


def test_a_lead_that_does_not_grow_is_not_said_to(written, monkeypatch):
    assert "with every kind of connection" in when(written).text
    planted(monkeypatch, resnet56=(0, 0, 0, 0.3))
    assert epoch_gains.gains(written).late is None
    assert section.epoch_by_epoch(written) == []
    assert when(written) is None


def test_a_lead_at_eight_layers_is_not_called_none(written, monkeypatch):
    planted(monkeypatch, resnet8=(0, 0, 0, -0.2))
    assert section.epoch_by_epoch(written) == []


def test_a_start_that_costs_nothing_is_not_said_to_cost(written, monkeypatch):
    planted(monkeypatch, resnet56=(0, -0.6, 0, 0))
    text = read(section.epoch_by_epoch(written))
    assert "starts higher" not in text
    assert "the training loss of the residual network is lower" in text
    assert when(written) is None  # which says that the deepest one starts behind


def test_gates_that_lead_later_by_more_are_not_said_to_lead_early(written, monkeypatch):
    planted(monkeypatch, se_resnet_pool=(0, 0, 0, -0.5), se_resnet20=(0, 0, 0, -0.5))
    text = read(section.epoch_by_epoch(written))
    assert epoch_gains.gains(written).gated is None
    assert "gates lead by" not in text


def test_a_lead_over_plain_networks_that_shrinks_is_not_said_to_grow(written, monkeypatch):
    planted(monkeypatch, plain20=(0, 0.5, 0, 0))  # densenet22_k12 and se_resnet20 lead it most in the first
    text = read(section.epoch_by_epoch(written))
    assert "by more and more" not in text
    assert "connections of every kind" not in text
    assert "every kind" not in when(written).text


def test_a_residual_network_that_does_not_start_behind_is_no_reason(written, monkeypatch):
    assert "those start badly" in read(section.epoch_by_epoch(written))
    planted(monkeypatch, resnet20=(0, -0.9, 0, 0), resnet32=(0, -0.9, 0, 0))
    assert epoch_gains.gains(written).starts == ()
    assert "those start badly" not in read(section.epoch_by_epoch(written))


def test_gates_are_compared_where_the_residual_network_does_not_start_behind(written, monkeypatch):
    planted(monkeypatch, resnet=(0, 0.2, 0, 0), se_resnet_pool=(0, 0.2, 0, 0), resnet_noskip=(0, 0, 0, 0))
    assert epoch_gains.gains(written).control.epochs[0].value > 0
    assert "does not start behind" not in read(section.epoch_by_epoch(written))


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
    assert epoch_gains.gains(written) is None
    cut |= {"seeds": 9, "epochs": 3}  # with the first step, two epochs
    assert epoch_gains.gains(written) is None


def test_a_lead_that_grows_to_the_end_of_a_longer_study_is_not_said_to_stop(written, monkeypatch):
    found = epoch_gains.gains(written)
    assert (found.control.study, found.longer.study) == ("noskip", "lab")
    assert found.longer.levels
    planted(monkeypatch, resnet_noskip=(0, 0, 0, 0.1, 0.2, 0.3))
    assert not epoch_gains.gains(written).longer.levels
    assert "no longer grows" not in read(section.epoch_by_epoch(written))
