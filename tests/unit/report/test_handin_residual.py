"""What is said of residual connections, on the reference that ships and on verdicts made up."""

from math import pi, sqrt

import pytest
from made_up_bodies import card, prose, read

from skipscope.reference import shipped
from skipscope.report.document import Equation, Panels
from skipscope.report.handin import residual as section
from skipscope.report.handin.basis import budgets, clipping, introduction
from skipscope.report.handin.by_depth import predicted, steepness
from skipscope.report.handin.pieces import Level
from skipscope.report.handin.prose import bracketed
from skipscope.report.handin.residual import projections, residual, without_norm
from skipscope.report.words import unmarked

DEEPER = [
    ("plain", "plain8, plain56", "supported", 28.0),
    ("resnet", "resnet8, resnet56", "contradicted", 4.7),
]


@pytest.fixture
def tables(study_tables):
    return study_tables()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_it_has_all_that_a_section_needs(tables, language):
    blocks = residual(prose(tables, language=language))
    text = read(blocks)
    assert sum(isinstance(block, Equation) for block in blocks) == 1
    assert sum(isinstance(block, Panels) for block in blocks) == 1
    assert "9,000 [6,500, 12,000]" in text  # measured, with its interval
    assert {"en": "Whether it keeps up later is open", "zh": "看不出它后来能否跟上"}[
        language
    ] in text  # a limit
    assert {"en": "no parameters", "zh": "没有参数"}[language] in text  # a price


def test_whether_the_gradient_vanishes_in_training_is_said_by_the_verdict(tables):
    def told(verdict):
        training = (verdict, [("training", "plain56", verdict, -0.8)])
        return read(residual(prose(tables, card("depth", {"S1b": training}))))

    assert "falls to 0" in told("supported")
    assert "vanishes in neither" in told("contradicted")
    assert "differs widely between seeds" in told("inconclusive")


def test_what_agrees_is_said_not_to_grow_with_depth_only_where_it_does_not(tables):
    """On the reference the correlation rises less at 56 layers than at 20; what shortcuts are worth grows."""
    text = read(residual(prose(tables)))
    assert "is no larger with 56 layers than with 20, although" in text
    assert "No experiment has tested it" not in text

    def told(before, after, verdict="supported"):
        pairs = [("start", "resnet20 - plain20", "supported", before)]
        pairs += [("start", "resnet56 - plain56", "supported", after)]
        depth = {"S3": (verdict, [(*part[:2], verdict, part[3]) for part in DEEPER])}
        made_up = prose(tables, card("depth", {"S6": ("supported", pairs)} | depth))
        return " ".join(said.text for said in section.mechanism(made_up, made_up.evidence.judged("S6")))

    assert "No experiment has tested it" in told(0.2, 0.3)
    assert "is no larger with" in told(0.3, 0.2)
    assert "is no larger with" not in told(0.2, 0.3)
    assert "is no larger with" not in told(0.3, 0.2, "contradicted")  # nothing is said to grow


def test_that_shortcuts_even_nothing_during_training_is_said_of_the_depths_that_show_it(tables):
    assert "With 20 and 32 layers, the gradients of residual networks are no more even" in read(
        residual(prose(tables))
    )
    even = [("training", f"resnet{depth} - plain{depth}", "supported", -0.5) for depth in (20, 32)]
    fallen = {"S1b": ("supported", [("training", "plain56", "supported", -0.8)])}
    assert "no more even" not in read(
        residual(prose(tables, card("depth", fallen | {"S1c": ("supported", even)})))
    )


def test_degradation_is_called_reduced_only_where_it_was(tables):
    found = read(residual(prose(tables, card("depth", {"S3": ("supported", DEEPER)}))))
    assert "by only 4.70 [4.23, 5.17]" in found
    assert "reduce what depth costs, but do not remove it" in found
    absent = read(residual(prose(tables, card("depth", {"S3": ("contradicted", DEEPER)}))))
    assert "reduced" not in absent
    assert "does not hold in these runs" in absent


def test_without_batchnorm_the_addition_is_seen_to_do_harm(tables):
    (said,) = without_norm(prose(tables))
    text = unmarked(said.text).replace("\u00a0", " ")
    assert "the ratio is 11,000 [8,200, 14,000] with shortcuts and 0.28" in text
    assert "the reverse is found" in read(residual(prose(tables)))  # it limits what is said with BatchNorm
    even = ("inconclusive", [("nobn", "resnet56_nobn - plain56_nobn", "supported", -1.0)])
    assert without_norm(prose(tables, card("depth", {"S1c": even}))) == []


def test_that_the_ratio_grows_as_a_power_is_said_where_it_does(tables, monkeypatch):
    text = read(residual(prose(tables)))
    assert "agree in form: each further layer" in text  # no figure is there to refer to
    monkeypatch.setattr(section, "ALIKE", 1.0)  # as if plain networks had to grow by exactly the same factor
    assert "agree in form" not in read(residual(prose(tables)))


def test_growth_through_blocks_is_the_root_of_a_product():
    assert predicted(1) == pytest.approx(sqrt(1 + (pi / (pi - 1)) ** 2))
    assert predicted(2) == pytest.approx(predicted(1) * sqrt(1 + (pi / (pi - 1)) ** 2 / 2))
    assert predicted(9, late=3) == pytest.approx(3.24, abs=0.01)  # of halved branches, by hand


def test_a_rise_is_paired_by_seed_and_needs_as_many_seeds_at_each_depth():
    def level(*values):
        return Level(quantity="q", arm="resnet20", values=values, basis="own", study="lab")

    shallow, deep = level(1.0, 2.0, 3.0, 4.0, 5.0), level(3.0, 4.0, 5.0, 6.0, 7.01)
    ((rise, low, high),) = steepness([shallow, deep], [10, 20])
    assert (rise, low, high) == pytest.approx((0.2, 0.2, 0.2), rel=0.01)  # each rises alike
    assert steepness([shallow, level(3.0, 4.0)], [10, 20]) == []
    assert steepness([level(1.0), level(3.0)], [10, 20]) == []


def test_the_studies_of_the_reference_are_tabulated_with_their_budgets(tables):
    _, said, table = introduction(prose(tables))
    assert "unofficial copies of CIFAR-10 ([Table 1]" in said.text
    rows = {unmarked(row[0]): [unmarked(cell) for cell in row[1:]] for row in table.rows}
    assert rows.keys() == shipped.cards().keys()
    assert rows["depth"] == ["networks of growing depth", "6,000", "128", "3", "0.1", "5"]
    assert rows["evening"][1:] == ["3,200", "32", "1–2", "0.02–0.2", "5–10"]


def test_which_studies_used_copies_is_told_one_by_one_if_others_did_not(tables):
    exact = shipped.cards()["depth"].model_copy(update={"fidelity": "exact"})
    one, other = budgets(prose(tables, exact, shipped.cards()["fair"]), ["depth", "fair"]).rows
    assert "copy" not in one[1]
    assert other[1].endswith("on an unofficial copy")


def test_that_gradients_were_clipped_is_said_of_the_networks_that_it_was_done_to(tables):
    rests = [each.model_copy(update={"claims": []}) for each in shipped.cards().values()]
    said = [each.text for each in clipping(prose(tables, *rests), [each.study for each in rests])]
    assert len(said) == 1
    assert "Only the assignment's networks and their variants were trained with gradient clipping" in said[0]
    (free,) = clipping(prose(tables), ["depth", "fair"])
    assert free.text == "They did not clip gradients."
    arms = [arm.model_copy(update={"clip_norm": 1.0}) for arm in shipped.cards()["depth"].arms]
    clipped = shipped.cards()["depth"].model_copy(update={"arms": arms})
    assert clipping(prose(tables, clipped), ["depth"]) == []


def test_an_interval_is_rounded_to_what_it_carries():
    assert bracketed(28.009, 16.2, 39.8) == "28 \\[16,\u00a040\\]"
    assert bracketed(4.721, 1.5684, 7.87454) == "4.7 \\[1.6,\u00a07.9\\]"
    assert bracketed(0.206, 0.198213, 0.213558) == "0.206 \\[0.198,\u00a00.214\\]"
    assert bracketed(-0.0003, -0.0008, 0.0001) == "0.000 \\[−0.001,\u00a00.000\\]"
    assert bracketed(-48.358, -48.358, -48.358) == "−48.4"
    assert bracketed(4.721, 1.5684, 7.87454, signs=True) == "+4.7 \\[+1.6,\u00a0+7.9\\]"


def test_projections_are_counted_in_what_is_printed():
    printed = "(0): Conv2d(64, 128, kernel_size=(1, 1), stride=(2, 2), bias=False)"
    assert projections(f"{printed}\n(1): Conv2d(64, 64, kernel_size=(3, 3))") == 64 * 128
