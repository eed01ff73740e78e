"""What is said of networks without shortcuts, on the reference that ships and on verdicts made up."""

import pytest
from made_up_bodies import card, prose, read
from made_up_results import finding

from skipscope.claims.catalogue import part_of
from skipscope.claims.model import ClaimResult
from skipscope.report.document import Equation, Panels
from skipscope.report.handin import by_depth
from skipscope.report.handin import without as section
from skipscope.report.handin.by_depth import depth_figures
from skipscope.report.handin.evidence import Evidence
from skipscope.report.handin.without import without

FALLEN, KEPT = -0.8, 0.02


@pytest.fixture
def tables(study_tables):
    return study_tables()


def told(tables, language="en", study="depth", **claims):
    return read(without(prose(tables, card(study, claims), language=language)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_it_has_all_that_a_section_needs(tables, language):
    written = prose(tables, language=language)
    blocks = without(written, depth_figures(written))
    text = read(blocks)
    assert sum(isinstance(block, Equation) for block in blocks) == 1  # the chain rule
    assert sum(isinstance(block, Panels) for block in blocks) == 1
    assert "9,000 [6,500, 12,000]" in text  # measured, with its interval
    assert {"en": "cannot be told from degradation", "zh": "还不能区分起步慢与"}[language] in text  # a limit
    assert {"en": "no design costs less", "zh": "没有哪种结构的代价更低"}[language] in text  # a price
    assert "0.0052" in text  # 0.9 to the power of 50


def test_the_factor_of_a_layer_is_that_of_the_depths_between(tables):
    """From 20 to 56 layers the reference's ratio grows from 26 to 9,000: (9000/26) ** (1/36) is 1.176."""
    text = told(tables)
    assert "multiplies the ratio by 1.176 [1.171, 1.181]" in text


def test_the_figures_of_depth_show_every_kind_of_network_that_was_measured(tables):
    start, error = depth_figures(prose(tables))
    shown = {family: sorted(start.table.filter(family=family)["layers"]) for family in start.table["family"]}
    four = [8, 20, 32, 56]
    networks = {"plain": four, "resnet": four, "plain_nobn": four, "densenet": [19, 31, 55]}
    assert shown == networks | {"se_resnet": [20]}
    names = dict(start.table.select("family", "name").iter_rows())
    assert names == {
        "plain": "plainN",
        "resnet": "resnetN",
        "densenet": "densenetN_k8",
        "se_resnet": "se_resnet20",
        "plain_nobn": "plainN_nobn",
    }
    trained = set(error.table.select("family", "layers").iter_rows())
    assert trained == {
        *((family, layers) for family in ("plain", "resnet") for layers in four),
        *(("densenet", 19), ("densenet", 31), ("se_resnet", 20)),
    }


def test_theory_is_drawn_beside_what_it_predicts(tables):
    """A layer of a chain multiplies the squared gradient by pi / (pi - 1), 1.467: 18 layers, 31.5 in all."""
    start, error = depth_figures(prose(tables))
    rows = start.table.select("family", "layers", "theory").iter_rows()
    theory = {(family, layers): value for family, layers, value in rows}
    assert theory["plain", 20] == pytest.approx(1.4669**9, rel=1e-3)
    assert theory["resnet", 20] == pytest.approx(8.3, abs=0.05)
    assert {family for (family, _), value in theory.items() if value} == {"plain", "resnet"}
    assert error.table["theory"].count() == 0


def test_errors_of_other_budgets_are_not_drawn_beside_each_other(tables, monkeypatch):
    of = Evidence.budget

    def budget(evidence, level):
        images, epochs = of(evidence, level)
        return images, epochs + (level.arm == "densenet31_k8")

    monkeypatch.setattr(Evidence, "budget", budget)
    _, error = depth_figures(prose(tables))
    assert sorted(error.table.filter(family="densenet")["layers"]) == [19]


def test_without_a_study_of_depth_the_figure_and_its_numbers_are_left_out(tables):
    written = prose(tables, card("lab", {}))
    assert depth_figures(written) == ()
    blocks = without(written)
    assert "What depth does" not in read(blocks)
    assert "first-to-last ratio is 0.47 [0.44, 0.49] before training" in read(blocks)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("so the gradient does vanish", "does not vanish later either", "too wide to call this")),
        ("zh", ("此时才真正在回传途中消失", "在训练中也没有消失", "还不能称之为消失")),
    ],
)
def test_whether_the_gradient_vanishes_in_training_is_said_by_the_verdict(tables, language, words):
    for verdict, expected in zip(("supported", "contradicted", "inconclusive"), words, strict=True):
        text = told(tables, language, S1b=(verdict, [("training", "plain56", verdict, FALLEN)]))
        assert [each in text for each in words] == [each == expected for each in words]


def test_a_study_that_leaves_open_what_another_settled_is_told_as_well(tables):
    text = read(without(prose(tables)))
    assert "0.086 [0.025, 0.29]" in text  # evening, settled
    assert "The study depth leaves this open: there, the median ratio is 0.17" in text
    assert "falls, at layers between the two, to 0.0078 times" in text
    assert "the median ratio is" not in told(
        tables, S1b=("supported", [("training", "plain56", "supported", FALLEN)])
    )


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("supported", "Deeper plain networks train worse. From 8 to 56 layers"),
        ("contradicted", "Degradation does not occur: from 8 to 56 layers"),
        ("inconclusive", "too uncertain to be called degradation"),
    ],
)
def test_degradation_is_said_by_the_verdict_on_plain_networks(tables, verdict, expected):
    text = told(tables, S3=("supported", [("plain", "plain8, plain56", verdict, 28.0)]))
    assert expected in text
    assert ("+28" in text) == (verdict != "supported")  # a rise needs no sign


def test_degradation_is_set_apart_from_vanishing_only_where_a_network_shows_it(tables, monkeypatch):
    rise = {"S3": ("supported", [("plain", "plain8, plain56", "supported", 28.0)])}
    text = told(tables, **rise)
    assert "going from 8 to 32 layers raises it from" in text  # with 56 it may have vanished
    assert "a gradient that vanishes on its way to the first layers is unlikely to be the only cause" in text
    assert "about 0.31 times as large as at the last convolution" in text
    monkeypatch.setattr(by_depth, "CLEAR", -1.0)  # as if nothing short of ten times were kept
    assert "cannot be the only cause" not in told(tables, **rise)


def test_which_explosion_heals_sooner_is_said_as_it_was_measured(tables):
    training = {"S1b": ("supported", [("training", "plain56", "supported", FALLEN)])}
    healed = "after 12 steps, sooner than in the residual network of the same depth (32 steps)"
    assert healed in told(tables, **training)


def test_what_vanishing_means_is_said_and_applies_to_every_network(tables):
    text = told(tables)
    assert "said to vanish where this ratio is below 0.50" in text
    assert "ratio is 0.28 [0.21, 0.36], below the bound for vanishing" in text


def test_where_own_runs_and_the_reference_settle_a_claim_differently_both_are_said(tables):
    mine = finding(part_of("S1b", "training"), "supported", comparison="plain56", arms=("plain56",))
    result = ClaimResult(id="S1b", group="shortcuts", verdict="supported", findings=(mine,))
    other = ("contradicted", [("training", "plain56", "contradicted", KEPT)])
    written = prose(tables, card("depth", {"S1b": other}), results=(result,))
    text = read(without(written))
    assert "so the gradient does vanish" in text
    assert "opposite verdict on “Gradient propagation during training”: it trained on 6,000 images" in text
    agreed = prose(tables, card("depth", {"S1b": ("supported", other[1])}), results=(result,))
    assert "opposite verdict" not in read(without(agreed))


def test_that_networks_are_not_wide_is_said_where_their_gradient_grows_less_than_in_wide_ones(
    tables, monkeypatch
):
    text = read(without(prose(tables)))
    assert "are not wide; for 56 layers, this predicts a ratio of 31,000" in text
    monkeypatch.setattr(section, "gain", lambda *_: (1.25, 1.20, 1.30))
    assert "are not wide" not in read(without(prose(tables)))
