"""What stands on the first page, on the reference that ships and on verdicts made up."""

import re
from dataclasses import replace

import pytest
from documents import built
from made_up_bodies import card, prose

from skipscope.report.document import Panels, Table
from skipscope.report.handin import by_depth, one_page
from skipscope.report.handin.in_short import in_one_sentence, of_section, shorts
from skipscope.report.handin.one_page import caveat, dense, gated, limits, residual, without
from skipscope.report.rendering import paper_source
from skipscope.report.words import unmarked

DEEP = "resnet56 - plain56"
POOL = "se_resnet_pool - resnet"
STATIC = "se_resnet_pool - se_resnet_pool_static"
HALF = "se_resnet_pool_half - resnet"


@pytest.fixture
def tables(study_tables):
    return study_tables()


def said(statement):
    return "" if statement is None else unmarked(statement.text).replace("\u00a0", " ")


def of(tables, sentence, language="en", **claims):
    return said(sentence(prose(tables, card("depth", claims), language=language)))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_has_the_question_a_table_a_figure_and_five_sentences(tables, language):
    writer = prose(tables, language=language)
    page = one_page.one_page(writer.context)
    (table,) = (block for block in page.blocks if isinstance(block, Table))
    (curves,) = (block for block in page.blocks if isinstance(block, Panels))
    assert [figure.name for figure in curves.figures] == ["loss-of-all", "validation-accuracy-of-all"]
    assert len(table.columns) == 5
    told = [said(sentence(writer)) for sentence in (without, residual, dense, gated)]
    told.append(said(limits(writer, table)))
    assert all(told)
    assert all(re.search(r"\d%? \[\S+, \S+\]", sentence) for sentence in told[:4])
    assert "52%" in told[2]  # counted, as is the next
    assert "0.80%" in told[3]


def test_only_where_networks_are_left_out_are_there_tables_without_them(tables, monkeypatch):
    whole = prose(tables).context
    assert one_page.foremost(whole) is whole
    monkeypatch.setattr(one_page, "told_apart", lambda summaries: summaries[:1])
    assert one_page.foremost(whole).tables.arms == tables.arms[:1]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("start", ["supported", "contradicted", "inconclusive"])
@pytest.mark.parametrize("error", ["supported", "contradicted"])
def test_without_shortcuts_each_outcome_has_its_words(tables, start, error, language):
    found = of(
        tables,
        without,
        language,
        S1a=(start, [("start", "plain56", start, 3.0)]),
        S3=(error, [("plain", "plain8, plain56", error, 28.0)]),
    )
    assert ("1,000" in found) == (start != "inconclusive")
    # the deepest network whose gradient does not vanish, in the reference
    assert ("57.7% [57.0, 58.4]" in found) == (error == "supported")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("start", ["supported", "contradicted", "inconclusive"])
def test_where_no_network_shows_it_apart_the_rise_is_told(tables, monkeypatch, start, language):
    monkeypatch.setattr(by_depth, "CLEAR", -1.0)  # as if nothing short of ten times were kept
    starts = (start, [("start", "plain56", start, 3.0)])
    rise = ("supported", [("plain", "plain8, plain56", "supported", 28.0)])
    assert "28.0 [25.2, 30.8]" in of(tables, without, language, S1a=starts, S3=rise)


def test_depths_that_differ_in_what_they_say_of_the_start_say_nothing(tables):
    starts = [("start", "plain20", "contradicted", 0.1), ("start", "plain56", "supported", -2.0)]
    assert of(tables, without, S1a=("contradicted", starts)) == ""


@pytest.mark.parametrize("language", ["en", "zh"])
def test_residual_connections_are_credited_with_what_is_supported_alone(tables, language):
    even = ("supported", [("start", DEEP, "supported", -2.0)])
    cured = [
        ("plain", "plain8, plain56", "supported", 28.0),
        ("resnet", "resnet8, resnet56", "supported", 4.0),
    ]
    both = of(tables, residual, language, S1c=even, S3=("supported", cured))
    assert "4.00 [3.60, 4.40]" in both
    assert "28.0 [25.2, 30.8]" in both
    assert "4.00" not in of(tables, residual, language, S1c=even, S3=("inconclusive", cured))
    assert "100" not in of(tables, residual, language, S3=("supported", cured))
    assert of(tables, residual, language, S3=("contradicted", cured)) == ""


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verdict", ["supported", "contradicted", "inconclusive"])
def test_dense_networks_have_their_price_named_whatever_came_out(tables, verdict, language):
    pair = "densenet19_k10 - resnet20"
    parts = [("accuracy", pair, verdict, -1.0), ("parameters", pair, "supported", -48.0)]
    found = of(tables, dense, language, D3=(verdict, [*parts, ("memory", pair, "contradicted", 134.0)]))
    assert "52%" in found
    assert {"en": "more feature maps have to be kept", "zh": "多存特征图"}[language] in found
    assert ("too wide to decide" in found or "区间太宽" in found) == (verdict == "inconclusive")
    assert "−1.00" in found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_gain_by_gates_is_traced_as_far_as_verdicts_carry(tables, language):
    price = ("supported", [("parameters", POOL, "supported", 0.8)])

    def gains(gain, content="inconclusive", half="inconclusive"):
        parts = [("content", STATIC, content, 0.1), ("half", HALF, half, 1.5)]
        claims = {"E3": (gain, [("accuracy", POOL, gain, 1.6)]), "E4": (content, parts)}
        return of(tables, gated, language, E2=price, **claims)

    open_one = gains("supported")
    scale = gains("supported", "contradicted", "supported")
    content = gains("supported", "supported")
    mostly = gains("supported", "inconclusive", "supported")
    assert len({open_one, scale, mostly, content, gains("contradicted"), gains("inconclusive")}) == 6
    assert all("1.50" in each for each in (scale, mostly))
    assert all("0.80%" in each for each in (open_one, scale, content))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_whole_is_told_in_one_sentence_of_what_verdicts_carry(tables, language):
    deeper = [("plain", "plain8, plain56", "supported", 28.0)]
    claims = {
        "S1a": ("contradicted", [("start", "plain56", "contradicted", 3.0)]),
        "S3": ("supported", deeper),
        "D3": ("contradicted", [("accuracy", "densenet19_k10 - resnet20", "contradicted", -4.0)]),
        "E3": ("supported", [("accuracy", POOL, "supported", 1.6)]),
    }
    depth, cured, fewer, gain = {
        "en": ("not because gradients vanish", "lessen this", "at the cost of accuracy", "branch raise"),
        "zh": ("原因不是梯度", "减轻了这一困难", "准确率也随之降低", "门控提高准确率"),
    }[language]
    found = of(tables, in_one_sentence, language, **claims)
    assert all(each in found for each in (depth, cured, fewer, gain))
    found = of(
        tables, in_one_sentence, language, **claims | {"S3": ("inconclusive", deeper), "D3": claims["E3"]}
    )
    assert [each in found for each in (depth, cured, fewer, gain)] == [True, False, False, True]
    assert of(tables, in_one_sentence, language, S3=("contradicted", [])) == ""


def test_contents_follow_it_and_do_not_come_before(study_tables):
    document = built(study_tables(), part="handin", results=())
    text = "\n" + paper_source.render(document, suffix="svg")
    first, contents, second = (text.index(part) for part in ("\n# 1 ", ":::: contents", "\n# 2 "))
    assert first < contents < second


@pytest.mark.parametrize(("error", "told"), [([86.0] * 5, True), ([60.0] * 5, False)])
def test_a_network_near_chance_is_called_one_that_has_hardly_begun(tables, monkeypatch, error, told):
    """A degradation of such a network says how hard it is to start, not where training ends."""
    written = prose(tables)
    piece = written.evidence.piece("S3", "plain")
    level = written.evidence.level_of(piece, "training error", "plain56")
    monkeypatch.setattr(type(written.evidence), "level_of", lambda *_: replace(level, values=tuple(error)))
    said = caveat(written)
    assert (said is not None and "hardly begun to learn" in said.text) == told


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_section_begins_with_what_the_first_page_says_of_it(tables, language):
    written = prose(tables, language=language)
    whole = said(in_one_sentence(written))
    assert list(shorts(written)) == ["without", "residual", "dense", "gated"]
    for section in ("without", "dense", "gated"):
        (told,) = of_section(written, section, [])
        item, _, claims = (
            unmarked(told.text).partition({"en": ": ", "zh": "： "}[language])[2].partition(" [")
        )
        assert item.rstrip(".。").lower() in whole.lower()
        assert {"en": "[appendix: ", "zh": "[附录："}[language] in claims
    assert of_section(written, "beside", []) == []
