"""What keeps a deep chain from starting, by the reference that ships and by results that are planted."""

from dataclasses import replace

import pytest
from made_up_bodies import prose, read

from skipscope.reference import shipped
from skipscope.report.handin import obstacles as section
from skipscope.report.handin.evidence import Evidence
from skipscope.report.handin.experiment import curves_figure, experiment
from skipscope.report.handin.network_by_network import candidates
from skipscope.report.handin.one_page import other_weights
from skipscope.report.handin.residual import limits, shattering
from skipscope.report.words import unmarked


@pytest.fixture
def written(study_tables):
    return prose(study_tables())


def text_of(said):
    return " ".join(unmarked(each.text) for each in said).replace("\u00a0", " ")


def planted(monkeypatch, **losses):
    """Lets the networks of the experiment end at these losses, at every rate, a little apart by seed."""
    find = Evidence.levels

    def changed(evidence, quantity, arms, moment="end"):
        for found in find(evidence, quantity, arms, moment):
            yield [_changed(level, losses) if quantity == section.LOSS else level for level in found]

    monkeypatch.setattr(Evidence, "levels", changed)


def _changed(level, losses):
    network = level.arm.split("_r")[0]
    for key, value in losses.items():
        if network == section.NETWORKS[key]:
            seeds = range(len(level.values))
            return replace(level, values=tuple(value + 0.002 * (seed % 3) for seed in seeds))
    return level


def test_each_network_is_judged_at_the_rate_that_suits_it(written):
    found = section.obstacles(written)
    assert found is not None
    arms = {
        key: [
            f"{network}",
            *(f"{network}_r{end}" for end in ("00004", "00015", "0006", "0025", "01", "20", "80")),
        ]
        for key, network in section.NETWORKS.items()
    }
    for key, level in found.losses.items():
        studies = written.evidence.levels(section.LOSS, arms[key])
        levels = next(each for each in studies if each and each[0].study == "obstacles")
        assert len(levels) >= 3
        assert len(level.values) == 5  # a rate that two seeds had lower by chance is not the best
        assert level.ends[0] == min(other.ends[0] for other in levels if len(other.values) == 5)
    assert len(found.usual) == 5


def test_one_obstacle_each_and_both_together(written, monkeypatch):
    planted(monkeypatch, usual=2.31, even=2.25, agreeing=2.2, both=2.05, residual=2.1)
    found = section.obstacles(written)
    assert found is not None
    assert found.answers
    text = read(experiment(written))
    assert "hardly begins to learn at any of 5 learning rates" in text
    assert "With either suspect removed, it begins to learn" in text
    assert "below that of the residual network" in text
    assert "can start without a shortcut" in text
    weighed = text_of(candidates(written))
    assert "If either remains, the network starts worse" in weighed
    assert "None of these is shown" not in weighed
    assert "would help to decide" not in weighed
    assert other_weights(written) is not None
    assert "No experiment" not in text_of(shattering(written))
    assert "has been shown to be the cause" not in text_of(limits(written))


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        (
            {"even": 2.31, "agreeing": 2.2},
            "Gradients that agree let it begin to learn, if slowly, even where",
        ),
        ({"even": 2.2, "agreeing": 2.31}, "An even first update by itself lets it begin to learn"),
        ({"even": 2.31, "agreeing": 2.31}, "Removing one suspect by itself does not measurably help"),
    ],
)
def test_only_what_was_found_is_said_of_one_obstacle(written, monkeypatch, losses, told):
    planted(monkeypatch, usual=2.31, both=2.05, residual=2.1, **losses)
    assert told in read(experiment(written))


def test_a_network_that_stays_behind_the_residual_one_answers_a_part(written, monkeypatch):
    planted(monkeypatch, usual=2.31, even=2.25, agreeing=2.2, both=2.15, residual=1.9)
    text = read(experiment(written))
    assert "its training loss ends above that of the residual network" in text
    assert "the residual network learns faster still" in text
    assert "though not as fast" in text_of([other_weights(written)])
    weighed = text_of(candidates(written))
    assert "suggests part of an answer (5 seeds)" in weighed
    assert "would help to decide" not in weighed


def test_a_chain_that_learns_as_it_is_has_no_obstacle(written, monkeypatch):
    planted(monkeypatch, usual=1.9, even=1.85, agreeing=1.85, both=1.7, residual=1.8)
    found = section.obstacles(written)
    assert found is not None
    assert not found.answers
    assert "hardly begins" not in read(experiment(written))


def test_where_nobody_tried_this_is_said(written, monkeypatch):
    monkeypatch.setattr(section, "_studies", lambda _: ())
    assert experiment(written) == []
    assert "No experiment has tested it" in text_of(shattering(written))
    assert "None of these is shown to be the reason" in text_of(candidates(written))


def test_each_network_s_loss_is_drawn_at_the_rate_that_it_is_judged_at(written):
    found = section.obstacles(written)
    figure = curves_figure(written, found)
    drawn = {name: rows for (name,), rows in figure.table.group_by("arm", maintain_order=True)}
    assert len(drawn) == len(section.NETWORKS)
    assert list(drawn)[-1] == "residual network"
    for rows, level in zip(drawn.values(), found.losses.values(), strict=True):
        curve = shipped.losses()["obstacles"][level.arm]
        assert list(rows["loss"]) == list(curve.means)
        assert rows["step"][-1] == 100
        ends = [round(sum(curve.last) / len(curve.last), 1), round(level.median, 1)]
        assert abs(ends[0] - ends[1]) < 0.15  # the last of a smoothed curve, and the mean of 20 steps


def test_curves_that_are_not_known_are_not_drawn(written, monkeypatch):
    monkeypatch.setattr(shipped, "losses", dict)
    assert curves_figure(written, section.obstacles(written)) is None
