"""What the hand-in concludes, on the reference that ships and on verdicts made up."""

import re

import pytest
from made_up_bodies import card, part, prose, read

from skipscope.claims.catalogue import catalogue
from skipscope.reference import shipped
from skipscope.report.document import Table
from skipscope.report.handin import conclusion as whole
from skipscope.report.handin import network_by_network as chapter
from skipscope.report.handin.basis import budgets
from skipscope.report.handin.conclusion import ROWS, conclusion, limits_of, verdicts
from skipscope.report.handin.evidence import _finding
from skipscope.report.handin.network_by_network import candidates, network_by_network
from skipscope.report.handin.pieces import Piece
from skipscope.report.handin.residual import agreement
from skipscope.report.handin.textbook import FIRST, SENTENCES, answers, certainty, unsettled
from skipscope.report.rendering.html import _parted
from skipscope.report.words import unmarked

PAIR = "resnet56 - plain56"


@pytest.fixture
def tables(study_tables):
    return study_tables()


def judged(verdict, estimate=0.5, **other):
    """Every claim with this verdict in all its parts, measured on one pair."""
    return {
        id: (verdict, [(name, PAIR, verdict, estimate) for name in claim.parts])
        for id, claim in catalogue().items()
    } | other


def table_of(blocks):
    return next(block for block in blocks if isinstance(block, Table))


KINDS = {
    "en": ("Without shortcuts", "Residual connections", "Dense connections", "Gates"),
    "zh": ("没有跳跃连接", "残差连接", "稠密连接", "门控"),
}
PRICES = {
    "en": ("adds no cost", "at almost no cost", "The price is memory", "cost time"),
    "zh": ("没有额外的开销", "几乎没有代价", "代价是内存", "每张图像的训练时间变长"),
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_concludes_on_each_kind_of_network_and_names_its_price(tables, language):
    paragraphs = conclusion(prose(tables, language=language).context).blocks[:4]
    texts = [unmarked(each.text) for each in paragraphs]
    for text, kind, price in zip(texts, KINDS[language], PRICES[language], strict=True):
        assert text.startswith(kind)
        assert price in text
    candidates = {"en": ("only reason", "If either remains"), "zh": ("唯一的原因", "都是障碍")}
    found = [texts[1].find(each) for each in candidates[language]]
    assert -1 < found[0] < found[1]


def test_where_nothing_is_settled_no_verdict_is_told(tables):
    writer = prose(tables, card("depth", judged("inconclusive")))
    plain, residual, _, gated = (
        [unmarked(said.text) for said in told] for told in network_by_network(writer)
    )
    assert len(plain) == 2
    assert not any("harder to train" in text for text in plain)
    assert not any("easier to train" in text for text in residual)
    assert not any("accuracy" in text for text in gated)


def test_what_shortcuts_may_be_worth_is_said_only_as_far_as_it_was_found(tables, monkeypatch):
    """On the reference an experiment answers; without it each of four is weighed, and rests on something."""
    written = prose(tables)
    assert [bool(said.sources) for said in candidates(written)] == [False, True, True, True]
    monkeypatch.setattr(chapter, "weighed", lambda _: [])
    assert [bool(said.sources) for said in candidates(written)] == [False, *[True] * 5, False, False]
    monkeypatch.setattr(chapter, "overwritten", lambda _: [])
    monkeypatch.setattr(chapter, "apart", lambda *_: None)  # no chain trains worse with a gradient kept
    monkeypatch.setattr(chapter, "without_norm", lambda _: [])
    assert [said.text for said in candidates(written)][1:] == [written.say("conclusion.why.agree").text]
    monkeypatch.setattr(chapter, "agreement", lambda _: ())
    assert candidates(written) == []


def test_gradients_are_said_to_agree_only_where_inputs_and_batches_both_do(tables):
    both = card("fair", judged("supported"))
    assert agreement(prose(tables)) != ()
    assert agreement(prose(tables, both)) == ()  # nothing tells how alike those of inputs are


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_the_reference_each_row_has_a_basis_and_a_certainty(tables, language):
    table = table_of(verdicts(prose(tables, language=language)))
    assert ROWS - 1 <= len(table.rows) <= ROWS
    assert all(all(map(unmarked, row)) for row in table.rows)
    assert len(table.statements) == len(table.rows)
    first = " ".join(map(unmarked, table.rows[0])).replace("\u00a0", " ")
    assert re.search(r"plain56\D+[\d,]+ \[\S+, \S+\]", first)
    assert {"en": "seeds, before training", "zh": "个种子，训练开始前"}[language] in first


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", ["supported", "contradicted"])
def test_every_sentence_has_words_for_what_can_come_of_it(tables, verdict, language):
    told = answers(prose(tables, card("depth", judged(verdict)), language=language), most=99)
    assert [each.key for each in told] == [each.key for each in SENTENCES]
    assert not unsettled(prose(tables, card("depth", judged(verdict))))


def test_where_there_is_no_room_the_foremost_are_kept_in_reading_order(tables):
    assert sorted(FIRST) == sorted(each.key for each in SENTENCES)
    kept = [each.key for each in answers(prose(tables, card("depth", judged("supported"))), most=3)]
    assert kept == ["vanishing", "even", "degradation"]


def test_what_is_open_is_named_and_in_no_row_but_whether_fewer_parameters_suffice(tables, monkeypatch):
    writer = prose(tables, card("depth", judged("inconclusive")))
    monkeypatch.setattr(whole, "prose_of", lambda _: writer)
    assert [(each.key, each.sure) for each in answers(writer, most=99)] == [("parameters", "open")]
    assert "Open: with" in read(verdicts(writer))
    text = read(conclusion(writer.context).blocks)
    number = len(catalogue())
    assert f"{number} of {number} claims remain open" in text
    assert f"[appendix: {next(iter(catalogue()))}," in text
    assert len(unsettled(writer)) == len(catalogue())


def test_shortcuts_even_gradients_out_and_whether_they_still_do_later_is_said(tables):
    def of(later):
        parts = [("start", PAIR, "supported", -2.0), ("training", PAIR, later, 0.3)]
        return read(verdicts(prose(tables, card("depth", {"S1c": ("inconclusive", parts)}))))

    assert "100 [63, 160] times as large without shortcuts" in of("contradicted")
    assert "the ratio of the residual network is not always" in of("contradicted")
    assert "the ratio of the residual network is not always" not in of("supported")


def test_that_all_agree_on_an_order_is_said_only_where_every_pair_is_settled(tables):
    def of(*pairs):
        parts = [("images", f"se_resnet - {other}", told, value) for other, told, value in pairs]
        return read(verdicts(prose(tables, card("stem", {"T5": ("supported", parts)}))))

    one = ("resnet", "supported", 0.95)
    assert "any two networks agree" in of(one)
    some = of(one, ("resnet_nopool", "inconclusive", 0.82))
    assert "of 2 pairs of networks, 1 agree" in some
    assert "se_resnet against resnet_nopool" in some


def test_gates_are_credited_in_part_where_halving_the_branch_brings_most_of_it(tables):
    def of(half):
        parts = [
            ("content", "se_resnet_pool - se_resnet_pool_static", "inconclusive", 0.1),
            ("half", "se_resnet_pool_half - resnet", "supported", half),
        ]
        gain = ("supported", [("accuracy", "se_resnet_pool - resnet", "supported", 1.8)])
        return read(verdicts(prose(tables, card("stem", {"E3": gain, "E4": ("inconclusive", parts)}))))

    assert "Partly true, in one pair: the accuracy rises" in of(1.6)
    assert "it rises by 1.60" in of(1.6)
    assert "Partly true" not in of(1.0)


def test_networks_that_are_faster_here_and_slower_there_give_no_row(tables):
    def of(deepest):
        pairs = [("epochs", "resnet20 - plain20", "supported", -0.4), ("epochs", PAIR, "supported", deepest)]
        return answers(prose(tables, card("depth", {"T1": ("supported", pairs)})), most=99)

    assert "needs 0.76 [0.74, 0.78] times those of the plain one" in unmarked(of(-0.4)[0].found.text).replace(
        "\u00a0", " "
    )
    assert of(0.4) == []


@pytest.mark.parametrize(
    ("estimate", "seeds", "sure"), [(0.9, 5, "fair"), (0.9, 10, "good"), (3.0, 5, "good"), (3.0, 10, "high")]
)
def test_certainty_grows_with_seeds_and_with_the_distance_from_the_bound(estimate, seeds, sure):
    row = part("E3", "accuracy", "se_resnet_pool - resnet", "supported", estimate)
    row["effect"] |= {"n": seeds, "low": estimate - 0.35, "high": estimate + 0.35}
    piece = Piece(claim="E3", finding=_finding(row), basis="reference", study="stem")
    assert certainty(piece) == sure


@pytest.mark.parametrize("language", ["en", "zh"])
def test_limits_are_five_and_name_the_paper_s_budget(tables, language):
    limits = limits_of(prose(tables, language=language))
    assert len(limits) == 5
    assert "64,000" in limits[1].text
    assert "20" in limits[3].numbers  # seeds before training, more than were trained


def test_each_study_of_the_reference_is_read_once(tables, monkeypatch):
    read, load = [], shipped.load_study
    monkeypatch.setattr(shipped, "load_study", lambda name: read.append(name) or load(name))
    shipped.batch_size.cache_clear()
    for language in ("en", "zh"):
        ready = prose(tables, language=language)
        assert whole.reference_steps(ready) != "0"
        assert budgets(ready, ready.evidence.reference)
    assert sorted(read) == sorted({card.study for card in ready.evidence.reference.values()})


def test_a_basis_names_the_seeds_and_the_study(tables):
    found = card("depth", {"S3": ("supported", [("plain", "plain8, plain56", "supported", 28.0)])})
    (row,) = answers(prose(tables, found), most=99)
    assert row.basis.startswith("5 seeds ⟦reference, ")


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        (r"68.7% \[67.8, 69.6\]", ("68.7%", r"\[67.8, 69.6\]")),
        (r"It is 28 \[16, 40\] points.", (r"It is 28 \[16, 40\] points.", "")),
        (r"From 1 \[0, 2\] to 3 \[2, 4\]", (r"From 1 \[0, 2\] to 3 \[2, 4\]", "")),
        ("5", ("5", "")),
    ],
)
def test_only_a_value_s_own_interval_is_set_apart(cell, parts):
    assert _parted(cell) == parts


def test_the_certainty_is_that_of_the_part_which_the_basis_names(tables):
    start = part("S1a", "start", PAIR, "contradicted", 3.0)
    start["effect"] |= {"n": 20}
    many = card("evening", {})
    many = many.model_copy(update={"claims": [{"id": "S1a", "verdict": "contradicted", "parts": [start]}]})
    later = card("depth", {"S1b": ("supported", [("training", PAIR, "supported", -0.4)])})
    (told,) = answers(prose(tables, many, later), most=1)
    assert "20 seeds, before training" in unmarked(told.basis).replace("\u00a0", " ")
    assert told.sure == "high"
