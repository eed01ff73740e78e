"""Tests `skipscope.report.handin.control`: what the shortcuts of `resnet` do, by the same network without."""

from types import SimpleNamespace

import pytest
from made_up_bodies import prose, read

from skipscope.claims.model import MINIMUM_SEEDS
from skipscope.report.document import Panels
from skipscope.report.families import family_of, told_apart
from skipscope.report.handin import control as chapter
from skipscope.report.handin.control import beside_cnn, concluded, control, gain, in_short, in_table
from skipscope.report.words import unmarked

FIVE = ("cnn", "resnet", "densenet", "se_resnet", "resnet_noskip")


@pytest.fixture
def written(study_tables):
    return prose(study_tables(arms=FIVE))


def text_of(statements):
    return " ".join(unmarked(each.text) for each in statements).replace("\u00a0", " ")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_has_both_curves_and_what_five_seeds_of_the_reference_say(study_tables, language):
    blocks = control(prose(study_tables(arms=FIVE), language=language))
    text = read(blocks)
    assert [each.name for each in blocks[-1].figures] == ["control-loss", "control-accuracy"]
    assert "4.1 [3.2, 4.9]" in text  # points of test accuracy: 78.9 against 74.8
    assert "7.0 [5.9, 8.2]" in text  # and in the shorter study, 53.0 against 46.0
    assert "6.6 [5.9, 7.3]" in text  # of training error
    assert "0.76 [0.72, 0.81]" in text  # epochs


def test_without_a_run_of_its_own_the_reference_speaks_alone(study_tables):
    blocks = control(prose(study_tables()))
    assert not any(isinstance(block, Panels) for block in blocks)
    assert "Over 5 seeds, the shortcuts raise the test accuracy by 4.1 [3.2, 4.9]" in read(blocks)


def test_too_few_seeds_tell_no_difference(written, monkeypatch):
    level, found = gain(written, "test accuracy")
    assert level.study == "lab"
    assert found.n == MINIMUM_SEEDS == 5
    told = read(control(written))
    assert "in the shorter study noskip, by 7.0" in told
    monkeypatch.setattr(chapter, "gains", lambda *_: iter([(level, found)]))
    assert "shorter study" not in read(control(written))
    monkeypatch.undo()
    monkeypatch.setattr(type(written.evidence), "levels", lambda *_: iter([]))
    assert gain(written, "test accuracy") is None


def test_a_gradient_that_vanishes_is_no_argument(written, monkeypatch):
    found = dict.fromkeys(chapter.PAIR, chapter.courses(written)["resnet"])
    monkeypatch.setattr(chapter, "courses", lambda _: found)
    assert "is unlikely to be the reason" not in read(control(written))  # both end alike
    assert "Nor does it vanish at the first layer" in text_of(concluded(written))
    monkeypatch.setattr(chapter, "GONE", 99.0)
    assert concluded(written) == []


def test_what_the_control_shows_is_said_only_if_it_does(written, monkeypatch):
    own = chapter.courses(written)
    better = {"resnet": own["resnet"], "resnet_noskip": own["resnet"]}
    monkeypatch.setattr(chapter, "courses", lambda _: better)
    assert in_table(written) == []
    assert beside_cnn(written) == []
    monkeypatch.setattr(chapter, "courses", lambda _: {})
    assert in_table(written) == []


def test_on_the_first_page_it_is_one_sentence(written, study_tables):
    assert "without its shortcuts" in text_of(in_short(written)).lower()
    assert in_short(prose(study_tables())) == []


def test_it_waits_for_the_chapter_that_explains(written):
    assert [each.arm for each in told_apart(written.context.tables.summaries)] == list(FIVE[:-1])
    assert family_of("resnet_noskip").name == "plain"


def test_two_networks_are_shown_even_if_one_is_a_control(study_tables):
    tables = prose(study_tables(arms=("resnet", "resnet_noskip"))).context.tables
    assert [each.arm for each in told_apart(tables.summaries)] == ["resnet", "resnet_noskip"]


def test_mini_batches_that_hardly_agree_either_way_are_no_explanation(written, monkeypatch):
    (said,) = chapter.unlike(written)
    assert "0.01 with shortcuts, 0.00 without" in text_of([said])
    monkeypatch.setattr(chapter, "AGREE", 0.001)
    assert chapter.unlike(written) == []


@pytest.mark.parametrize(("bare", "told"), [(0.19, True), (0.01, False)])
def test_smallest_gradients_are_told_where_that_of_the_chain_is_about_as_large(
    written, monkeypatch, bare, told
):
    least = {"resnet": 0.25, "resnet_noskip": bare}
    monkeypatch.setattr(chapter, "curve", lambda _, arm: SimpleNamespace(least=least[arm]))
    said = text_of(chapter.gradients(written))
    assert (f"{bare} times as large as at the last one without shortcuts, 0.25 times" in said) == told


def test_without_readings_there_is_no_smallest_gradient(written):
    assert chapter.curve(written.context.tables, "resnet") is None
    assert "At its smallest" not in text_of(chapter.gradients(written))
